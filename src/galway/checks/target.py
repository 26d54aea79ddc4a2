"""What may be tested: the platforms of an image whose bytes are those that its build recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import evidence
from galway.errors import BuildError
from galway.layout import Layout, Manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galway.catalog import Image
    from galway.reference import Platform
    from galway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Target:
    """One platform of one image, known to be what `inv build` recorded."""

    image: Image
    layout: Layout
    manifest: Manifest

    def __str__(self) -> str:
        return f"{self.image.name} {self.manifest.platform}"


def targets(workspace: Workspace, image: Image, platforms: Sequence[Platform]) -> list[Target]:
    """The platforms of an image that were built and asked for, every blob checked.

    Raises
    ------
    BuildError
        There is no layout, none of the platforms is in it, a blob was changed, or a manifest is not the recorded one.
    """
    layout = Layout(workspace.layout(image.name))
    found = [manifest for manifest in layout.manifests() if manifest.platform in platforms]
    if not found:
        words = " ".join(f"--platform {platform.architecture}" for platform in platforms)
        raise BuildError(
            f"{image.name} is not built for {', '.join(map(str, platforms))}", hint=f"inv build -i {image.name} {words}"
        )
    layout.verify()
    for manifest in found:
        record = evidence.read(workspace.evidence, image.name, manifest.platform.slug, "build")
        if record is None or record.digest != str(manifest.digest):
            recorded = f"the record of its build says {record.digest[7:19]}" if record else "no build recorded it"
            raise BuildError(
                f"{image.name} {manifest.platform} is {manifest.digest.short}, but {recorded}",
                hint=f"build it again: inv build -i {image.name} --platform {manifest.platform.architecture}",
            )
    return [Target(image=image, layout=layout, manifest=manifest) for manifest in found]


def select(
    workspace: Workspace, images: Sequence[Image], platforms: Sequence[Platform]
) -> tuple[list[Target], BuildError | None]:
    """The targets of several images, and the first reason why one is refused; the others are tested nevertheless."""
    found: list[Target] = []
    refused: BuildError | None = None
    for image in images:
        try:
            found += targets(workspace, image, platforms)
        except BuildError as error:
            refused = refused or error
    return found, refused
