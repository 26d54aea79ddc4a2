"""Each verdict and each reason for none; a missing, stale or broken snapshot never reads as clean."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from security.dependencies import advisories, evaluate, look, outcome, severity
from security.dependencies.model import Dependency, Manifest, Reason, Status
from security.errors import EngineError
from security.targets import collect

if TYPE_CHECKING:
    from pathlib import Path

    from security.settings import Settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def project(settings: Settings, data: Path) -> Settings:
    """A project with a real old lock, and advisories of which four concern it."""
    (settings.scan_path / "uv.lock").write_bytes((data / "locks/uv.lock").read_bytes())
    return dataclasses.replace(settings, advisories=data / "advisories")


def judge(settings: Settings, now: datetime = NOW) -> outcome.Dependencies:
    targets = collect(settings.scan_path, results=settings.output_dir, exclude=())
    return look.look(settings, targets, now=now)


def verdicts(found: outcome.Dependencies) -> dict[str, tuple[str, str]]:
    return {one.dependency.name: (str(one.status), str(one.reason or "")) for one in found.judged}


def test_a_real_old_lock_is_judged_right(project: Settings) -> None:
    found = judge(project)
    vulnerable = {
        one.dependency.name: [v.id for v in one.vulnerabilities] for one in found.judged if one.vulnerabilities
    }
    assert vulnerable == {
        "idna": ["CVE-2024-3651"],
        "jinja2": ["CVE-2020-28493"],
        "pyyaml": ["CVE-2020-14343"],
        "requests": ["CVE-2023-32681"],
        "werkzeug": ["CVE-2023-23934"],
    }
    assert verdicts(found)["certifi"] == ("no_known_vulnerability", "")
    assert sum(found.counts.values()) == len(found.manifests[0].dependencies)
    assert found.status == "vulnerable"


def test_aliases_are_one_vulnerability_with_all_that_each_says(project: Settings) -> None:
    (jinja,) = next(one for one in judge(project).judged if one.dependency.name == "jinja2").vulnerabilities
    assert jinja.aliases == ("GHSA-g3rq-g295-4j3m", "PYSEC-2021-66")
    assert (jinja.severity, jinja.cwe, jinja.fixed) == ("medium", (400,), ("2.11.3",))


def test_a_vulnerable_dependency_is_a_finding_at_its_line(project: Settings) -> None:
    found = {one.subject: one for one in outcome.findings(judge(project))}
    yaml = found["pyyaml@5.3.1"]
    line = (project.scan_path / "uv.lock").read_text(encoding="utf-8").split("\n")[yaml.line - 1]
    assert (yaml.rule, yaml.severity, yaml.path, yaml.fix) == (
        "CVE-2020-14343", "critical", "uv.lock", "upgrade pyyaml to 5.4",
    )  # fmt: skip
    assert line == 'name = "pyyaml"'


def test_without_a_snapshot_nothing_is_clean(project: Settings) -> None:
    found = judge(dataclasses.replace(project, advisories=None))
    assert set(verdicts(found).values()) == {("not_evaluated", "no_advisories")}
    assert found.status == "not_evaluated"


def test_a_stale_snapshot_still_knows_flaws_but_calls_nothing_clean(project: Settings) -> None:
    found = judge(project, now=NOW + timedelta(days=90))
    assert verdicts(found)["jinja2"] == ("vulnerable", "")
    assert verdicts(found)["certifi"] == ("not_evaluated", "stale")
    assert judge(project, now=NOW + timedelta(days=79)).counts["not_evaluated"] == 0


@pytest.mark.parametrize("kind", ["empty folder", "no zip", "no advisories", "bomb", "text"])
def test_a_broken_snapshot_is_a_problem_and_no_verdict(
    project: Settings, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "all.zip"
    if kind == "empty folder":
        path.mkdir()
    elif kind == "no zip":
        path.write_bytes(b"PK\x03\x04 and then nothing")
    else:
        monkeypatch.setattr(advisories, "MAX_ENTRY", 100_000)
        content = {"no advisories": "{}", "bomb": " " * 200_000, "text": "hello"}[kind]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("A-1.json", content)
    found = judge(dataclasses.replace(project, advisories=path))
    assert found.problem
    assert set(verdicts(found).values()) == {("not_evaluated", "no_advisories")}
    assert found.unjudged(loose=False)[-1] == found.problem


def test_a_zip_gives_the_same_as_its_folder(project: Settings, data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in (data / "advisories").glob("*.json"):
            archive.write(file, f"../{file.name}")
    zipped = judge(dataclasses.replace(project, advisories=tmp_path / "all.zip"))
    assert zipped.document() == judge(project).document()


def test_each_reason_is_reached(tmp_path: Path, data: Path) -> None:
    (tmp_path / "packages.txt").write_text("idna\nJinja2\nacme-auth\n", encoding="utf-8")
    (tmp_path / "a.json").write_bytes((data / "advisories/PYSEC-2021-66.json").read_bytes())
    (tmp_path / "b.json").write_text(
        json.dumps({"id": "X", "modified": "2026-11-10T00:00:00Z", "affected": [
            {"package": {"ecosystem": "PyPI", "name": "odd"}, "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "not a version"}]}]}]}), encoding="utf-8")  # fmt: skip
    entries = (
        Dependency(name="idna", version="3.20"),
        Dependency(name="jinja2", version="2.11.2"),
        Dependency(name="misspelt", version="1"),
        Dependency(name="idna", version="", unjudgeable=Reason.UNPINNED),
        Dependency(name="from-git", version="1", unjudgeable=Reason.VCS),
        Dependency(name="acme-auth", version="1", unjudgeable=Reason.PRIVATE, index="https://packages.example/simple"),
        Dependency(name="idna", version="one point two"),
        Dependency(name="odd", version="1"),
    )
    manifest = Manifest(path="uv.lock", kind="uv.lock", dependencies=entries)
    snapshot = advisories.load(tmp_path, frozenset(one.name for one in entries), now=NOW)
    found = evaluate.judge([manifest], snapshot, now=NOW, max_age=90)
    assert [str(one.reason or one.status) for one in found] == [
        "no_known_vulnerability", "vulnerable", "unknown_package", "unpinned", "vcs", "private", "parse_error",
        "parse_error",
    ]  # fmt: skip
    reached = {one.reason for one in found}
    stale = evaluate.judge([manifest], snapshot, now=NOW + timedelta(days=200), max_age=90)
    none = evaluate.judge([manifest], None, now=NOW, max_age=90)
    reached |= {one.reason for one in (*stale, *none)}
    assert reached == {None, *Reason}


def test_a_private_index_may_be_a_mirror_and_a_private_package_may_be_named(data: Path) -> None:
    mirrored = Dependency(
        name="certifi", version="1", unjudgeable=Reason.PRIVATE, index="https://mirror.example/simple"
    )
    manifest = Manifest(path="uv.lock", kind="uv.lock", dependencies=(mirrored,))
    snapshot = advisories.load(data / "advisories", frozenset({"certifi"}), now=NOW)

    def one(**options: Any) -> Any:
        (found,) = evaluate.judge([manifest], snapshot, now=NOW, max_age=90, **options)
        return found

    assert one().reason is Reason.PRIVATE
    assert one(mirrors=["https://mirror.example/*"]).status is Status.NO_KNOWN_VULNERABILITY
    assert one(private=["cert*"]).accepted


@pytest.mark.parametrize(
    ("events", "vulnerable", "safe"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9.9", "2.0rc1"], ["2.0", "2.0.post1", "3"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.4"}], ["1.0", "1.4"], ["0.9", "1.4.1", "1.0a1"]),
        (
            [{"introduced": "1"}, {"fixed": "1.5"}, {"introduced": "2"}, {"fixed": "2.2"}],
            ["1.4", "2.1"],
            ["1.7", "2.2"],
        ),
        ([{"fixed": "2.2"}, {"introduced": "2"}], ["2.1"], ["1", "2.2"]),
        ([{"introduced": "0"}], ["0", "999"], []),
        ([{"introduced": "0"}, {"limit": "2"}], ["1"], ["2"]),
        ([{"introduced": "0"}, {"limit": "*"}], ["1", "9"], []),
        ([{"introduced": "1!0"}], ["1!1"], ["2026.1"]),
        ([], [], ["1"]),
    ],
)
def test_ranges_are_those_of_the_standard(events: Any, vulnerable: list[str], safe: list[str]) -> None:
    assert [text for text in vulnerable + safe if evaluate.inside(events, Version(text))] == vulnerable


def test_a_local_build_is_judged_as_its_release(data: Path) -> None:
    snapshot = advisories.load(data / "advisories", frozenset({"jinja2"}), now=NOW)
    found = evaluate.one(Dependency(name="jinja2", version="2.11.2+cpu"), "x", snapshot, stale=False)
    assert found.status is Status.VULNERABLE


@pytest.mark.parametrize(
    ("advisory", "expected"),
    [
        ({"database_specific": {"severity": "MODERATE"}}, "medium"),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}, "critical"),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N"}]}, "medium"),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}]}, ""),
        ({}, ""),
    ],
)
def test_severity_is_the_database_s_or_the_vector_s(advisory: Any, expected: str) -> None:
    assert severity.of(advisory) == expected


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
    ],
)
def test_the_base_score_is_that_of_the_standard_s_examples(vector: str, score: float) -> None:
    assert severity.base_score(vector) == score


def test_a_date_in_the_future_does_not_make_a_snapshot_young(tmp_path: Path) -> None:
    for name, modified in (("A", "2020-01-01T00:00:00Z"), ("B", "2099-01-01T00:00:00Z")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"id": name, "modified": modified, "affected": []}))
    assert advisories.load(tmp_path, frozenset(), now=NOW).age(NOW) > 2000


def test_a_snapshot_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        advisories.load(tmp_path / "none.zip", frozenset(), now=NOW)
