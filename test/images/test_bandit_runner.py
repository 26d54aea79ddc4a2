"""Bandit as the scanner runs it says what bandit's own command says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conftest import Built

FIXTURES = Path(__file__).parents[1] / "data/security/rules"
RUNNER = "/app/security/engines/bandit_runner.py"


def report(built: Built, entrypoint: str, *arguments: str) -> dict[str, Any]:
    """What a command says of the rules' fixtures, without the time at which it said it."""
    options = ("--network", "none", "--entrypoint", entrypoint, "-v", f"{FIXTURES}:/fixtures:ro")
    targets = tuple(f"/fixtures/{path.name}" for path in sorted(FIXTURES.glob("*.py")))
    words = (*arguments, "--quiet", "--format", "json", "--ignore-nosec", *targets)
    output = built.run("security-scanner", *words, options=options, ok=(0, 1))
    answer: dict[str, Any]
    answer, _ = json.JSONDecoder().raw_decode(output)
    return {name: value for name, value in answer.items() if name != "generated_at"}


def test_nothing_that_bandit_says_is_lost_or_added(built: Built) -> None:
    said = report(built, "bandit")
    assert len(said["results"]) > 100
    assert report(built, "python3", "-IB", RUNNER) == said
