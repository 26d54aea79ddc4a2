"""Inline comments, dated entries and the baseline accept a finding without hiding it."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from security.errors import UsageError
from security.findings import accepted, baseline, inline
from security.model import State
from security.reports import files

if TYPE_CHECKING:
    from pathlib import Path

RULES = frozenset({"python-ssrf"})
TODAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("line", "rule", "word"),
    [
        ("eval(x)  # nosec", "B307", "nosec"),
        ("eval(x)  #nosec B307", "B307", "nosec"),
        ("eval(x)  # nosec: B101, B307", "B307", "nosec"),
        ("eval(x)  # nosec B101", "B307", ""),
        ("eval(x)  # nosec because it is constant", "B307", "nosec"),
        ("get(x)  # nosemgrep: python-ssrf", "python-ssrf", "nosemgrep"),
        ("get(x)  # nosemgrep: python-ssrf", "B113", ""),
        ("get(x)  # nosecurity", "B113", ""),
        ("get(x)", "B113", ""),
    ],
)
def test_a_comment_accepts_what_it_names(line: str, rule: str, word: str) -> None:
    assert inline.accepting(line, {rule}, RULES) == word


def test_a_commented_finding_stays_and_says_by_what(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text("eval(x)\neval(\n  x)  # nosec\n", encoding="utf-8")
    found = [finding(rule="B307"), finding(rule="B307", line=2, end_line=3)]
    marked = inline.apply(found, root=tmp_path, rules=RULES)
    assert [one.state for one in marked] == [State.NEW, State.SUPPRESSED]
    assert marked[1].reason == "comment nosec in line 2"


def test_a_comment_that_names_a_merged_rule_covers_the_finding(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text("eval(x)  # nosec B307\n", encoding="utf-8")
    (marked,) = inline.apply([finding(also=("bandit:B307",))], root=tmp_path, rules=RULES)
    assert marked.state is State.SUPPRESSED


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": "python-ssrf", "owner": "team", "reason": "internal", "expires": "2026-02-01"} | changes


def test_an_entry_holds_until_its_day_and_says_who(finding: Any) -> None:
    entries = accepted.parse([entry()], where="t")
    done = accepted.apply([finding()], entries, today=date(2026, 2, 1))
    assert done.findings[0].state is State.SUPPRESSED
    assert done.findings[0].reason == "team until 2026-02-01: internal"
    assert (done.expired, done.unused) == ((), ())


def test_an_expired_entry_accepts_nothing_and_is_named(finding: Any) -> None:
    entries = accepted.parse([entry()], where="t")
    done = accepted.apply([finding()], entries, today=date(2026, 2, 2))
    assert done.findings[0].state is State.NEW
    assert done.expired == entries


def test_an_unused_entry_is_named(finding: Any) -> None:
    done = accepted.apply([finding(rule="python-xss")], accepted.parse([entry()], where="t"), today=TODAY)
    assert done.unused[0].name == "python-ssrf"


def test_an_entry_may_name_a_fingerprint_or_narrow_a_rule_to_a_file(finding: Any) -> None:
    found = [finding(fingerprint="abc"), finding(path="b.py")]
    by_print = accepted.parse([entry(id="", fingerprint="abc")], where="t")
    by_path = accepted.parse([entry(path="b.py")], where="t")
    assert [one.state for one in accepted.apply(found, by_print, today=TODAY).findings] == ["suppressed", "new"]
    assert [one.state for one in accepted.apply(found, by_path, today=TODAY).findings] == ["new", "suppressed"]


def test_an_advisory_is_accepted_by_any_of_its_names(finding: Any) -> None:
    found = finding(rule="CVE-2020-1", also=("dependencies:GHSA-1",), subject="a@1")
    done = accepted.apply([found], accepted.parse([entry(id="GHSA-1")], where="t"), today=TODAY)
    assert done.findings[0].state is State.SUPPRESSED


@pytest.mark.parametrize(
    "broken",
    [
        entry(owner=""), entry(reason=""), entry(expires=""), entry(expires="soon"), entry(id=""), entry(extra=1),
        entry(fingerprint="abc"), entry(reason="x" * 501), "text",
    ],
)  # fmt: skip
def test_an_incomplete_entry_is_refused(broken: Any) -> None:
    with pytest.raises(UsageError):
        accepted.parse([broken], where="security-scan.toml")


def test_of_equal_findings_as_many_are_existing_as_the_baseline_counted(tmp_path: Path, finding: Any) -> None:
    before = [finding(group="g"), finding(group="g", line=2)]
    files.write(tmp_path, baseline.NAME, baseline.document(before))
    known = baseline.load(tmp_path / baseline.NAME)
    after = [*before, finding(group="g", line=3), finding(group="h", line=4)]
    assert known == {"g": 2}
    assert [one.state for one in baseline.apply(after, known)] == ["existing", "existing", "new", "new"]


def test_a_suppressed_finding_is_not_written_into_a_baseline(finding: Any) -> None:
    document: Any = baseline.document([dataclasses.replace(finding(group="g"), state=State.SUPPRESSED)])
    assert document["findings"] == {}


@pytest.mark.parametrize("content", ["", "[]", '{"schema": 9, "findings": {}}', '{"schema": 1}', "[" * 100_000])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match="baseline"):
        baseline.load(tmp_path / "b.json")


def test_a_missing_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="baseline"):
        baseline.load(tmp_path / "none.json")
