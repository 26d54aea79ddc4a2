"""Small images of two platforms, published with all that is signed and attached, and an outsider who looks at them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import layouts

from galway import copying, signing
from galway.proof import Published
from galway.reference import Digest, ImageRef, Platform
from galway.registry import Client, Repository
from galway.stages import sign, verify

if TYPE_CHECKING:
    from pathlib import Path

    from galway.evidence import Record
    from galway.layout import Layout
    from galway.workspace import Workspace

SOURCE = "https://example.org/galway"
PLATFORMS = (Platform.parse("amd64"), Platform.parse("arm64"))
LABELS = {"org.opencontainers.image.title": "Small", "org.opencontainers.image.source": SOURCE}
REVISION = "a" * 40


def small(folder: Path, text: str, platforms: tuple[Platform, ...] = PLATFORMS) -> Layout:
    """A layout with one file."""
    config = {"Labels": {**LABELS, "org.opencontainers.image.revision": REVISION}}
    tar = layouts.tar({"hello": text.encode()})
    children = [
        layouts.put_manifest(folder, [tar], architecture=each.architecture, compression="", config=config)
        for each in platforms
    ]
    return layouts.put_index(folder, children)


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()


def publish(registry: str, layout: Layout, name: str) -> Repository:
    """Copy a layout to a repository of the registry."""
    target = Repository(client=Client(registry), name=name, push=True)
    copying.blobs(layout, target, lambda _size: None)
    copying.manifests(layout, target)
    copying.index(layout, target)
    return target


def sboms(digest: Digest) -> dict[str, bytes]:
    """Both formats, about one manifest."""
    purl = f"pkg:oci/small@{digest}"
    component = {"type": "library", "name": "zlib", "version": "1", "purl": "pkg:deb/debian/zlib@1", "bom-ref": "zlib"}
    cyclonedx = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"type": "container", "name": "small", "bom-ref": purl}},
        "components": [component],
    }
    locators = {"small": purl, "zlib": component["purl"]}
    packages = [
        {
            "name": name,
            "SPDXID": f"SPDXRef-{name}",
            "versionInfo": "1",
            "primaryPackagePurpose": "CONTAINER" if name == "small" else "LIBRARY",
            "externalRefs": [{"referenceType": "purl", "referenceLocator": locator}],
        }
        for name, locator in locators.items()
    ]
    return {"cyclonedx": encoded(cyclonedx), "spdx": encoded({"spdxVersion": "SPDX-2.3", "packages": packages})}


def predicate() -> bytes:
    """Provenance that names the source at the labels' commit."""
    dependency = {"uri": f"git+{SOURCE}@{REVISION}", "digest": {"gitCommit": REVISION}}
    definition = {"buildType": f"{SOURCE}/build", "externalParameters": {"a": 1}, "resolvedDependencies": [dependency]}
    return encoded({"buildDefinition": definition, "runDetails": {"builder": {"id": f"{SOURCE}/builder"}}})


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """A registry, a signer and what belongs to an image."""

    workspace: Workspace
    registry: str
    storage: Path | None
    cosign: signing.Cosign
    folder: Path

    def published(self, name: str, text: str = "hello") -> sign.Request:
        """A small image of its own repository, published and not signed."""
        layout = small(self.folder / name, text)
        repository = publish(self.registry, layout, name)
        digests = [manifest.digest for manifest in layout.manifests()]
        return sign.Request(
            workspace=self.workspace,
            image=name,
            reference=ImageRef(self.registry, name, digest=layout.digest),
            layout=layout,
            repository=repository,
            cosign=self.cosign,
            sboms={digest: sboms(digest) for digest in digests},
            provenance=dict.fromkeys(digests, predicate()),
        )

    def verify(self, request: sign.Request, digest: Digest | None = None) -> Record:
        """What an outsider says."""
        published = Published(
            image=request.image,
            reference=replace(request.reference, digest=digest or request.layout.digest),
            platforms=PLATFORMS,
            labels=LABELS,
            source=SOURCE,
            repository=Repository(client=Client(self.registry), name=request.repository.name),
            cosign=self.cosign,
        )
        return verify.run(self.workspace, published)
