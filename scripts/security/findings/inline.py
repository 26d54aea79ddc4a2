"""Inline comments that accept a finding: the same ones for every engine, and what they hide stays counted."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from security.findings import source
from security.findings.identity import file
from security.model import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COMMENT = re.compile(
    r"#\s*(?P<word>nosec|nosemgrep)\b[ \t]*:?[ \t]*"
    r"(?P<ids>[A-Za-z0-9_.\-]+(?:[ \t]*,[ \t]*[A-Za-z0-9_.\-]+)*)?"
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
        lines = () if found.subject else source.lines(file(root, found))[found.line - 1 : found.end_line]
        names = {found.rule, *(also.partition(":")[2] for also in found.also)}
        word = next((word for line in lines if (word := accepting(line, names, rules))), "")
        reason = f"comment {word} in line {found.line}"
        marked.append(dataclasses.replace(found, state=State.SUPPRESSED, reason=reason) if word else found)
    return tuple(marked)


def accepting(line: str, names: set[str], rules: frozenset[str]) -> str:
    """The word of the comment that covers one of the rules; empty where none does."""
    for match in COMMENT.finditer(line):
        words = [name.strip() for name in (match["ids"] or "").split(",")]
        named = {name for name in words if name in rules or BANDIT_ID.fullmatch(name)}
        if not named or named & names:
            return match["word"]
    return ""
