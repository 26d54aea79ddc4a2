"""What is signed can be proved by an outsider, and what is not, is refused: real signatures, a real registry."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import layouts
import programs
import pytest
import registries

from galway import copying, evidence, local_registry, signing, toolbox
from galway.proof import Published
from galway.reference import Digest, ImageRef, Platform
from galway.registry import Client, Repository
from galway.stages import sign, verify
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from galway.evidence import Record
    from galway.layout import Layout

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
class Shop:
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


@contextlib.contextmanager
def real_program(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """Debian's registry, which has no referrers API: attachments are found by the fallback tag."""
    with local_registry.running(Workspace.here(), folder) as made:
        yield made.name, made.storage


@contextlib.contextmanager
def real_referrers(folder: Path) -> Iterator[tuple[str, Path | None]]:
    """A registry program that answers the referrers API."""
    made = programs.start("olareg", folder)
    try:
        yield made.name, made.storage
    finally:
        made.stop()


@contextlib.contextmanager
def with_referrers_api(_folder: Path) -> Iterator[tuple[str, Path | None]]:
    """A registry in memory that lists referrers itself, as the distribution specification 1.1 asks for."""
    with registries.serve(referrers_api=True) as made:
        yield made.name, None


PROGRAMS = (real_program, real_referrers, with_referrers_api)


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda made: made.__name__)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A throw-away registry and key."""
    folder = tmp_path_factory.mktemp("shop")
    workspace = replace(Workspace.here(), root=folder)
    pinned = Workspace.here()
    tool = toolbox.ensure(pinned, "cosign")
    environment = {"COSIGN_PASSWORD": "a passphrase of this test"}
    key = signing.generate(tool, folder / "k.key", folder / "k.pub", environment)
    with request.param(folder / "registry") as (registry, storage):
        cosign = signing.Cosign(tool=tool, trust=key, environment=environment)
        yield Shop(workspace=workspace, registry=registry, storage=storage, cosign=cosign, folder=folder)


def test_what_is_signed_is_proved_on_every_platform(shop: Shop) -> None:
    request = shop.published("good")
    record = sign.run(request)
    assert len(record.measures["signed"]) == 1 + 2 + 4  # index, platforms, two SBOMs each
    seen = shop.verify(request)
    assert (seen.status, seen.reason) == ("passed", "")
    assert len(seen.measures["proofs"]) == 3 + 2 * 4


def test_signing_again_changes_nothing(shop: Shop) -> None:
    request = shop.published("again")
    sign.run(request)
    before = {tag: request.repository.digest(tag) for tag in request.repository.tags()}
    sign.run(request)
    assert {tag: request.repository.digest(tag) for tag in request.repository.tags()} == before


def test_an_unsigned_image_is_refused(shop: Shop) -> None:
    seen = shop.verify(shop.published("unsigned"))
    assert seen.status == "failed"
    assert seen.reason.startswith("index signature")


def test_an_image_that_another_key_signed_is_refused(shop: Shop) -> None:
    folder = shop.folder / "other"
    key = signing.generate(shop.cosign.tool, folder / "k.key", folder / "k.pub", shop.cosign.environment)
    request = shop.published("other-key")
    sign.run(replace(request, cosign=replace(shop.cosign, trust=key)))
    assert shop.verify(request).status == "failed"


def test_an_attestation_alone_is_no_signature(shop: Shop) -> None:
    request = shop.published("attested")
    for digest in (request.layout.digest, *(manifest.digest for manifest in request.layout.manifests())):
        shop.cosign.attest(replace(request.reference, digest=digest), predicate())
    failed = {proof["name"] for proof in shop.verify(request).measures["proofs"] if proof["status"] == "failed"}
    assert failed == {"signature", "sbom"}


def test_a_swapped_image_is_refused_though_the_other_one_is_signed(shop: Shop) -> None:
    signed = shop.published("swapped")
    sign.run(signed)
    other = small(shop.folder / "swapped-with", "something else")
    publish(shop.registry, other, "swapped")
    seen = shop.verify(signed, other.digest)
    assert seen.status == "failed"
    assert "signature" in seen.reason


def test_a_blob_that_was_tampered_with_is_refused(shop: Shop) -> None:
    request = shop.published("tampered", "bytes of its own")
    sign.run(request)
    layer = request.layout.manifests()[0].layers[0]
    if shop.storage is None:
        pytest.skip("what is in memory cannot be reached from outside; the other registry is tampered with")
    name = layer.digest.hex  # a layout's file, or a folder that holds `data`
    found = (path for path in shop.storage.rglob("blobs/sha256/**/*") if name in (path.name, path.parent.name))
    (stored,) = (path for path in found if path.is_file())
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"own", b"own"[::-1]))
    seen = shop.verify(request)
    assert seen.status == "failed"
    assert seen.reason.startswith("index bytes")


def test_an_sbom_of_another_image_is_refused(shop: Shop) -> None:
    request = shop.published("borrowed")
    first, second = request.sboms
    sign.run(replace(request, sboms={first: request.sboms[second], second: request.sboms[second]}))
    seen = shop.verify(request)
    assert seen.status == "failed"
    assert "about another image" in seen.reason


def test_provenance_of_another_commit_is_refused(shop: Shop) -> None:
    request = shop.published("other-commit")
    wrong = predicate().replace(REVISION.encode(), b"b" * 40)
    sign.run(replace(request, provenance=dict.fromkeys(request.provenance, wrong)))
    seen = shop.verify(request)
    assert seen.status == "failed"
    assert "no signed provenance names" in seen.reason


def test_a_missing_platform_is_refused(shop: Shop) -> None:
    request = shop.published("half")
    layout = small(shop.folder / "half-of-it", "half", PLATFORMS[:1])
    publish(shop.registry, layout, "half")
    seen = shop.verify(request, layout.digest)
    assert "not linux/amd64, linux/arm64" in " ".join(proof["detail"] for proof in seen.measures["proofs"])


def test_a_record_is_left_for_the_scorecard(shop: Shop) -> None:
    request = shop.published("recorded")
    sign.run(request)
    shop.verify(request)
    for stage in ("sign", "verify"):
        record = evidence.read(shop.workspace.evidence, "recorded", evidence.INDEX, stage)
        assert record is not None
        assert record.digest == str(request.layout.digest)


def test_no_login_and_no_passphrase_is_left_on_disk(shop: Shop) -> None:
    for path in shop.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"a passphrase of this test" not in path.read_bytes(), path


def test_the_repositorys_own_table_of_trust_is_valid() -> None:
    pair = signing.pair(REPOSITORY, environment={})
    assert pair.private.endswith("cosign.key")
    assert signing.identity(REPOSITORY).issuer.startswith("^https://")
