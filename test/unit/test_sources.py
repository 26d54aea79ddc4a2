"""What a command line may name to be looked into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import layouts
import pytest
import registries

from galway import evidence
from galway.errors import BuildError, ConfigurationError
from galway.evidence import Record
from galway.reference import Platform
from galway.registry import RegistryError
from galway.sources import Sources
from galway.workspace import Workspace

if TYPE_CHECKING:
    from registries import Registry

    from galway.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "test" / "data" / "sbom"
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A checkout with this one's catalog, and a ci image for amd64."""
    for name in ("docker", "scripts", "src", "test"):
        (tmp_path / name).symlink_to(ROOT / name)
    made = Workspace(root=tmp_path, cache=tmp_path / "cache")
    layouts.build(made.layout("ci"), {"x": b"1"})
    return made


def test_a_layout_folder_can_be_named_and_a_platform_picked(workspace: Workspace) -> None:
    look = Sources(workspace=workspace)
    found = look.target(str(workspace.layout("ci")), AMD64)
    assert found.platform == AMD64
    with pytest.raises(BuildError, match="linux/arm64"):
        look.target(f"{workspace.layout('ci')}@arm64", AMD64)


def test_an_sbom_file_can_be_compared_without_any_tool(workspace: Workspace) -> None:
    path = DATA / "first.spdx.json"
    assert Sources(workspace=workspace).packages(str(path), AMD64).has("dpkg", "bash")


def test_a_name_that_is_nothing_says_what_could_be_named(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="'nowhere'") as caught:
        Sources(workspace=workspace).target("nowhere", AMD64)
    assert "security-scanner" in caught.value.hint


def test_a_record_leads_to_the_image_that_it_speaks_of_and_no_other(workspace: Workspace) -> None:
    look = Sources(workspace=workspace)
    digest = str(look.target("ci", AMD64).manifest.digest)
    record = Record(stage="build", image="ci", platform="linux-amd64", digest=digest, status="passed")
    path = evidence.write(workspace.evidence, record)
    assert str(look.target(str(path), ARM64).manifest.digest) == digest
    stale = evidence.write(workspace.evidence, Record(**{**record_fields(record), "digest": "sha256:" + "0" * 64}))
    with pytest.raises(ConfigurationError, match="not what the layout of ci holds"):
        look.target(str(stale), AMD64)


def record_fields(record: Record) -> dict[str, str]:
    return {name: getattr(record, name) for name in ("stage", "image", "platform", "digest", "status")}


def publish(registry: Registry, layout: Layout, tag: str) -> None:
    """Put a layout into a registry, as a push would."""
    for manifest in layout.manifests():
        for digest in (manifest.config_digest, *(layer.digest for layer in manifest.layers)):
            registry.blobs[str(digest)] = layout.blob(digest).read_bytes()
            registry.owned.add(("a/ci", str(digest)))
        content = layout.blob(manifest.digest).read_bytes()
        registry.store("a/ci", str(manifest.digest), content, manifest.descriptor["mediaType"])
    index = layout.blob(layout.digest).read_bytes()
    registry.store("a/ci", tag, index, "application/vnd.oci.image.index.v1+json")


def test_a_registry_reference_is_copied_here_once_and_its_digest_kept(workspace: Workspace) -> None:
    layout = layouts.build(workspace.root / "other", {"y": b"2"})
    said: list[str] = []
    with registries.serve() as registry:
        publish(registry, layout, "1.0")
        look = Sources(workspace=workspace, say=said.append)
        for _ in range(2):
            found = look.target(f"{registry.name}/a/ci:1.0", AMD64)
            assert found.layout.digest == layout.digest
            assert found.manifest.digest == layout.manifests()[0].digest
        fetched = [line for line in registry.log if line.startswith("GET") and "/blobs/" in line]
    assert len(said) == 1
    assert len(fetched) == len(set(fetched))
    with pytest.raises(BuildError, match="linux/arm64"):
        Sources(workspace=workspace).target(str(found.layout.folder), ARM64)


def test_a_reference_that_its_registry_does_not_have_is_an_error(workspace: Workspace) -> None:
    with registries.serve() as registry, pytest.raises(RegistryError, match="not in its registry"):
        Sources(workspace=workspace).target(f"{registry.name}/a/ci:9", AMD64)


def test_a_relative_path_is_not_taken_for_a_registry(workspace: Workspace) -> None:
    for text in ("results/old", "./x", "../x/y", "a/b:c"):
        with pytest.raises(ConfigurationError, match="is no image, no layout folder"):
            Sources(workspace=workspace).target(text, AMD64)
