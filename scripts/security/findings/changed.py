"""Findings of an incremental scan: new where the change touches what they depend on, existing elsewhere."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from security.findings import source
from security.findings.identity import file
from security.model import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from security.changes import Changes


def apply(findings: Iterable[Finding], changes: Changes, *, root: Path) -> tuple[Finding, ...]:
    """A finding is new where a hunk touches its function: the engines follow data inside of one function.

    So a changed source is seen although the line of the sink did not change. Outside of functions the statement and
    what gives its names their values take the function's place.
    """
    marked = []
    for found in findings:
        if found.state is State.NEW and not touched(found, changes, file(root, found)):
            reason = f"not touched since {changes.base[:12]}"
            marked.append(dataclasses.replace(found, state=State.EXISTING, reason=reason))
        else:
            marked.append(found)
    return tuple(marked)


def touched(found: Finding, changes: Changes, path: str) -> bool:
    """Whether a hunk lies where the finding comes from."""
    if found.subject:  # a lock is written by a tool: any change of it is looked at as a whole
        return found.path in changes.hunks
    if changes.touches(found.path, found.line, found.end_line):
        return True
    text = source.read(path)
    index = text.at(found.line)
    if index < 0:
        return changes.touches(found.path, 1, found.end_line)
    block = text.function(index)
    if len(block) < len(text.statements):
        return changes.touches(found.path, text.statements[block.start].first, text.statements[block.stop - 1].last)
    names = text.statements[index].names
    return any(
        changes.touches(found.path, statement.first, statement.last)
        for statement in text.statements[:index]
        if statement.indent == 0 and names & source.bound_names(statement.text)
    )
