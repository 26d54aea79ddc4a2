"""What the tests of images found."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from rich.markup import escape

from galway.checks import Kind
from galway.report import next_step, status, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from galway.evidence import Record


def test(records: Sequence[Record]) -> Table:
    """Each image and platform with its counts by kind; below it, each check that did not pass and what to do."""
    kinds = get_args(Kind)
    made = table("image", "platform", "digest", "status", "seconds", *kinds, numbers=("seconds",))
    for record in records:
        counts = record.measures["counts"]
        made.add_row(
            record.image,
            record.platform.replace("-", "/", 1),
            record.digest.removeprefix("sha256:")[:12],
            status(record.status),
            f"{record.seconds:.0f}",
            *(_counted(counts.get(kind, {})) for kind in kinds),
        )
    return made


def causes(records: Sequence[Record]) -> Table | None:
    """Each check that did not pass, its cause and the next step; None where all did."""
    made = table("image", "platform", "check", "status", "cause")
    for record in records:
        for check in record.measures["checks"]:
            if check["status"] == "passed":
                continue
            where = (record.image, record.platform.replace("-", "/", 1), f"{check['kind']}: {escape(check['name'])}")
            made.add_row(*where, status(check["status"]), escape(check["detail"]))
            if check["hint"]:
                made.add_row("", "", "", "", next_step(check["hint"]))
    return made if made.row_count else None


def _counted(row: Mapping[str, int]) -> str:
    """`12 passed`, or `11/12` and what the rest is."""
    rest = {word: count for word, count in row.items() if word != "passed"}
    if not row:
        return "[yellow]none[/]"
    if not rest:
        return f"[green]{row['passed']} passed[/]"
    words = ", ".join(f"{count} {status(word)}" for word, count in sorted(rest.items()))
    return f"{row.get('passed', 0)} of {sum(row.values())}, {words}"
