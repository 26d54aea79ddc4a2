"""SARIF and CycloneDX as their schemas and readers want them."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from security import rules
from security.dependencies import collect
from security.model import Severity, State
from security.reports import sarif, sbom

if TYPE_CHECKING:
    from pathlib import Path


# They are imported where they are used: reading their grammars takes seconds, which only one worker has to pay.


@pytest.fixture
def validate(data: Path) -> Any:
    import jsonschema  # noqa: PLC0415

    schema = json.loads((data / "schemas/sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    return jsonschema.Draft4Validator(schema).validate


def faults_of_bill(made: Any) -> Any:
    """What the published schema has against a bill of materials; None is nothing."""
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(made.document))


def document(*findings: Any, **options: Any) -> dict[str, Any]:
    return sarif.document(findings, tool="security-scan", version="1", **options)


def test_sarif_of_findings_of_every_kind_validates(validate: Any, finding: Any, program: Path) -> None:
    found = [
        finding(fingerprint="f" * 32, group="e" * 32),
        finding(severity=Severity.INFO, rule="B404", cwe=(), line=7, end_line=9, end_column=4),
        finding(state=State.SUPPRESSED, reason="comment nosec in line 1"),
        finding(state=State.EXISTING, path="a b/\udcff\n:c.py"),
        finding(rule="CVE-2020-1", subject="a@1", line=0, column=0),
    ]
    made = document(*found, rules=rules.load(program / "rules"), notes=["warn\x1b"], complete=False)
    validate(made)
    validate(document())
    run = made["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["python-ssrf", "B404", "CVE-2020-1"]
    assert [result["ruleIndex"] for result in run["results"]] == [0, 1, 0, 0, 2]


def test_github_s_properties_are_there(finding: Any) -> None:
    run = document(finding(cwe=(89,), owasp=("A03:2021",), severity=Severity.CRITICAL))["runs"][0]
    properties = run["tool"]["driver"]["rules"][0]["properties"]
    assert properties["tags"] == ["security", "external/cwe/cwe-089", "owasp/A03:2021"]
    assert float(properties["security-severity"]) > 9
    assert run["results"][0]["partialFingerprints"]["primaryLocationLineHash"]


def test_places_are_relative_escaped_and_counted_from_one(finding: Any) -> None:
    run = document(finding(path="a b/\udcff\n:c.py", line=0, column=0))["runs"][0]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/%FF%0A%3Ac.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1}


def test_a_suppression_is_kept_with_who_accepted_it(finding: Any) -> None:
    inside = finding(state=State.SUPPRESSED, reason="comment nosec in line 1")
    outside = finding(state=State.SUPPRESSED, reason="team until 2027-01-01: internal")
    kinds = [result["suppressions"][0]["kind"] for result in document(inside, outside)["runs"][0]["results"]]
    assert kinds == ["inSource", "external"]


def test_what_is_beyond_the_limit_is_left_out_and_said(finding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 1)
    run = document(finding(), finding(line=2))["runs"][0]
    assert len(run["results"]) == 1
    assert "1 findings are left out" in json.dumps(run["invocations"])


LOCKS = ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt"]


def make(folder: Path, *names: str, **options: str) -> sbom.Sbom:
    return sbom.make(collect.collect(folder, names), name="project", tool_version="1", **options)


@pytest.mark.parametrize("name", LOCKS)
def test_the_bill_of_every_lock_validates(data: Path, name: str) -> None:
    made = make(data / "locks", name)
    assert made.status == "written"
    assert faults_of_bill(made) is None
    assert made.components == len(made.document["components"]) > 3  # type: ignore[index]


def test_the_bill_is_the_same_each_time_and_dated_only_when_asked(data: Path) -> None:
    assert make(data / "locks", *LOCKS) == make(data / "locks", *LOCKS)
    assert "timestamp" not in make(data / "locks", "uv.lock").document["metadata"]  # type: ignore[index]
    dated = make(data / "locks", "uv.lock", timestamp="2026-01-01T00:00:00+00:00")
    assert dated.document["metadata"]["timestamp"] == "2026-01-01T00:00:00+00:00"  # type: ignore[index]


def test_components_and_edges_are_those_that_uv_itself_exports(data: Path) -> None:
    ours: Any = make(data / "locks", "uv.lock").document
    theirs: Any = json.loads((data / "locks/uv-export.cdx.json").read_text(encoding="utf-8"))
    assert purls(ours) == purls(theirs)
    assert edges(ours) == edges(theirs)


def purls(document: Any) -> set[str]:
    return {component["purl"].split("?")[0] for component in document["components"]}


def edges(document: Any) -> set[tuple[str, str]]:
    root = document["metadata"]["component"]
    names = {component["bom-ref"]: component["name"] for component in document["components"]}
    names[root["bom-ref"]] = ""
    return {
        (names[entry["ref"]], names[need])
        for entry in document["dependencies"]
        for need in entry.get("dependsOn", [])
        if entry["ref"] in names and names[entry["ref"]]
    }


def test_hashes_groups_and_sources_are_in_it(data: Path) -> None:
    document: Any = make(data / "locks", "poetry.lock").document
    found = {component["name"]: component for component in document["components"]}
    assert len(found["jinja2"]["hashes"]) == 2
    assert "purl" not in found["internal-tools"]
    assert {"name": "security-scan:group", "value": "dev"} in found["internal-tools"]["properties"]


def test_a_bill_of_nothing_is_none_and_declarations_are_called_so(tmp_path: Path) -> None:
    assert make(tmp_path).status == "not_applicable"
    (tmp_path / "uv.lock").write_text("[", encoding="utf-8")
    assert make(tmp_path, "uv.lock").status == "failed"
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['a>=1']\n", encoding="utf-8")
    assert make(tmp_path, "pyproject.toml").status == "declared_only"


def test_odd_names_of_an_untrusted_lock_make_a_valid_bill(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "a\\u0000<b>"\nversion = "1\\n2"\n'
        'source = { registry = "https://pypi.org/x" }\n',
        encoding="utf-8",
    )
    made = make(tmp_path, "uv.lock")
    assert faults_of_bill(made) is None


def test_a_finding_without_place_in_github_s_limits_is_cut(finding: Any, validate: Any) -> None:
    long = dataclasses.replace(finding(), message="m" * 100_000, cwe=tuple(range(1, 60)))
    made = document(long)
    validate(made)
    assert len(made["runs"][0]["tool"]["driver"]["rules"][0]["properties"]["tags"]) == sarif.MAX_TAGS
