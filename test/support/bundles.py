"""What bundles are made of in tests: a checkout with a small image on both platforms, and a bundle that was touched."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import layouts
import pytest
import registries

from galway import evidence, prepare
from galway.airgap import Loading, Packing
from galway.bundling import tape
from galway.layout import MANIFEST_TYPE
from galway.registry import referrers
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.airgap import Loaded
    from galway.catalog import Image
    from galway.local_registry import LocalRegistry
    from galway.registry import Repository
    from galway.tools.cosign import Key

NAME = "ci"
REVISION = "a" * 40
ARCHITECTURES = ("amd64", "arm64")


def checkout(root: Path) -> Workspace:
    """The repository's files with a `.galway` of its own."""
    here = Workspace.here()
    root.mkdir()
    for path in here.root.iterdir():
        if path.name != ".galway":
            (root / path.name).symlink_to(path)
    return replace(here, root=root)


def _sboms(digest: str) -> dict[str, bytes]:
    """Both formats, about one manifest."""
    purl = f"pkg:oci/small@{digest}"
    zlib = "pkg:deb/debian/zlib@1"
    cyclonedx = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"type": "container", "name": "small", "bom-ref": purl}},
        "components": [{"type": "library", "name": "zlib", "version": "1", "purl": zlib, "bom-ref": "zlib"}],
    }
    packages = [
        {
            "name": name,
            "SPDXID": f"SPDXRef-{name}",
            "versionInfo": "1",
            "primaryPackagePurpose": purpose,
            "externalRefs": [{"referenceType": "purl", "referenceLocator": locator}],
        }
        for name, purpose, locator in (("small", "CONTAINER", purl), ("zlib", "LIBRARY", zlib))
    ]
    documents = {"cyclonedx.json": cyclonedx, "spdx.json": {"spdxVersion": "SPDX-2.3", "packages": packages}}
    return {name: json.dumps(document).encode() for name, document in documents.items()}


def build(workspace: Workspace, text: str, **labels: str) -> Image:
    """A small image under a real one's name, with records that it passed every gate."""
    table = prepare.load_catalog(workspace, environment={})
    (image,) = (one for one in table.images if one.name == NAME)
    prefix = "org.opencontainers.image"
    stamped = {
        f"{prefix}.title": image.title,
        f"{prefix}.source": table.source,
        f"{prefix}.vendor": table.vendor,
        f"{prefix}.licenses": table.licenses,
        f"{prefix}.revision": REVISION,
        f"{prefix}.created": "2026-01-02T03:04:05Z",
        f"{prefix}.version": image.version,
        **labels,
    }
    folder = workspace.layout(NAME)
    shutil.rmtree(folder, ignore_errors=True)
    children = [
        layouts.put_manifest(
            folder, [layouts.tar({"hello": text.encode()})], architecture=one, config={"Labels": stamped}
        )
        for one in ARCHITECTURES
    ]
    layout = layouts.put_index(folder, children, annotations=stamped)
    dependency = {"uri": f"git+{table.source}@{REVISION}", "digest": {"gitCommit": REVISION}}
    predicate = {"buildDefinition": {"buildType": "test", "resolvedDependencies": [dependency]}, "runDetails": {}}
    reports = {"build": {"provenance.json": json.dumps(predicate).encode()}}
    for manifest in layout.manifests():
        for stage in ("build", "test", "sbom", "scan"):
            found = reports.get(stage, _sboms(str(manifest.digest)) if stage == "sbom" else {})
            place = workspace.sboms if stage == "sbom" else workspace.evidence
            record = evidence.Record(
                stage=stage,
                image=NAME,
                platform=manifest.platform.slug,
                digest=str(manifest.digest),
                status="passed",
                measures={"bases": {argument: {"kind": "registry"} for argument, _ in image.bases}},
                artifacts=evidence.keep(place, NAME, manifest.platform.slug, found),
            )
            evidence.write(workspace.evidence, record)
    return image


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who packs: a checkout, a key pair, a bundle."""

    workspace: Workspace
    key: Key
    bundle: Path

    def pack(self, output: Path, key: Key | None = None, **options: Any) -> Path:
        """Another bundle of what is built now."""
        private = (key or self.key).private
        Packing(workspace=self.workspace, names=[NAME], key=private, **options).run(output)
        return output


def no_engine() -> Any:
    """For loads into a registry."""
    pytest.fail("the engine was asked")


def load(site: Workspace, bundle: Path, **options: Any) -> list[Loaded]:
    """Load a bundle as `inv bundle.load` does."""
    return Loading(workspace=site, **{"engine": no_engine, **options}).run(bundle)


def is_empty(registry: LocalRegistry) -> bool:
    """Whether nothing was ever sent to a registry."""
    return not list(registry.storage.rglob("data")) and not list(registry.storage.rglob("link"))


def changed(bundle: Path, folder: Path, change: Callable[[Path], None]) -> Path:
    """The bundle of somebody who unpacks it, changes something and packs it again with right checksums."""
    tape.unpack(bundle, folder / "open")
    (folder / "open" / tape.SUMS).unlink(missing_ok=True)
    change(folder / "open")
    paths = [path for path in (folder / "open").rglob("*") if path.is_file()]
    members = [tape.Member(name=path.relative_to(folder / "open").as_posix(), path=path) for path in paths]
    return tape.write(folder / "changed.tar", members).path


def attach(repository: Repository, subject: str, blob: bytes, *, tag: str = "") -> str:
    """Put something there that is attached to a digest: by Cosign's tag, or as a referrer."""
    registry = repository.client

    def put(content: bytes) -> dict[str, Any]:
        digest = registries.digest(content)
        answer = registry.ask("POST", repository.url("blobs/uploads/"), scopes=repository.scopes)
        registry.ask("PUT", answer.headers["Location"], params={"digest": digest}, body=content)
        return {"digest": digest, "size": len(content), "mediaType": "application/octet-stream"}

    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": put(b"{}"),
        "layers": [put(blob)],
    }
    if not tag:
        document["subject"] = {"mediaType": MANIFEST_TYPE, "digest": subject, "size": 1}
    content = json.dumps(document).encode()
    if tag:
        repository.put(tag, content, MANIFEST_TYPE)
    else:
        referrers.attach(repository, content, media_type=MANIFEST_TYPE)
    return registries.digest(content)
