"""docker-compose.yml by digest: the same services on exactly the bytes that this checkout built."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from galway.compose.argv import SERVICES
from galway.errors import BuildError
from galway.layout import Layout
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from galway.catalog import Image
    from galway.reference import ImageRef
    from galway.workspace import Workspace


def place(workspace: Workspace) -> Path:
    """Where the pinned file lies."""
    return workspace.state / "compose" / "pinned.yml"


def pin(workspace: Workspace, images: Mapping[str, Image]) -> dict[str, ImageRef]:
    """Each service's image by the digest of this machine's manifest: `inv build` loads that, not the index.

    Raises
    ------
    BuildError
        An image has not been built here.
    """
    return {service: _pinned(workspace, images[name]) for service, name in SERVICES.items()}


def _pinned(workspace: Workspace, image: Image) -> ImageRef:
    host = Platform.of_host()
    for manifest in Layout(workspace.layout(image.name)).manifests():
        if manifest.platform == host:
            return replace(image.reference, tag=None, digest=manifest.digest)
    raise BuildError(f"{image.name} is not built for {host}", hint=f"inv build -i {image.name}")


def text(references: Mapping[str, ImageRef]) -> str:
    """The file: it only overrides the images, everything else stays docker-compose.yml's."""
    lines = [f"  {service}:\n    image: {reference}\n" for service, reference in references.items()]
    return "# Written by `inv up --pinned`; use it after docker-compose.yml.\nservices:\n" + "".join(lines)


def write(workspace: Workspace, references: Mapping[str, ImageRef]) -> Path:
    """Write it.

    Raises
    ------
    BuildError
        The folder is not writable.
    """
    path = place(workspace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(references), encoding="utf-8")
    except OSError as error:
        raise BuildError(f"cannot write {path}: {error.strerror}", hint="make it writable and try again") from error
    return path
