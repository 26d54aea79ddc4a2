"""What would be built, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.report import megabytes, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from galway.evidence import Record
    from galway.plan import Plan


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
