"""The specification's success metrics beside their bars: for terminals and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import next_step, status, table, typed
from galway.report.markdown import cell, grid, sign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from galway.scorecard import Line, Scorecard


def score(card: Scorecard) -> Iterator[RenderableType]:
    """A table of all lines, why some did not pass, the regressions, and what the figures rest on."""
    made = table("metric", "image", "bar", "measured", "status", numbers=("bar", "measured"))
    title = ""
    for line in card.lines:
        name, title = "" if line.title == title else line.title, line.title
        made.add_row(name, escape(about(line)), line.bar, escape(line.value or "-"), status(line.status))
    yield made
    yield from _causes(card)
    if card.regressions:
        worse = table("worse since the release", "image", "before", "now", "release", numbers=("before", "now"))
        for one in card.regressions:
            worse.add_row(
                f"[red]{escape(one.what)}[/]", f"{one.image} {one.platform}", one.before, one.now, escape(one.release)
            )
        yield worse
    yield from (f"[dim]{escape(typed(line))}[/]" for line in notes(card))
    yield summary(card)


def _causes(card: Scorecard) -> Iterator[RenderableType]:
    """Why lines did not pass, each cause once, with the next step."""
    causes: dict[tuple[str, str, str, str], list[str]] = {}
    for line in card.lines:
        if line.status != "passed":
            key = (line.status, line.image and about(line), line.reason, line.hint)
            causes.setdefault(key, []).append(line.title.lower())
    if not causes:
        return
    made = table("status", "why")
    for (word, image, reason, hint), titles in causes.items():
        made.add_row(status(word), f"{escape(', '.join(titles))}{image and f' of {escape(image)}'}: {escape(reason)}")
        if hint:
            made.add_row("", next_step(hint))
    yield made


def about(line: Line) -> str:
    """What a line is about."""
    return f"{line.image} {line.platform.rpartition('/')[2]}" if line.image else "all images"


def notes(card: Scorecard) -> Iterator[str]:
    """What the figures were compared with, and what limits them."""
    for image, release in card.compared.items():
        yield f"{image}: compared with {release}" if " at " in release else f"{image}: {release}"
    for image, left in card.unbuilt.items():
        yield f"{image}: {', '.join(left)} not built here, and not scored"
    if card.ignored:
        yield f"{card.ignored} lines of the history are torn or unknown and were ignored"


def summary(card: Scorecard) -> str:
    """One line."""
    skipped = f", {count} skipped" if (count := card.count("skipped")) else ""
    return (
        f"{card.count('passed')} of {len(card.lines)} lines pass, {card.count('failed')} fail, "
        f"{card.count('not_evaluated')} not evaluated{skipped}; {len(card.regressions)} regressions; "
        f"from {card.builds:,} builds and {card.pulls:,} pulls"
    )


def markdown(card: Scorecard) -> str:
    """The same for a pull request or a job's summary."""
    rows = [
        (
            f"{sign(line.status)} {cell(line.title)}",
            cell(about(line)),
            cell(line.bar),
            cell(line.value or "-"),
            cell(line.reason + (f" → {line.hint}" if line.hint else "")),
        )
        for line in card.lines
    ]
    parts = ["## Scorecard", "", *grid(("metric", "image", "bar", "measured", "why"), rows)]
    if card.regressions:
        worse = [
            tuple(map(cell, (r.what, f"{r.image} {r.platform}", r.before, r.now, r.release))) for r in card.regressions
        ]
        parts += ["", "### Worse since the release", "", *grid(("what", "image", "before", "now", "release"), worse)]
    parts += ["", *(f"- {cell(note)}" for note in notes(card)), "", cell(summary(card))]
    return "\n".join(parts) + "\n"
