"""`inv --list` in the order in which people need the tasks; a test holds the groups to the namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

GROUPS = {
    "From sources to a release": [
        "plan",
        "build",
        "test",
        "sbom",
        "scan",
        "tags",
        "push",
        "merge",
        "keygen",
        "sign",
        "verify",
        "pipeline",
    ],
    "Looking": ["next", "inspect", "digest", "scorecard", "checklist", "reproduce"],
    "Without a network": ["bundle.bundle", "bundle.load", "advisories"],
    "On this machine": ["up", "logs", "down", "scan-source"],
    "The engine": ["engine.show", "engine.start", "engine.stop", "engine.env"],
    "Upkeep": ["doctor", "tools", "lint", "clean", "completion"],
}
"""Headings, and the full names of the tasks below them."""

Pair = tuple[str, str | None]
"""A task's names as Invoke shows them, `engine.show (engine)`, and what it does."""


def grouped(pairs: Sequence[Pair]) -> Iterator[tuple[str, list[Pair]]]:
    """The pairs under their headings, in the groups' order, their names padded so that all groups align."""
    width = max(len(shown) for shown, _ in pairs)
    known: Mapping[str, Pair] = {shown.split()[0]: (shown.ljust(width), text) for shown, text in pairs}
    for heading, names in GROUPS.items():
        yield heading, [known[name] for name in names]
