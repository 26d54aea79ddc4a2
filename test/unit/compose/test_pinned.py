"""The pinned file names this machine's manifests."""

from __future__ import annotations

from pathlib import Path

import layouts
import pytest
import yaml

from galway import catalog
from galway.compose import SERVICES, pin, pinned
from galway.errors import BuildError
from galway.reference import Platform
from galway.workspace import Workspace

IMAGES = {image.name: image for image in catalog.load(Path(__file__).parents[3]).images}


def checkout(tmp_path: Path, architecture: str) -> Workspace:
    """A workspace with the services' images built for one architecture."""
    workspace = Workspace(root=tmp_path, cache=tmp_path / "cache")
    for name in SERVICES.values():
        folder = workspace.layout(name)
        folder.mkdir(parents=True)
        layouts.build(folder, {"a": name.encode()}, architecture=architecture)
    return workspace


def test_the_file_overrides_each_image_by_the_digest_that_the_engine_has(tmp_path: Path) -> None:
    workspace = checkout(tmp_path, Platform.of_host().architecture)
    references = pin(workspace, IMAGES)
    written = yaml.safe_load(pinned.write(workspace, references).read_text())
    assert written == {"services": {name: {"image": str(reference)} for name, reference in references.items()}}
    for service, reference in references.items():
        (manifest,) = layouts.Layout(workspace.layout(SERVICES[service])).manifests()
        assert str(reference) == f"ghcr.io/{IMAGES[SERVICES[service]].reference.repository}@{manifest.digest}"


def test_a_build_for_another_machine_cannot_be_pinned(tmp_path: Path) -> None:
    other = "arm64" if Platform.of_host().architecture == "amd64" else "amd64"
    with pytest.raises(BuildError, match="is not built for"):
        pin(checkout(tmp_path, other), IMAGES)
