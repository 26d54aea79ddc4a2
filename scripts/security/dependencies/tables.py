"""Parses TOML and JSON locks of unknown origin, and finds the lines on which they name their packages."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from security import reading

QUOTED_NAME = re.compile(r"""^\s*name\s*=\s*["']([^"']+)["']""")


class ManifestError(Exception):
    """A manifest that is not what its name says, in a few words."""


def toml(text: str) -> dict[str, Any]:
    """A TOML document."""
    try:
        return reading.toml(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(f"not TOML: {' '.join(str(error).split())[:120]}") from error


def json_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"not JSON: {' '.join(str(error).split())[:120]}") from error
    if not isinstance(document, dict):
        raise ManifestError("not a JSON object")
    return document


def table(value: object) -> dict[str, Any]:
    """A table, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[dict[str, Any]]:
    """Every table of a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, or an empty one where something else stands."""
    return value if isinstance(value, str) else ""


def hashes(files: object) -> tuple[str, ...]:
    """The `hash` of every file of a list, sorted."""
    return tuple(sorted({text(entry.get("hash")) for entry in tables(files)} - {""}))


def name_lines(content: str) -> list[int]:
    """Lines of `name = "…"` in a TOML lock, in order: the n-th package's is the n-th that stands at a line's start."""
    return [number for number, line in enumerate(content.split("\n"), start=1) if re.match(r'name = "', line)]


def line_of(lines: list[int], index: int) -> int:
    """The n-th of these, 1 where the file is laid out in another way."""
    return lines[index] if index < len(lines) else 1
