"""What is in the scanner's image, whichever Python it stands on: licences, parts, programs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from galway import prepare
from galway.checks import target as tested
from galway.reference import Platform
from galway.stages import build

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Built

NAME = "security-scanner"
CONTEXT = {"LICENSE", "docker", "scripts"}
"""Where the files of its build are: BuildKit takes none through a link."""
TEXTS = """
import importlib.metadata, json, pathlib
core = pathlib.Path("/usr/local/lib/semgrep")
found = [*importlib.metadata.distributions(), *importlib.metadata.distributions(path=[str(core)])]
print(json.dumps({
    one.name: sum(path.stat().st_size for path in pathlib.Path(str(one._path)).rglob("*") if path.is_file()
        and (path.parent.name == "licenses" or any(word in path.name.lower() for word in ("licen", "copying"))))
    for one in found
}))
"""
"""Asked of the image itself, apart from what its build believes: the bytes of licence texts by distribution."""


def test_every_python_distribution_and_the_core_have_the_text_of_their_licence_and_are_listed(built: Built) -> None:
    python = ("--network", "none", "--entrypoint", "python3")
    sizes: dict[str, int] = json.loads(built.run(NAME, "-c", TEXTS, options=python))
    assert sizes.keys() >= {"semgrep", "bandit", "pip_audit", "cyclonedx-bom", "packageurl-python"}
    assert {name for name, size in sizes.items() if size < 300} == set()
    listed = built.run(NAME, "/app/LICENSES.md", options=("--network", "none", "--entrypoint", "cat"))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in listed.splitlines() if line.startswith("| ")]
    assert {row[0] for row in rows[1:]} >= sizes.keys() - {"pip", "setuptools", "wheel"}  # the base's own
    assert all(all(row) for row in rows)
    assert "Apache License" in built.run(NAME, "/app/LICENSE", options=("--network", "none", "--entrypoint", "cat"))


def test_the_build_record_tells_what_each_part_weighs(built: Built) -> None:
    measures = built.records[NAME].measures
    parts = {part["name"]: part["compressed"] for part in measures["parts"]}
    assert sum(parts.values()) == sum(layer["compressed"] for layer in measures["layers"])
    assert all(parts.values())
    assert max(parts, key=parts.__getitem__) == "semgrep core"


@pytest.mark.slow
def test_an_image_on_a_newer_python_builds_passes_the_same_checks_and_reads_newer_syntax(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_BASE", "python:3.13-slim")
    monkeypatch.setenv("REGISTRY", "newer.test/galway")  # or it would replace the loaded image of the others
    root = tmp_path / "checkout"
    root.mkdir()
    for path in built.workspace.root.iterdir():
        if path.name in CONTEXT:
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, root / path.name)
        elif path.name != ".galway":
            (root / path.name).symlink_to(path)
    workspace = dataclasses.replace(built.workspace, root=root)
    plan = prepare.plan(workspace, names=[NAME])
    request = prepare.request(workspace, plan, builder=None, say=print)
    (record,) = build.run(workspace, request, observe=lambda _: None, say=print)
    assert record.measures["compressed"] <= record.measures["size_budget"]
    build.load(workspace, plan.images, request.engine, say=print)
    wanted, refused = tested.select(workspace, plan.images, (Platform.of_host(),))
    assert refused is None
    (judged,) = prepare.session(workspace, wanted, say=print).run(wanted)
    assert [one["name"] for one in judged.measures["checks"] if one["status"] == "failed"] == []

    newer = dataclasses.replace(built, workspace=workspace, images={image.name: image for image in plan.images})
    (tmp_path / "results").mkdir(mode=0o777)
    (tmp_path / "results").chmod(0o777)
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text("type Name = str\n\n\ndef first[T](items: list[T]) -> T:\n    return items[0]\n")
    tmp_path.chmod(0o755)
    mounts = ("-v", f"{source}:/scan:ro", "-v", f"{tmp_path}/results:/results:rw", "--env", "OUTPUT_DIR=/results")
    newer.run(NAME, options=("--network", "none", *mounts))
    summary = json.loads((tmp_path / "results/summary.json").read_text())
    assert summary["coverage"]["read_by"] == {"semgrep": 1, "bandit": 1}
