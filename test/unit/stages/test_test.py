"""Testing what was built: only the recorded bytes, one record a platform, nothing unjudged ever passes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from galway import catalog, evidence
from galway.checks import Check, target as tested
from galway.errors import BuildError, ImageTestError, MissingToolError, NotEvaluatedError
from galway.layout import LAYER_TYPE, MANIFEST_TYPE, Layout
from galway.reference import Platform
from galway.report import testing as report
from galway.stages import test as stage
from galway.toolbox import Tool
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from galway.evidence import Record, Status

ROOT = Path(__file__).parents[3]
IMAGES = catalog.load(ROOT).images
IMAGE = IMAGES[0]
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")


def put(folder: Path, content: bytes) -> dict[str, Any]:
    name = hashlib.sha256(content).hexdigest()
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / "sha256" / name).write_bytes(content)
    return {"digest": f"sha256:{name}", "size": len(content), "mediaType": MANIFEST_TYPE}


def build(workspace: Workspace, image: catalog.Image = IMAGE, *, record: bool = True) -> Layout:
    """A layout of one small layer, and the record of its build."""
    folder = workspace.layout(image.name)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(image.name))
    layer = put(folder, tar.getvalue()) | {"mediaType": LAYER_TYPE}
    rootfs = {"type": "layers", "diff_ids": [layer["digest"]]}
    document = {"os": "linux", "architecture": "amd64", "config": {}, "rootfs": rootfs}
    config = put(folder, json.dumps(document).encode())
    manifest = put(folder, json.dumps({"config": config, "layers": [layer]}).encode())
    (folder / "index.json").write_text(json.dumps({"manifests": [manifest]}))
    if record:
        made = evidence.Record(
            stage="build", image=image.name, platform="linux-amd64", digest=manifest["digest"], status="passed"
        )
        evidence.write(workspace.evidence, made)
    return Layout(folder)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "docker").symlink_to(ROOT / "docker")
    (tmp_path / "test").symlink_to(ROOT / "test")
    return Workspace(root=tmp_path, cache=tmp_path / "cache")


def session(workspace: Workspace, say: Callable[[str], None] = lambda _line: None, **changes: Any) -> stage.Session:
    tool = Tool(name="x", version="1.19.1", path=Path("x"), source="s", verified="sha256", third_party=True)
    values: dict[str, Any] = {"engine": None, "tool": tool, "sboms": {}, "say": say}
    return stage.Session(workspace=workspace, **{**values, **changes})


def answer(
    status: Status, *, kind: Any = "structure", detail: str = "seen", hint: str = ""
) -> Callable[..., list[Check]]:
    return lambda _subject: [Check(kind=kind, name="one", status=status, detail=detail, hint=hint)]


def answers(monkeypatch: pytest.MonkeyPatch, **kinds: Callable[..., list[Check]]) -> None:
    passed = {kind: answer("passed", kind=kind) for kind in stage.KINDS}
    monkeypatch.setattr(stage, "KINDS", {**passed, **kinds})


def test_what_was_built_and_recorded_is_tested(workspace: Workspace) -> None:
    layout = build(workspace)
    (target,) = tested.targets(workspace, IMAGE, (AMD64, ARM64))
    assert target.manifest.digest == layout.manifests()[0].digest
    assert str(target) == f"{IMAGE.name} linux/amd64"


def test_a_platform_that_was_not_built_is_refused_with_the_command_that_builds_it(workspace: Workspace) -> None:
    build(workspace)
    with pytest.raises(BuildError, match="not built for linux/arm64") as caught:
        tested.targets(workspace, IMAGE, (ARM64,))
    assert caught.value.hint == f"inv build -i {IMAGE.name} --platform arm64"


def test_bytes_that_changed_after_the_build_are_refused(workspace: Workspace) -> None:
    layout = build(workspace)
    blob = layout.blob(layout.manifests()[0].layers[0].digest)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(BuildError, match="not what its digest says"):
        tested.targets(workspace, IMAGE, (AMD64,))


@pytest.mark.parametrize("recorded", ["", "sha256:" + "1" * 64])
def test_a_manifest_that_is_not_the_recorded_one_is_refused(workspace: Workspace, recorded: str) -> None:
    build(workspace, record=False)
    if recorded:
        other = evidence.Record(
            stage="build", image=IMAGE.name, platform="linux-amd64", digest=recorded, status="passed"
        )
        evidence.write(workspace.evidence, other)
    with pytest.raises(BuildError, match="111111111111" if recorded else "no build recorded it"):
        tested.targets(workspace, IMAGE, (AMD64,))


def test_a_refused_image_does_not_keep_the_others_from_their_tests(workspace: Workspace) -> None:
    build(workspace, IMAGES[1])
    found, refused = tested.select(workspace, IMAGES, (AMD64,))
    assert [target.image.name for target in found] == [IMAGES[1].name]
    assert refused is not None
    assert "no image layout" in refused.message


def test_each_platform_gets_a_record_of_its_digest_with_every_check(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch)
    build(workspace)
    wanted = tested.targets(workspace, IMAGE, (AMD64,))
    (record,) = session(workspace).run(wanted)
    assert record.digest == str(wanted[0].manifest.digest)
    assert record.status == "passed"
    assert record.measures["counts"] == {kind: {"passed": 1} for kind in stage.KINDS}
    assert evidence.read(workspace.evidence, IMAGE.name, "linux-amd64", "test") == record
    kept = evidence.artifact(workspace.evidence, record, "test-checks.json")
    assert kept is not None
    assert json.loads(kept) == record.measures["checks"]
    assert stage.verdict([record]) is None


@pytest.mark.parametrize(
    ("status", "error"),
    [("failed", ImageTestError), ("not_evaluated", NotEvaluatedError), ("skipped", NotEvaluatedError)],
)
def test_anything_but_a_pass_is_an_error_of_its_class(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, status: Status, error: type[Exception]
) -> None:
    answers(monkeypatch, structure=answer(status, detail="the cause", hint="mend it"))
    build(workspace)
    (record,) = session(workspace).run(tested.targets(workspace, IMAGE, (AMD64,)))
    verdict = stage.verdict([record])
    assert isinstance(verdict, error)
    assert "structure one: the cause" in verdict.message
    assert verdict.hint == "mend it"


def test_the_next_step_is_that_of_the_check_that_the_message_names(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(
        monkeypatch,
        structure=answer("not_evaluated", detail="unknown", hint="look again"),
        content=answer("failed", detail="the cause", hint="mend it"),
    )
    build(workspace)
    verdict = stage.verdict(session(workspace).run(tested.targets(workspace, IMAGE, (AMD64,))))
    assert verdict is not None
    assert "the cause" in verdict.message
    assert verdict.hint == "mend it"


def test_a_failure_outweighs_what_was_not_evaluated() -> None:
    def made(status: Status) -> Record:
        return evidence.Record(
            stage="test", image=status, platform="linux-amd64", digest="d", status=status, reason="why"
        )

    verdict = stage.verdict([made("not_evaluated"), made("failed")])
    assert isinstance(verdict, ImageTestError)
    assert verdict.message.startswith("failed linux/amd64")


def test_a_kind_that_was_not_looked_at_keeps_the_record_from_passing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch)
    build(workspace)
    (record,) = session(workspace, kinds=("content",)).run(tested.targets(workspace, IMAGE, (AMD64,)))
    assert record.status == "not_evaluated"
    assert record.measures["counts"]["hardening"] == {"skipped": 1}


def test_a_check_that_cannot_be_carried_out_is_not_evaluated_and_the_others_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_subject: Any) -> list[Check]:
        raise MissingToolError("the program is missing", hint="get it")

    answers(monkeypatch, structure=missing)
    build(workspace)
    said: list[str] = []
    (record,) = session(workspace, said.append).run(tested.targets(workspace, IMAGE, (AMD64,)))
    assert record.status == "not_evaluated"
    (check,) = [one for one in record.measures["checks"] if one["status"] == "not_evaluated"]
    assert (check["detail"], check["hint"]) == ("the program is missing", "get it")
    assert len(said) == len(stage.KINDS)


def test_a_record_waits_for_every_kind_even_where_several_end_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch)
    monkeypatch.setattr(stage, "wait", lambda pending, **_: (wait(pending)[0], set()))
    build(workspace)
    (record,) = session(workspace).run(tested.targets(workspace, IMAGE, (AMD64,)))
    assert set(record.measures["counts"]) == set(stage.KINDS)


def test_images_are_looked_at_side_by_side(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(2, timeout=10)

    def meet(_subject: Any) -> list[Check]:
        together.wait()
        return [Check(kind="hardening", name="one", status="passed")]

    answers(monkeypatch, hardening=meet)
    for image in IMAGES[:2]:
        build(workspace, image)
    wanted, _ = tested.select(workspace, IMAGES[:2], (AMD64,))
    assert [record.status for record in session(workspace).run(wanted)] == ["passed", "passed"]


def test_a_report_counts_by_kind_and_names_each_cause_with_its_next_step(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Check(kind="content", name="setuid", status="failed", detail="/usr/bin/x [4755]", hint="chmod it")
    answers(monkeypatch, content=lambda _subject: [bad])
    build(workspace)
    records = session(workspace).run(tested.targets(workspace, IMAGE, (AMD64,)))
    assert report.test(records).row_count == 1
    causes = report.causes(records)
    assert causes is not None
    cells = [str(cell) for column in causes.columns for cell in column.cells]
    assert "content: setuid" in cells
    assert any("chmod it" in cell for cell in cells)
    answers(monkeypatch)
    assert report.causes(session(workspace).run(tested.targets(workspace, IMAGE, (AMD64,)))) is None


def test_a_dry_run_names_the_programs_that_would_start(workspace: Workspace) -> None:
    build(workspace)
    argvs = stage.commands(tested.targets(workspace, IMAGE, (AMD64,)))
    assert [argv[:2] for argv in argvs] == [
        ("container-structure-test", "test"),
        ("docker", "load"),
        ("container-structure-test", "test"),
        ("docker", "image"),
    ]
