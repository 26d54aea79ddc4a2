"""Whether a second build gave the same bytes, and where it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from galway.filesystem import shown
from galway.report import status, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from galway.evidence import Record

FILES = 8
"""Differing files that are named for each layer; --json has more."""


def reproduced(records: Sequence[Record]) -> Iterator[Table | str]:
    """One line for each image and platform, then what differs."""
    made = table("image", "platform", "digest", "again", "status")
    layers = table("image", "layer", "made by", "differs in")
    packages = table("image", "package", "first build", "second build")
    bases = table("base", "platform", "first", "again", "status")
    seen: set[tuple[str, str]] = set()
    for record in records:
        again = str(record.measures["made"])
        same = "[green]the same[/]" if again == record.digest else again[7:19]
        platform = record.platform.replace("-", "/", 1)
        made.add_row(record.image, platform, record.digest[7:19], same, status(record.status))
        where = f"{record.image} {platform}"
        for layer in record.measures["layers"]:
            layers.add_row(where, str(layer["number"]), escape(_line(layer["instruction"])), escape(_what(layer)))
        for name in record.measures["settings"]:
            layers.add_row(where, "", "", escape(f"setting {name}"))
        for row in _moved(record.measures["packages"]):
            packages.add_row(where, *map(escape, row))
        for base in record.measures["bases"]:
            if (key := (base["argument"], base["platform"])) not in seen:
                seen.add(key)
                verdict = f"[red]differs[/]: {escape(base['reason'])}" if base["reason"] else "[green]the same[/]"
                bases.add_row(*key, base["old"][7:19], base["new"][7:19], verdict)
    yield from (each for each in (made, layers, packages, bases) if each.row_count)
    for record in records:
        if unknown := record.measures.get("packages_unknown"):
            yield f"the packages of {record.image} could not be compared: {escape(unknown)}"


def _what(layer: dict[str, Any]) -> str:
    if layer["cause"] != "files":
        return {
            "archive": "order or headers of the archive; the files are the same",
            "compression": "compression; the archive is the same",
            "count": "only one build has it",
        }[layer["cause"]]
    lines = [f"{shown(file['path'])}: {file['detail']}" for file in layer["files"][:FILES]]
    left = layer["differing"] - len(lines)
    return "\n".join([*lines, *([f"… and {left} more: --json"] if left > 0 else [])])


def _moved(difference: dict[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    for change in (difference or {}).get("changed", ()):
        yield f"{change['kind']} {change['name']}", ", ".join(change["old"]), ", ".join(change["new"])
    for word in ("added", "removed"):
        for package in (difference or {}).get(word, ()):
            sides = ("", package["version"]) if word == "added" else (package["version"], "")
            yield f"{package['kind']} {package['name']}", *sides


def _line(instruction: str) -> str:
    words = " ".join(instruction.split())
    return words if len(words) <= 60 else f"{words[:58]} …"
