"""SBOMs are judged by their own bytes, kept while nothing changed, and made again as soon as something did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import layouts
import msgspec
import pytest

from galway import evidence
from galway.bom import canonical, expectations
from galway.errors import BuildError, ImageTestError, NotEvaluatedError
from galway.evidence import Record
from galway.reference import ImageRef, Platform
from galway.stages import sbom
from galway.toolbox import Tool
from galway.tools import trivy
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "test" / "data" / "sbom"
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
TABLE = expectations.Expectations(expects={"ci": {"dpkg": ("bash",), "python": ("nox",), "cargo": ("uv", "http")}})
TOOL = Tool(name="trivy", version="0.74.0", path=Path("trivy"), source="x", verified="sha256", third_party=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A checkout with a built ci image and the table of expected packages."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "sbom.toml").write_text("[expects.ci]\ndpkg = ['bash']\n")
    made = Workspace(root=tmp_path, cache=tmp_path / "cache")
    layouts.build(made.layout("ci"), {"x": b"1"})
    return made


def built(workspace: Workspace) -> sbom.Target:
    return sbom.target(workspace.layout("ci"), "ci", ImageRef.parse("ghcr.io/a/ci:1"), AMD64)


def files(one: sbom.Target) -> dict[str, bytes]:
    return {
        "cyclonedx": canonical.cyclonedx((DATA / "first.cyclonedx.json").read_bytes(), one.subject),
        "spdx": canonical.spdx((DATA / "first.spdx.json").read_bytes(), one.subject),
    }


def recorded(workspace: Workspace, one: sbom.Target) -> Record:
    reports = {f"{form}.json": content for form, content in files(one).items()}
    record = Record(
        stage="sbom",
        image="ci",
        platform="linux-amd64",
        digest=str(one.manifest.digest),
        status="passed",
        tool="trivy",
        tool_version="0.74.0",
        artifacts=evidence.keep(sbom.folder(workspace), "ci", "linux-amd64", reports),
    )
    evidence.write(workspace.evidence, record)
    return record


def test_the_commands_read_one_platform_by_the_same_name_each_time_and_ask_no_network() -> None:
    found = sbom.commands("trivy", Path("/c"))
    assert [argv[argv.index("--format") + 1] for argv in found] == ["cyclonedx", "spdx-json"]
    for argv in found:
        assert argv[:2] == ("trivy", "image")
        assert argv[argv.index("--input") + 1] == "image"
        assert argv[argv.index("--cache-dir") + 1] == "/c"
        assert {"--offline-scan", "--skip-version-check", "--disable-telemetry"} <= set(argv)
        assert "--platform" not in argv


def test_files_that_name_what_is_known_inside_pass(workspace: Workspace) -> None:
    one = built(workspace)
    assert sbom.judge(one, files(one), TABLE) == ("passed", "")


def drop_spdx(found: dict[str, bytes]) -> None:
    del found["spdx"]


def empty(found: dict[str, bytes]) -> None:
    document = json.loads(found["cyclonedx"])
    found["cyclonedx"] = json.dumps({**document, "components": []}).encode()


def without_bash(found: dict[str, bytes]) -> None:
    document = json.loads(found["cyclonedx"])
    document["components"] = [part for part in document["components"] if part["name"] != "bash"]
    found["cyclonedx"] = json.dumps(document).encode()


def disagree(found: dict[str, bytes]) -> None:
    document = json.loads(found["spdx"])
    document["packages"] = [part for part in document["packages"] if part["name"] != "zlib1g"]
    found["spdx"] = json.dumps(document).encode()


def of_another(found: dict[str, bytes]) -> None:
    found["spdx"] = found["spdx"].replace(b"%3A", b"%3A0", 1) if b"%3A" in found["spdx"] else b"{}"


def of_another_registry(found: dict[str, bytes]) -> None:
    found["cyclonedx"] = found["cyclonedx"].replace(b"repository_url=", b"repository_url=127.0.0.1%3A1%2F")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (drop_spdx, "spdx.json is not JSON"),
        (empty, "cyclonedx.json names no package"),
        (without_bash, "cyclonedx.json does not name dpkg bash"),
        (disagree, "do not name the same packages"),
        (of_another, "about another image"),
        (of_another_registry, "cyclonedx.json was made under another REGISTRY: run inv sbom -i ci again"),
    ],
)
def test_each_defect_fails_and_is_named(
    workspace: Workspace, damage: Callable[[dict[str, bytes]], None], said: str
) -> None:
    one = built(workspace)
    found = files(one)
    damage(found)
    status, reason = sbom.judge(one, found, TABLE)
    assert status == "failed"
    assert said in reason


def test_an_image_of_which_nothing_is_expected_fails(workspace: Workspace) -> None:
    one = built(workspace)
    assert sbom.judge(one, files(one), expectations.Expectations(expects={}))[0] == "failed"


def test_a_current_record_is_judged_again_and_no_process_starts(workspace: Workspace) -> None:
    one = built(workspace)
    before = recorded(workspace, one)
    (record,) = sbom.run(workspace, TOOL, [one])
    assert (record.status, record.artifacts) == ("passed", before.artifacts)
    assert record.measures["packages"] == {"cargo": 5, "dpkg": 3, "python": 3}
    assert evidence.read(workspace.evidence, "ci", "linux-amd64", "sbom") == record


def test_a_record_that_says_passed_is_not_believed_where_the_table_asks_for_more(workspace: Workspace) -> None:
    one = built(workspace)
    recorded(workspace, one)
    (workspace.root / "docker" / "sbom.toml").write_text("[expects.ci]\ndpkg = ['never']\n")
    (record,) = sbom.run(workspace, TOOL, [one])
    assert record.status == "failed"
    assert "dpkg never" in record.reason


@pytest.mark.parametrize("change", ["file", "missing", "digest", "version", "artifacts"])
def test_what_is_not_of_this_manifest_tool_and_bytes_is_not_known(workspace: Workspace, change: str) -> None:
    one = built(workspace)
    record = recorded(workspace, one)
    path = sbom.folder(workspace) / "ci" / "linux-amd64" / "spdx.json"
    if change == "file":
        path.write_bytes(path.read_bytes() + b" ")
    elif change == "missing":
        path.unlink()
    elif change == "artifacts":
        evidence.write(workspace.evidence, msgspec.structs.replace(record, artifacts={}))
    elif change == "digest":
        evidence.write(workspace.evidence, msgspec.structs.replace(record, digest="sha256:" + "0" * 64))
    assert sbom.known(workspace, one, "0.75.0" if change == "version" else "0.74.0") is None


def test_a_platform_that_was_not_built_says_how_to_build_it(workspace: Workspace) -> None:
    with pytest.raises(BuildError, match="ci is not built for linux/arm64") as caught:
        sbom.target(workspace.layout("ci"), "ci", ImageRef.parse("ghcr.io/a/ci:1"), ARM64)
    assert "--platform arm64" in caught.value.hint


def test_a_failure_outweighs_what_could_not_be_evaluated() -> None:
    def record(status: evidence.Status) -> Record:
        return Record(stage="sbom", image="ci", platform="linux-amd64", digest="", status=status, reason="why")

    assert sbom.verdict([record("passed")]) is None
    assert isinstance(sbom.verdict([record("not_evaluated"), record("failed")]), ImageTestError)
    assert isinstance(sbom.verdict([record("passed"), record("not_evaluated")]), NotEvaluatedError)


def test_times_are_cut_to_the_seconds_that_spdx_wants(workspace: Workspace) -> None:
    assert built(workspace).subject.created == "1970-01-01T00:00:00Z"


def test_trivys_words_for_formats_are_all_used() -> None:
    assert sbom.CANONICAL.keys() == trivy.FORMATS.keys()


def test_files_that_name_another_registry_are_made_again(workspace: Workspace) -> None:
    """Who sets REGISTRY after a build means the same bytes by another name."""
    recorded(workspace, built(workspace))
    moved = sbom.target(workspace.layout("ci"), "ci", ImageRef.parse("127.0.0.1:5000/ci:1"), AMD64)
    said: list[str] = []
    with pytest.raises(pytest.fail.Exception, match="started"):
        sbom.run(workspace, TOOL, [moved], say=said.append)
    assert said == ["listing the packages of ci for linux/amd64"]
