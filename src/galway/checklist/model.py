"""A verdict about one item of the specification's Dockerfile checklist."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from galway.evidence import Status

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One item for one image.

    Parameters
    ----------
    group, item:
        As the specification has them.
    status:
        `skipped` where the item asks for something that this image has no use for; `not_evaluated` where nothing that
        could be judged is there. Neither counts as passed.
    evidence:
        What was looked at: `FILE:LINE`, a record, a field of the image's configuration.
    detail:
        What was seen there; names the cause of a failure.
    hint:
        The next step where it did not pass.
    """

    image: str
    group: str
    item: str
    status: Status
    evidence: tuple[str, ...] = ()
    detail: str = ""
    hint: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about an item, before it is known which one it is."""

    status: Status
    evidence: tuple[str, ...] = ()
    detail: str = ""
    hint: str = ""


def passed(detail: str, *evidence: str) -> Answer:
    """It is so."""
    return Answer(status="passed", detail=detail, evidence=evidence)


def failed(detail: str, *evidence: str, hint: str) -> Answer:
    """It is not."""
    return Answer(status="failed", detail=detail, evidence=evidence, hint=hint)


def unknown(detail: str, *evidence: str, hint: str) -> Answer:
    """It cannot be told from what is there."""
    return Answer(status="not_evaluated", detail=detail, evidence=evidence, hint=hint)


def unneeded(detail: str, *evidence: str) -> Answer:
    """The image has no use for it."""
    return Answer(status="skipped", detail=detail, evidence=evidence)


_ORDER: tuple[Status, ...] = ("failed", "not_evaluated", "passed", "skipped")


def worst(answers: Iterable[Answer]) -> Answer:
    """Several answers as one: a failure outweighs what is not known, that what is right; details of that kind only."""
    seen = list(answers)
    status = next(status for status in _ORDER if any(answer.status == status for answer in seen))
    told = [answer for answer in seen if answer.status == status]
    return Answer(
        status=status,
        evidence=tuple(dict.fromkeys(each for answer in told for each in answer.evidence)),
        detail="; ".join(dict.fromkeys(answer.detail for answer in told if answer.detail)),
        hint=next((answer.hint for answer in told if answer.hint), ""),
    )
