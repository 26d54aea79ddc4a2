"""The real images' packages, programs and insides, and variants broken on purpose that must be found out."""

from __future__ import annotations

import json
import os
import shutil
import struct
from typing import TYPE_CHECKING

import layouts
import pytest

from galway import bom, filesystem, inspection, process, toolbox
from galway.checks import Subject, architecture
from galway.errors import BuildError
from galway.layout import Layout
from galway.reference import Platform
from galway.stages import sbom
from galway.toolbox import Tool
from galway.tools import trivy

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Built

NAMES = ("security-scanner", "ci", "agent-updates-collector")
HOST = Platform.of_host()
FOREIGN = {"amd64": 183, "arm64": 62}[HOST.architecture]
"""The ELF machine of the platform that this host is not."""


@pytest.fixture(scope="session")
def scanner(built: Built) -> Tool:
    """Trivy, installed where it is missing."""
    return toolbox.ensure(built.workspace, trivy.TOOL)


def target(built: Built, name: str) -> sbom.Target:
    return sbom.target(built.workspace.layout(name), name, built.images[name].reference, HOST)


def variant(one: sbom.Target, folder: Path, files: dict[str, layouts.Node | bytes]) -> sbom.Target:
    """The same image with one more layer, as a Dockerfile that builds upon it would make it."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for layer in one.manifest.layers:
        os.link(one.layout.blob(layer.digest), blobs / layer.digest.hex)
    tar = layouts.tar(files)
    document = one.layout.document(one.manifest.digest)
    config = json.loads(json.dumps(one.manifest.config))
    config["rootfs"]["diff_ids"].append(layouts.put(folder, tar))
    config["history"].append({"created_by": "COPY variant /"})
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layouts.put(folder, tar)}
    document["layers"].append({**layer, "size": len(tar)})
    document["config"].update(layouts.put_document(folder, config))
    descriptor = {**one.manifest.descriptor, **layouts.put_document(folder, document)}
    layouts.put_index(folder, [descriptor])
    return sbom.target(folder, one.name, one.reference, one.platform)


def subject(built: Built, one: sbom.Target, scratch: Path) -> Subject:
    return Subject(
        image=built.images[one.name],
        layout=one.layout,
        manifest=one.manifest,
        root=built.workspace.root,
        scratch=scratch,
        engine=None,
        reference="",
        runs="no",
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_sboms_name_what_is_inside_and_come_out_the_same_again(built: Built, scanner: Tool, name: str) -> None:
    one = target(built, name)
    (first,) = sbom.run(built.workspace, scanner, [one])
    assert (first.status, first.digest) == ("passed", str(one.manifest.digest))
    assert first.measures["packages"]["dpkg"] > 50
    assert first.measures["system"]
    before = sbom.read(built.workspace, first)
    shutil.rmtree(sbom.folder(built.workspace) / name / HOST.slug)
    (again,) = sbom.run(built.workspace, scanner, [one])
    assert again.artifacts == first.artifacts
    assert sbom.read(built.workspace, again) == before


def test_unchanged_images_need_no_scanner(built: Built, scanner: Tool, tmp_path: Path) -> None:
    targets = [target(built, name) for name in NAMES]
    before = sbom.run(built.workspace, scanner, targets)
    absent = Tool(
        name=scanner.name,
        version=scanner.version,
        path=tmp_path / "absent",
        source=scanner.source,
        verified=scanner.verified,
        third_party=scanner.third_party,
    )
    assert sbom.run(built.workspace, absent, targets) == before


def test_a_layout_whose_bytes_changed_is_refused(built: Built, scanner: Tool, tmp_path: Path) -> None:
    one = variant(target(built, "agent-updates-collector"), tmp_path / "v", {"x": b"1"})
    blob = one.layout.blob(one.manifest.layers[-1].digest)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(BuildError, match="not what its digest says"):
        sbom.list_packages(built.workspace, scanner, one)


def test_a_scanner_that_fails_is_not_evaluated_and_never_passed(built: Built, scanner: Tool, tmp_path: Path) -> None:
    broken = tmp_path / "trivy"
    broken.write_text("#!/bin/sh\necho 'FATAL no' >&2\nexit 1\n")
    broken.chmod(0o755)
    tool = Tool(name="trivy", version="0", path=broken, source="", verified="", third_party=False)
    one = target(built, "agent-updates-collector")
    try:
        (record,) = sbom.run(built.workspace, tool, [one])
        assert record.status == "not_evaluated"
        assert "FATAL no" in record.reason
        assert not record.artifacts
    finally:
        sbom.run(built.workspace, scanner, [one])


@pytest.mark.parametrize("name", NAMES)
def test_every_program_is_of_the_manifests_platform(built: Built, name: str, tmp_path: Path) -> None:
    for manifest in Layout(built.workspace.layout(name)).manifests():
        one = sbom.target(built.workspace.layout(name), name, built.images[name].reference, manifest.platform)
        (found,) = architecture.check(subject(built, one, tmp_path))
        assert found.status == "passed", found.detail


def test_one_program_of_another_machine_is_found_and_named(built: Built, tmp_path: Path) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, FOREIGN, 1) + bytes(40)
    one = variant(target(built, "agent-updates-collector"), tmp_path / "v", {"opt/foreign": header})
    (found,) = architecture.check(subject(built, one, tmp_path))
    assert found.status == "failed"
    assert "/opt/foreign is for " in found.detail


def test_a_package_of_another_version_is_found_and_named(built: Built, scanner: Tool, tmp_path: Path) -> None:
    one = target(built, "agent-updates-collector")
    status = b""
    for entry, chunks in filesystem.walk(one.layout, one.manifest):
        if entry.path == "var/lib/dpkg/status":
            status = b"".join(chunks)
    (bash,) = [block for block in status.split(b"\n\n") if block.startswith(b"Package: bash\n")]
    (version,) = [line for line in bash.splitlines() if line.startswith(b"Version: ")]
    drifted = status.replace(bash, bash.replace(version, b"Version: 5.0-1"))
    other = variant(one, tmp_path / "v", {"var/lib/dpkg/status": drifted})
    paths = {}
    for platform, side in ((Platform.parse("amd64"), one), (Platform.parse("arm64"), other)):
        paths[platform] = tmp_path / f"{platform.slug}.json"
        paths[platform].write_bytes(sbom.scan(built.workspace, scanner, side)["cyclonedx"])
    found = {check.name: check for check in architecture.drift(built.images[one.name], paths)}
    assert found["drift dpkg"].status == "failed"
    assert "bash" in found["drift dpkg"].detail
    assert "5.0-1 on linux/arm64" in found["drift dpkg"].detail
    assert found["drift cargo"].status == "passed"


@pytest.mark.slow
@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("name", NAMES)
def test_the_platforms_hold_the_same_packages(built: Built, scanner: Tool, name: str) -> None:
    manifests = Layout(built.workspace.layout(name)).manifests()
    image = built.images[name]
    targets = [sbom.target(built.workspace.layout(name), name, image.reference, m.platform) for m in manifests]
    sbom.run(built.workspace, scanner, targets)
    folder = sbom.folder(built.workspace) / name
    paths = {one.platform: folder / one.platform.slug / "cyclonedx.json" for one in targets}
    found = architecture.drift(image, paths)
    assert {check.status for check in found} == {"passed"}, [check.detail for check in found]


@pytest.mark.parametrize("name", NAMES)
def test_an_inspection_agrees_with_the_builds_record(built: Built, name: str) -> None:
    one, image = target(built, name), built.images[name]
    seen = inspection.examine(name, one.layout, one.manifest)
    assert seen.compressed == built.records[name].measures["compressed"]
    assert seen.settings["user"] == image.run.user
    assert seen.settings.get("ports", "") == ", ".join(f"{port}/tcp" for port in sorted(image.run.ports))
    assert seen.labels["org.opencontainers.image.title"] == image.title
    assert seen.labels.items() & seen.annotations.items()
    assert seen.largest[0].size > 1_000_000
    assert all(layer.instruction for layer in seen.layers)
    assert seen.wasted < 0.02 * seen.unpacked


def test_a_difference_names_the_file_and_the_package(built: Built, scanner: Tool, tmp_path: Path) -> None:
    one = target(built, "agent-updates-collector")
    metadata = b"Metadata-Version: 2.1\nName: added\nVersion: 9\n"
    site = "usr/lib/python3/dist-packages/added-9.dist-info/METADATA"
    other = variant(one, tmp_path / "v", {site: metadata, "etc/.wh.debian_version": b""})
    sides = [inspection.examine(s.name, s.layout, s.manifest, states=True) for s in (one, other)]
    boms = [sbom.list_packages(built.workspace, scanner, side) for side in (one, other)]
    packages = bom.compare(boms[0].packages, boms[1].packages)
    found = inspection.compare(sides[0], sides[1], packages)
    changes = {file.path: file.change for file in found.files}
    assert changes[f"/{site}"] == "added"
    assert changes["/etc/debian_version"] == "removed"
    assert packages.added == (bom.Package("python", "added", "9"),)
    assert (packages.removed, packages.changed) == ((), ())
    assert found.shared == len(one.manifest.layers)


def test_the_commands_answer_in_json(built: Built) -> None:
    inv = str(built.workspace.root / "scripts" / "inv")
    records = json.loads(process.run((inv, "sbom", "--json")).stdout)
    assert {record["status"] for record in records} == {"passed"}
    documents = json.loads(process.run((inv, "inspect", "--json")).stdout)
    assert {document["image"]["image"] for document in documents} == set(NAMES)
    same = json.loads(process.run((inv, "sbom", "--old", "ci", "--new", "ci", "--json")).stdout)
    assert same == {"added": [], "removed": [], "changed": []}
    refused = process.run((inv, "sbom", "--old", "ci"), ok=(2,))
    assert "both --old and --new" in refused.stderr
