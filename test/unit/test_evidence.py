"""Records survive a round trip, appear whole or not at all, and an unreadable one is none."""

from pathlib import Path

import msgspec
import pytest

from galway import evidence
from galway.errors import BuildError
from galway.evidence import Record

RECORD = Record(
    stage="build", image="ci", platform="linux-amd64", digest="sha256:1", status="passed", measures={"a": 1}
)


def test_a_record_survives_a_round_trip(tmp_path: Path) -> None:
    path = evidence.write(tmp_path, RECORD)
    assert path == tmp_path / "ci" / "linux-amd64" / "build.json"
    assert evidence.read(tmp_path, "ci", "linux-amd64", "build") == RECORD
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stage": 1}'])
def test_an_unreadable_record_is_none(tmp_path: Path, content: bytes) -> None:
    evidence.write(tmp_path, RECORD).write_bytes(content)
    assert evidence.read(tmp_path, "ci", "linux-amd64", "build") is None


def test_an_unwritable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "ci").write_text("a file where a folder should be")
    with pytest.raises(BuildError, match="cannot write"):
        evidence.write(tmp_path, RECORD)


def test_a_report_is_kept_with_its_hash(tmp_path: Path) -> None:
    artifacts = evidence.keep(tmp_path, "ci", "linux-amd64", {"report.json": b"{}"})
    record = Record(
        stage="scan", image="ci", platform="linux-amd64", digest="sha256:1", status="passed", artifacts=artifacts
    )
    assert evidence.artifact(tmp_path, record, "report.json") == b"{}"
    assert evidence.artifact(tmp_path, record, "other.json") is None


def test_an_edited_report_is_none(tmp_path: Path) -> None:
    artifacts = evidence.keep(tmp_path, "ci", "linux-amd64", {"report.json": b"{}"})
    record = Record(
        stage="scan", image="ci", platform="linux-amd64", digest="sha256:1", status="passed", artifacts=artifacts
    )
    (tmp_path / "ci" / "linux-amd64" / "report.json").write_bytes(b"[]")
    assert evidence.artifact(tmp_path, record, "report.json") is None


def test_a_failure_decides_before_what_could_not_be_evaluated() -> None:
    unclear = msgspec.structs.replace(RECORD, status="not_evaluated", reason="no database")
    failed = msgspec.structs.replace(RECORD, platform="linux-arm64", status="failed", reason="1 CRITICAL")
    assert evidence.decisive([RECORD]) is None
    assert evidence.decisive([RECORD, unclear]) == (unclear, "ci linux/amd64: no database")
    assert evidence.decisive([unclear, RECORD, failed]) == (failed, "ci linux/arm64: 1 CRITICAL (and 1 more)")
