"""What a command line may name to be looked into: an image here or in a registry, a layout, an SBOM file, a record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import bom, history, prepare, toolbox
from galway.errors import ConfigurationError
from galway.evidence import Record
from galway.pull import pull
from galway.reference import ImageRef, Platform
from galway.registry import Client, RegistryError, Repository, find_credentials
from galway.stages import sbom
from galway.tools import trivy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.bom import Bom
    from galway.layout import Layout, Manifest
    from galway.stages.sbom import Target
    from galway.workspace import Workspace

_REFERENCE = re.compile(r"(?:localhost|[^/]*[^./][.:][^/]*)/")
"""A reference begins with a registry, which has a dot or a port in its name; a relative path does not."""

LOCAL = "local"
"""The registry that a layout outside the catalog is said to be from: none."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Resolves names against one checkout.

    Parameters
    ----------
    workspace:
        Its catalog, layouts and records.
    say:
        Told what takes time.
    """

    workspace: Workspace
    say: Callable[[str], None] = lambda _line: None

    def target(self, text: str, platform: Platform) -> Target:
        """A catalog image, an OCI layout's folder, a record whose image is still as it says, or a registry reference.

        What a reference leads to is copied out of its registry into `.galway/pulled`, once for each digest.

        Parameters
        ----------
        text:
            Its name or path; `@arm64` at the end picks another platform.
        platform:
            What is meant without that.

        Raises
        ------
        ConfigurationError
            The text names none of these.
        BuildError
            The layout is missing or damaged, or lacks the platform.
        RegistryError
            The registry could not be asked, or does not have it.
        """
        text, platform = _split(text, platform)
        path = Path(text)
        if path.is_file():
            return self._recorded(path)
        if (path / "index.json").is_file():
            return sbom.target(path, text, ImageRef(LOCAL, path.resolve().name.lower()), platform)
        if _REFERENCE.match(text):
            return self._pulled(ImageRef.parse(text), platform)
        return self._built(text, platform)

    def targets(self, names: Sequence[str], words: Sequence[str]) -> list[Target]:
        """What a selection names: every catalog image by default, each on the platforms asked for.

        Raises
        ------
        ConfigurationError
            An unknown image or platform, or a broken catalog.
        BuildError
            One of them is not built.
        """
        images = prepare.load_catalog(self.workspace).images
        wanted = prepare.platforms(words, images)
        return [self.target(name, one) for name in names or [image.name for image in images] for one in wanted]

    def packages(self, text: str, platform: Platform) -> Bom:
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
        return self.packages_of(self.target(text, platform))

    def packages_of(self, target: Target) -> Bom:
        """The packages of one platform: from its record's file where that is current, else by Trivy."""
        tool = toolbox.ensure(self.workspace, trivy.TOOL, say=self.say)
        record = sbom.known(self.workspace, target, tool.version)
        if record is not None:
            return bom.read(sbom.read(self.workspace, record)["cyclonedx"])
        self.say(f"listing the packages of {target.name} for {target.platform}")
        return sbom.list_packages(self.workspace, tool, target)

    def packages_in(self, name: str, layout: Layout, manifest: Manifest) -> Bom:
        """The packages of one platform in any layout; `name` is what messages call it."""
        where = ImageRef(LOCAL, layout.folder.resolve().name.lower())
        return self.packages_of(sbom.Target(name=name, reference=where, layout=layout, manifest=manifest))

    def _built(self, name: str, platform: Platform) -> Target:
        catalog = prepare.load_catalog(self.workspace)
        image = next((image for image in catalog.images if image.name == name), None)
        if image is None:
            known = ", ".join(image.name for image in catalog.images)
            raise ConfigurationError(
                f"{name!r} is no image, no layout folder, no SBOM and no record here",
                hint=f"name one of {known}, a path, or a reference: registry/path:tag",
            )
        return sbom.target(self.workspace.layout(name), name, image.reference, platform)

    def _pulled(self, reference: ImageRef, platform: Platform) -> Target:
        ours = {image.reference.registry for image in prepare.load_catalog(self.workspace).images}
        login = find_credentials(reference.registry) if reference.registry in ours else None
        repository = Repository(client=Client(reference.registry, credentials=login), name=reference.repository)
        document = repository.document(str(reference.digest or reference.tag or "latest"))
        if document is None:
            raise RegistryError(f"{reference} is not in its registry", hint="see what is: inv digest")
        if not document.is_index:
            raise ConfigurationError(f"{reference} is one platform's manifest", hint="name the image's index")
        folder = self.workspace.state / "pulled" / document.digest.hex
        if not (folder / "index.json").is_file():
            self.say(f"copying {reference} out of its registry")
        with history.pulling(self.workspace, str(reference), folder):
            pull(repository, document.digest, folder)
        return sbom.target(folder, str(reference), reference, platform)

    def _recorded(self, path: Path) -> Target:
        record = _record(path)
        if record is None:
            raise ConfigurationError(f"{path} is no record", hint="records are in .galway/evidence")
        platform = next((p for p in map(Platform.parse, Platform.SUPPORTED) if p.slug == record.platform), None)
        found = self._built(record.image, platform or Platform.of_host())
        if str(found.manifest.digest) != record.digest:
            raise ConfigurationError(
                f"{path} speaks of {record.digest[:19]}, which is not what the layout of {record.image} holds now",
                hint="keep a copy of the layout folder to compare with a former build",
            )
        return found


def _split(text: str, platform: Platform) -> tuple[str, Platform]:
    name, at, word = text.rpartition("@")
    if not at or word.rpartition("/")[2] not in Platform.SUPPORTED:
        return text, platform
    return name, Platform.parse(word)


def _record(path: Path) -> Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
