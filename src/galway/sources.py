"""What a command line may name to be looked into: a catalog image, a layout folder, an SBOM file, a build's record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import bom, prepare, toolbox
from galway.errors import ConfigurationError
from galway.evidence import Record
from galway.reference import ImageRef, Platform
from galway.stages import sbom
from galway.tools import trivy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.bom import Bom
    from galway.stages.sbom import Target
    from galway.workspace import Workspace

LOCAL = "local"
"""The registry that a layout outside the catalog is said to be from: none."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Resolves names against one checkout.

    Parameters
    ----------
    workspace:
        Its catalog, layouts and records.
    platform:
        The platform meant where a name stands for several.
    say:
        Told what takes time.
    """

    workspace: Workspace
    platform: Platform
    say: Callable[[str], None] = lambda _line: None

    def target(self, text: str) -> Target:
        """A catalog image, a folder that holds an OCI layout, or a record whose image is still as it says.

        Raises
        ------
        ConfigurationError
            The text names none of these.
        BuildError
            The layout is missing or damaged, or lacks the platform.
        """
        path = Path(text)
        if path.is_file():
            return self._recorded(path)
        if (path / "index.json").is_file():
            name = path.resolve().name
            reference = ImageRef(LOCAL, name.lower())
            return sbom.target(path, name, reference, self.platform)
        return self._built(text)

    def packages(self, text: str) -> Bom:
        """The packages of whatever `target` takes, or of an SBOM file.

        Raises
        ------
        ConfigurationError
            The text names nothing that holds packages.
        BuildError
            A layout is missing or damaged, or lacks the platform.
        MissingToolError
            Trivy is needed and cannot be had.
        ProcessError
            Trivy could not read the image.
        """
        path = Path(text)
        if path.is_file() and _record(path) is None:
            return bom.read(path.read_bytes(), source=text)
        return self.packages_of(self.target(text))

    def packages_of(self, target: Target) -> Bom:
        """The packages of one platform: from its record's file where that is current, else by Trivy."""
        tool = toolbox.ensure(self.workspace, trivy.TOOL, say=self.say)
        record = sbom.known(self.workspace, target, tool.version)
        if record is not None:
            return bom.read(sbom.read(self.workspace, record)["cyclonedx"])
        self.say(f"listing the packages of {target.name} for {target.platform}")
        return sbom.list_packages(self.workspace, tool, target)

    def _built(self, name: str) -> Target:
        catalog = prepare.load_catalog(self.workspace)
        image = next((image for image in catalog.images if image.name == name), None)
        if image is None:
            known = ", ".join(image.name for image in catalog.images)
            raise ConfigurationError(
                f"{name!r} is no image, no layout folder, no SBOM and no record here",
                hint=f"name one of {known}, or a path",
            )
        return sbom.target(self.workspace.layout(name), name, image.reference, self.platform)

    def _recorded(self, path: Path) -> Target:
        record = _record(path)
        if record is None:
            raise ConfigurationError(f"{path} is no record", hint="records are in .galway/evidence")
        found = self._built(record.image)
        for platform in Platform.SUPPORTED:
            if Platform.parse(platform).slug == record.platform:
                found = sbom.target(found.layout.folder, found.name, found.reference, Platform.parse(platform))
        if str(found.manifest.digest) != record.digest:
            raise ConfigurationError(
                f"{path} speaks of {record.digest[:19]}, which is not what the layout of {record.image} holds now",
                hint="keep a copy of the layout folder to compare with a former build",
            )
        return found


def targets(workspace: Workspace, names: Sequence[str], platform: Sequence[str]) -> list[Target]:
    """The platforms of built images that a selection names.

    Raises
    ------
    ConfigurationError
        An unknown image or platform, or a broken catalog.
    BuildError
        One of them is not built.
    """
    images = prepare.load_catalog(workspace, names).select(names)
    return [
        sbom.target(workspace.layout(image.name), image.name, image.reference, wanted)
        for image in images
        for wanted in prepare.platforms(platform, images)
    ]


def _record(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
