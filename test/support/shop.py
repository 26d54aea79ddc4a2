"""A checkout's `.galway` with built, tested and scanned images of the real catalog, ready to be published."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import layouts

from galway import catalog, evidence, release
from galway.reference import Digest, Platform
from galway.stages import publish
from galway.tagging import Ref
from galway.workspace import Workspace

if TYPE_CHECKING:
    from registries import Registry

    from galway.catalog import Image
    from galway.evidence import Record
    from galway.layout import Layout
    from galway.registry import Client

ROOT = Path(__file__).parents[2]
SHA = "abc1234" + "0" * 33
ANNOTATION = "org.opencontainers.image"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The folder, and what makes things in it."""

    workspace: Workspace
    registry: str

    @classmethod
    def open(cls, folder: Path, registry: Registry | str) -> Shop:
        """A new one that publishes to a registry."""
        name = registry if isinstance(registry, str) else registry.name
        return cls(workspace=Workspace(root=folder, cache=folder / "cache"), registry=name)

    def image(self, name: str = "ci", *, version: str = "", visibility: str = "public") -> Image:
        """A catalog image in this registry."""
        (image,) = catalog.load(ROOT, registry=self.registry).select([name])
        return replace(image, version=version or image.version, visibility=visibility)

    def build(
        self,
        image: Image,
        *,
        content: bytes = b"program",
        created: str = "2026-01-02T03:04:05Z",
        sha: str = SHA,
        architectures: tuple[str, ...] = ("amd64", "arm64"),
        records: bool = True,
    ) -> Layout:
        """Write a layout, and the records that it passed every gate."""
        annotations = {
            f"{ANNOTATION}.created": created,
            f"{ANNOTATION}.revision": sha,
            f"{ANNOTATION}.version": image.version,
        }
        folder = self.workspace.layout(image.name)
        descriptors = []
        for architecture in architectures:
            tar = layouts.tar({"app": content, "arch": architecture.encode()})
            config = {"Labels": annotations}
            descriptor = layouts.put_manifest(folder, [tar], architecture=architecture, config=config)
            document = json.loads((folder / "blobs/sha256" / descriptor["digest"].partition(":")[2]).read_text())
            descriptors.append({**descriptor, **layouts.put_document(folder, {**document, "annotations": annotations})})
        layout = layouts.put_index(folder, descriptors, annotations=annotations)
        for manifest in layout.manifests() if records else ():
            for stage in release.GATES:
                self.record(image, stage, manifest.platform.slug, str(manifest.digest))
        return layout

    def record(self, image: Image, stage: str, platform: str, digest: str, **fields: Any) -> Record:
        """Write one record, passed unless it is said otherwise."""
        bases = {argument: {"kind": "registry"} for argument, _ in image.bases}
        values: dict[str, Any] = {"status": "passed", "measures": {"bases": bases}, **fields}
        record = evidence.Record(stage=stage, image=image.name, platform=platform, digest=digest, **values)
        evidence.write(self.workspace.evidence, record)
        return record

    def push(
        self, client: Client, *images: Image, ref: str = "refs/heads/main", sha: str = SHA, **fields: Any
    ) -> dict[str, Record]:
        """Publish; the records by image."""
        request = publish.Request(
            images=images, ref=Ref.parse(ref, sha=sha), pinned=True, default_branch="main", client=client, **fields
        )
        records = publish.run(self.workspace, request, publish.plan(self.workspace, request))
        return {record.image: record for record in records}


def built(*digests: tuple[str, str], revision: str = SHA) -> release.Built:
    """What a layout of some platforms says of itself: pairs of architecture and a digit that fills its digest."""
    return release.Built(
        digest=Digest.parse("sha256:" + "f" * 64),
        manifests={Platform.parse(name): Digest.parse("sha256:" + digit * 64) for name, digit in digests},
        annotations={f"{ANNOTATION}.revision": revision},
    )
