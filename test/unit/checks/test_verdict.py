"""Many checks fold into one status: nothing that was not judged ever counts as passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from galway.checks import Check, verdict

if TYPE_CHECKING:
    from galway.evidence import Status


def check(status: Status, name: str = "user") -> Check:
    return Check(kind="content", name=name, status=status, detail="seen")


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "not_evaluated"], "not_evaluated"),
        (["passed", "skipped"], "not_evaluated"),
        (["not_evaluated", "failed", "passed"], "failed"),
        ([], "not_evaluated"),
    ],
)
def test_the_worst_status_wins(statuses: list[Status], status: Status) -> None:
    assert verdict(map(check, statuses))[0] == status


def test_the_reason_names_the_first_cause_and_counts_the_others() -> None:
    reason = verdict([check("passed"), check("failed", "setuid"), check("failed", "budget")])[1]
    assert reason == "content setuid: seen (and 1 more)"
