"""What would be built, and what was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from galway.report import megabytes, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.table import Table

    from galway.evidence import Record
    from galway.plan import Plan
    from galway.tools.buildx import Step

WORDS = 150
"""Letters of a step that a plain line shows."""

_MOUNTS = re.compile(r" --(?:mount|network|security)=\S+")
"""Options of a RUN, which may be longer than what it runs and say nothing of it."""

SLOWEST = 3
"""So many of the steps that ran are named with their time."""


def plan(wanted: Plan) -> Table:
    """What would be built."""
    made = table("image", "platform", "reference", "bases", "budget", numbers=("budget",))
    for target in wanted.targets:
        image = target.image
        names = ", ".join(reference.partition("@")[0] for _, reference in image.bases)
        made.add_row(image.name, str(target.platform), str(image.reference), names, megabytes(image.size_budget))
    return made


def build(records: Sequence[Record]) -> Table:
    """What was built, each size against its budget."""
    made = table(
        "image", "platform", "digest", "compressed", "budget", "unpacked", "cached", "base",
        numbers=("compressed", "budget", "unpacked", "cached"),
    )  # fmt: skip
    for record in records:
        measures = record.measures
        size, budget = measures["compressed"], measures["size_budget"]
        colour = "red" if size > budget else "green"
        kinds = sorted({base["kind"] for base in measures["bases"].values()})
        made.add_row(
            record.image,
            record.platform.replace("-", "/", 1),
            record.digest.removeprefix("sha256:")[:12],
            f"[{colour}]{megabytes(size)}[/]",
            megabytes(budget),
            megabytes(measures["unpacked"]),
            f"{measures['steps_cached']}/{measures['steps']}",
            ", ".join(kinds),
        )
    return made


def hit_rate(records: Sequence[Record]) -> str:
    """The share of Dockerfile steps that came from the cache (spec: above 80 %)."""
    steps = sum(record.measures["steps"] for record in records)
    cached = sum(record.measures["steps_cached"] for record in records)
    return f"{cached} of {steps} steps from the cache ({cached / steps:.0%})" if steps else "no steps"


def told(name: str) -> str:
    """A step on one line, by what it does."""
    text = _MOUNTS.sub("", " ".join(name.split()))
    return text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"


def cost(
    records: Sequence[Record], before: Mapping[tuple[str, str], Record], ran: Sequence[Step], seconds: float
) -> Iterator[str]:
    """What a build cost: the time and what took it, and what it changed since the last build of the same.

    Parameters
    ----------
    before:
        The records of that build, by image and platform.
    ran:
        The steps that no cache had.
    seconds:
        From the command to its end.
    """
    yield f"{hit_rate(records)}, {seconds:.0f} s"
    slowest = sorted(ran, key=lambda step: step.seconds or 0.0, reverse=True)[:SLOWEST]
    for step in slowest:
        yield f"{step.seconds:6.1f} s  {told(step.name)}"
    for record in records:
        old = before.get((record.image, record.platform))
        if old is not None:
            yield f"{record.image} {record.platform.replace('-', '/', 1)}, since its last build: {_change(old, record)}"


def _change(old: Record, new: Record) -> str:
    """In layers and sizes; an image of the same layers may have other labels."""
    had = {layer["digest"] for layer in old.measures["layers"]}
    fresh = [layer for layer in new.measures["layers"] if layer["digest"] not in had]
    if new.digest == old.digest:
        return "the same bytes"
    if not fresh:
        return "the same layers"
    # Adding 0.0 takes the sign from what rounds to nothing.
    grown = {
        word: round((new.measures[word] - old.measures[word]) / 1e6, 1) + 0.0 for word in ("compressed", "unpacked")
    }
    pull = megabytes(sum(layer["compressed"] for layer in fresh))
    sizes = ", ".join(f"{word} {change:+.1f} MB" for word, change in grown.items())
    return f"{sizes}; {len(fresh)} of {len(new.measures['layers'])} layers are new, {pull} to pull"
