"""The updater finds every pin that carries a comment for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = json.loads((ROOT / ".github/renovate.json").read_text())
COMMENT = re.compile(r"# renovate: datasource=\S+ depName=(\S+)")


def expression(written: str) -> re.Pattern[str]:
    """A pattern of the configuration; JavaScript writes a group's name without the P."""
    return re.compile(written.replace("(?<", "(?P<"))


def found(path: Path) -> list[dict[str, str]]:
    """What the configuration's managers read from a file."""
    relative = str(path.relative_to(ROOT))
    return [
        match.groupdict()
        for manager in CONFIG["customManagers"]
        if any(expression(pattern.strip("/")).search(relative) for pattern in manager["managerFilePatterns"])
        for pattern in manager["matchStrings"]
        for match in expression(pattern).finditer(path.read_text())
    ]


@pytest.mark.parametrize("path", sorted(ROOT.glob("docker/**/*.toml")), ids=lambda path: path.name)
def test_every_comment_in_a_table_leads_to_its_version(path: Path) -> None:
    assert [pin["depName"] for pin in found(path)] == COMMENT.findall(path.read_text())


def test_a_base_is_read_with_its_tag_and_its_digest() -> None:
    python = next(pin for pin in found(ROOT / "docker/bases.toml") if pin["depName"] == "python")
    assert python["currentValue"] == "3.11-slim"
    assert python["currentDigest"].startswith("sha256:")


def test_the_builders_image_is_found_in_the_engines_code() -> None:
    pins = [pin for path in sorted(ROOT.glob("src/galway/engine/*.py")) for pin in found(path)]
    assert "moby/buildkit" in {pin["depName"] for pin in pins}


def test_the_locks_that_are_recompiled_say_so_in_words_that_the_updater_takes() -> None:
    """It refuses short options and options whose value stands apart from them."""
    pattern = expression(CONFIG["pip-compile"]["managerFilePatterns"][0].strip("/"))
    headers = [
        path.read_text().splitlines()[1]
        for path in sorted(ROOT.glob("docker/requirements/*.txt"))
        if pattern.search(str(path.relative_to(ROOT)))
    ]
    assert headers
    for header in headers:
        words = header.removeprefix("#").split()
        assert words[:3] == ["uv", "pip", "compile"]
        assert [word for word in words[3:] if not word.startswith("--")] == [w for w in words if w.endswith(".in")]
