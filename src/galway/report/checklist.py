"""The specification's checklist with verdicts and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import next_step, status, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from galway.checklist import Verdict

NAMED = 3
"""So many pieces of evidence stand in a cell; the others are counted, and --json has all."""

WORDS = {"skipped": "[dim]not needed[/]"}


def checklist(verdicts: Sequence[Verdict]) -> Iterator[RenderableType]:
    """A table for each image: the items, and below each what was seen where, and the next step."""
    for image in dict.fromkeys(verdict.image for verdict in verdicts):
        made = table("status", escape(image))
        group = ""
        for one in (verdict for verdict in verdicts if verdict.image == image):
            if one.group != group:
                group = one.group
                made.add_row("", f"[bold dim]{escape(group)}[/]")
            made.add_row(WORDS.get(one.status) or status(one.status), escape(one.item))
            seen = ": ".join(part for part in (escape(named(one)), escape(one.detail)) if part)
            made.add_row("", f"[dim]{seen}[/]")
            if one.hint:
                made.add_row("", next_step(one.hint))
        yield made
    yield summary(verdicts)


def named(one: Verdict) -> str:
    """Its first pieces of evidence."""
    more = f" and {len(one.evidence) - NAMED} more" if len(one.evidence) > NAMED else ""
    return ", ".join(one.evidence[:NAMED]) + more


def summary(verdicts: Sequence[Verdict]) -> str:
    """One line."""
    counts = {word: sum(verdict.status == word for verdict in verdicts) for word in ("passed", "failed")}
    unknown = sum(verdict.status == "not_evaluated" for verdict in verdicts)
    unneeded = sum(verdict.status == "skipped" for verdict in verdicts)
    return (
        f"{len(verdicts)} items: {counts['passed']} passed, {counts['failed']} failed, {unknown} not evaluated, "
        f"{unneeded} not needed"
    )
