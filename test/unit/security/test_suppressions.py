"""Inline comments accept a finding without hiding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from security import suppressions
from security.model import Finding, Severity, State

if TYPE_CHECKING:
    from pathlib import Path

RULES = frozenset({"python-ssrf"})


@pytest.mark.parametrize(
    ("line", "rule", "accepted"),
    [
        ("eval(x)  # nosec", "B307", True),
        ("eval(x)  #nosec B307", "B307", True),
        ("eval(x)  # nosec: B101, B307", "B307", True),
        ("eval(x)  # nosec B101", "B307", False),
        ("eval(x)  # nosec because it is constant", "B307", True),
        ("get(x)  # nosemgrep: python-ssrf", "python-ssrf", True),
        ("get(x)  # nosemgrep: python-ssrf", "B113", False),
        ("get(x)  # nosecurity", "B113", False),
        ("get(x)", "B113", False),
    ],
)
def test_a_comment_accepts_what_it_names(line: str, rule: str, accepted: bool) -> None:
    assert suppressions.accepts(line, rule, RULES) is accepted


def test_an_accepted_finding_stays_and_is_marked(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("eval(x)\neval(\n  x)  # nosec\n", encoding="utf-8")
    found = [finding(line=1, end_line=1), finding(line=2, end_line=3)]
    states = [one.state for one in suppressions.apply(found, root=tmp_path, rules=RULES)]
    assert states == [State.NEW, State.SUPPRESSED]


def finding(*, line: int, end_line: int) -> Finding:
    return Finding(
        engine="bandit",
        rule="B307",
        severity=Severity.HIGH,
        confidence="high",
        cwe=(),
        path="a.py",
        line=line,
        end_line=end_line,
        column=1,
        message="m",
        fix="",
    )
