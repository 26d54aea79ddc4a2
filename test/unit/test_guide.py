"""The next command follows from what is there."""

from __future__ import annotations

from pathlib import Path

import layouts

from galway import catalog, evidence, guide
from galway.evidence import Record
from galway.workspace import Workspace

IMAGES = catalog.load(Path(__file__).parents[2]).images


def checkout(tmp_path: Path) -> tuple[Workspace, dict[str, str]]:
    """A workspace with a layout of every image, and the layouts' digests."""
    workspace = Workspace(root=tmp_path, cache=tmp_path / "cache")
    digests = {}
    for image in IMAGES:
        folder = workspace.layout(image.name)
        folder.mkdir(parents=True)
        digests[image.name] = str(layouts.build(folder, {"a": b"a"}).digest)
    return workspace, digests


def record(workspace: Workspace, stage: str, image: str, digest: str, status: evidence.Status = "passed") -> None:
    """A stage's record about an index."""
    made = Record(stage=stage, image=image, platform=evidence.INDEX, digest=digest, status=status)
    evidence.write(workspace.evidence, made)


def test_where_nothing_is_built_the_build_comes_first(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path, cache=tmp_path / "cache")
    assert guide.suggest(workspace, IMAGES)[0] == "inv build"


def test_each_stage_follows_the_last_and_the_scorecard_all(tmp_path: Path) -> None:
    workspace, digests = checkout(tmp_path)
    said = []
    for stage in guide.STAGES:
        said.append(guide.suggest(workspace, IMAGES)[0])
        for name, digest in digests.items():
            record(workspace, stage, name, digest)
    assert said == [f"inv {stage}" for stage in guide.STAGES]
    assert guide.suggest(workspace, IMAGES)[0] == "inv scorecard"


def test_only_the_images_that_lack_a_stage_are_named(tmp_path: Path) -> None:
    workspace, digests = checkout(tmp_path)
    first, *rest = digests
    for name in rest:
        record(workspace, "test", name, digests[name])
    record(workspace, "test", first, digests[first], status="failed")
    assert guide.suggest(workspace, IMAGES)[0] == f"inv test -i {first}"


def test_a_record_of_an_earlier_build_counts_for_nothing(tmp_path: Path) -> None:
    workspace, digests = checkout(tmp_path)
    for name in digests:
        record(workspace, "test", name, "sha256:" + "0" * 64)
    assert guide.suggest(workspace, IMAGES)[0] == "inv test"
