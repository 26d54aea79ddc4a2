"""What cleaning runs."""

from __future__ import annotations

from galway.stages import clean


def test_the_cache_that_is_emptied_is_the_one_that_builds_fill() -> None:
    assert clean.commands("docker", "farm")[0] == ("docker", "buildx", "prune", "--builder", "farm", "--all", "--force")
    assert clean.commands("docker", None)[0] == ("docker", "buildx", "prune", "--all", "--force")
