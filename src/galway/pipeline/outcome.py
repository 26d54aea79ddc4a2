"""What became of a run of all stages: for each image and stage how it ended, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from galway.evidence import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

State = Literal["waiting", "running", "passed", "failed", "not_evaluated", "skipped"]


class Cell(msgspec.Struct, kw_only=True):
    """One stage of one image.

    Parameters
    ----------
    reason:
        Why it did not pass, one line.
    seconds:
        Wall time of the stage, for all images together.
    """

    state: State = "waiting"
    reason: str = ""
    hint: str = ""
    seconds: float = 0.0


class Outcome(msgspec.Struct, kw_only=True):
    """What became of a run.

    Parameters
    ----------
    cells:
        Image to stage to what happened.
    records:
        All that stages wrote, in order.
    seconds:
        Wall time.
    """

    started: str
    seconds: float = 0.0
    registry: str = ""
    cells: dict[str, dict[str, Cell]]
    records: list[Record] = msgspec.field(default_factory=list)


def fold(records: Iterable[Record]) -> tuple[State, str]:
    """The worst status of one image's records, with its reason; `waiting` where there is none."""
    order: tuple[State, ...] = ("failed", "not_evaluated", "skipped", "passed")
    seen = sorted(records, key=lambda record: order.index(record.status))
    return (seen[0].status, seen[0].reason) if seen else ("waiting", "")
