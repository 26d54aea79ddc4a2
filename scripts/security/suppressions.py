"""Inline comments that accept a finding: the same ones for every engine, and what they hide stays counted."""

from __future__ import annotations

import dataclasses
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from security.model import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COMMENT = re.compile(
    r"#\s*(?:nosec|nosemgrep)\b[ \t]*:?[ \t]*(?P<ids>[A-Za-z0-9_.\-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_.\-]+)*)?"
)
BANDIT_ID = re.compile(r"B\d{3}")


def apply(findings: Iterable[Finding], *, root: Path, rules: frozenset[str]) -> tuple[Finding, ...]:
    """The same findings, those with a comment on one of their lines marked.

    Parameters
    ----------
    rules:
        Names of our own rules. A comment that names rules accepts these only; a word after it that is no rule's name is
        prose (`# nosec because …`), and the comment accepts all.
    """
    marked = []
    for found in findings:
        lines = read_lines(os.path.join(root, found.path))[found.line - 1 : found.end_line]  # noqa: PTH118 - any bytes
        accepted = any(accepts(line, found.rule, rules) for line in lines)
        marked.append(dataclasses.replace(found, state=State.SUPPRESSED) if accepted else found)
    return tuple(marked)


def accepts(line: str, rule: str, rules: frozenset[str]) -> bool:
    """Whether the line's comment covers the rule."""
    for match in COMMENT.finditer(line):
        names = [name.strip() for name in (match["ids"] or "").split(",")]
        named = {name for name in names if name in rules or BANDIT_ID.fullmatch(name)}
        if not named or rule in named:
            return True
    return False


@lru_cache(maxsize=8)
def read_lines(path: str) -> list[str]:
    """Split as the engines count: at newlines only. An unreadable file has no comments."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline=None) as file:  # noqa: PTH123
            return file.read().split("\n")
    except OSError:
        return []
