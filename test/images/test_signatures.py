"""What is signed can be proved by an outsider, and what is not, is refused: real signatures, a real registry."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import programs
import pytest
import registries
from small_images import PLATFORMS, REVISION, Publisher, predicate, publish, small

from galway import evidence, local_registry, signing, toolbox
from galway.stages import sign
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


COMBINATIONS = (
    (real_program, "cosign"),
    (real_referrers, "cosign"),
    (with_referrers_api, "cosign"),
    # It takes other options, and stores signatures under tags of their own; outside Debian it is built for minutes.
    pytest.param((real_program, "cosign-2"), marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda each: f"{each[0].__name__}-{each[1]}")
def publisher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """A throw-away registry and key, for each registry program, and for both generations of Cosign."""
    folder = tmp_path_factory.mktemp("publisher")
    workspace = replace(Workspace.here(), root=folder)
    pinned = Workspace.here()
    program, signer = request.param
    tool = toolbox.ensure(pinned, signer)
    environment = {"COSIGN_PASSWORD": "a passphrase of this test"}
    key = signing.generate(tool, folder / "k.key", folder / "k.pub", environment)
    with program(folder / "registry") as (registry, storage):
        cosign = signing.Cosign(tool=tool, trust=key, environment=environment)
        yield Publisher(workspace=workspace, registry=registry, storage=storage, cosign=cosign, folder=folder)


def test_what_is_signed_is_proved_on_every_platform(publisher: Publisher) -> None:
    request = publisher.published("good")
    record = sign.run(request)
    assert len(record.measures["signed"]) == 1 + 2 + 4  # index, platforms, two SBOMs each
    seen = publisher.verify(request)
    assert (seen.status, seen.reason) == ("passed", "")
    assert len(seen.measures["proofs"]) == 3 + 2 * 4


def test_signing_again_changes_nothing(publisher: Publisher) -> None:
    request = publisher.published("again")
    sign.run(request)
    before = {tag: request.repository.digest(tag) for tag in request.repository.tags()}
    sign.run(request)
    assert {tag: request.repository.digest(tag) for tag in request.repository.tags()} == before


def test_an_unsigned_image_is_refused(publisher: Publisher) -> None:
    seen = publisher.verify(publisher.published("unsigned"))
    assert seen.status == "failed"
    assert seen.reason.startswith("index signature")


def test_an_image_that_another_key_signed_is_refused(publisher: Publisher) -> None:
    folder = publisher.folder / "other"
    key = signing.generate(publisher.cosign.tool, folder / "k.key", folder / "k.pub", publisher.cosign.environment)
    request = publisher.published("other-key")
    sign.run(replace(request, cosign=replace(publisher.cosign, trust=key)))
    assert publisher.verify(request).status == "failed"


def test_an_attestation_alone_is_no_signature(publisher: Publisher) -> None:
    request = publisher.published("attested")
    for digest in (request.layout.digest, *(manifest.digest for manifest in request.layout.manifests())):
        publisher.cosign.attest(replace(request.reference, digest=digest), predicate())
    failed = {proof["name"] for proof in publisher.verify(request).measures["proofs"] if proof["status"] == "failed"}
    assert failed == {"signature", "sbom"}


def test_a_swapped_image_is_refused_though_the_other_one_is_signed(publisher: Publisher) -> None:
    signed = publisher.published("swapped")
    sign.run(signed)
    other = small(publisher.folder / "swapped-with", "something else")
    publish(publisher.registry, other, "swapped")
    seen = publisher.verify(signed, other.digest)
    assert seen.status == "failed"
    assert "signature" in seen.reason


def test_a_blob_that_was_tampered_with_is_refused(publisher: Publisher) -> None:
    request = publisher.published("tampered", "bytes of its own")
    sign.run(request)
    layer = request.layout.manifests()[0].layers[0]
    if publisher.storage is None:
        pytest.skip("what is in memory cannot be reached from outside; the other registry is tampered with")
    name = layer.digest.hex  # a layout's file, or a folder that holds `data`
    found = (path for path in publisher.storage.rglob("blobs/sha256/**/*") if name in (path.name, path.parent.name))
    (stored,) = (path for path in found if path.is_file())
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"own", b"own"[::-1]))
    seen = publisher.verify(request)
    assert seen.status == "failed"
    assert seen.reason.startswith("index bytes")


def test_an_sbom_of_another_image_is_refused(publisher: Publisher) -> None:
    request = publisher.published("borrowed")
    first, second = request.sboms
    sign.run(replace(request, sboms={first: request.sboms[second], second: request.sboms[second]}))
    seen = publisher.verify(request)
    assert seen.status == "failed"
    assert "about another image" in seen.reason


def test_provenance_of_another_commit_is_refused(publisher: Publisher) -> None:
    request = publisher.published("other-commit")
    wrong = predicate().replace(REVISION.encode(), b"b" * 40)
    sign.run(replace(request, provenance=dict.fromkeys(request.provenance, wrong)))
    seen = publisher.verify(request)
    assert seen.status == "failed"
    assert "no signed provenance names" in seen.reason


def test_a_missing_platform_is_refused(publisher: Publisher) -> None:
    request = publisher.published("half")
    layout = small(publisher.folder / "half-of-it", "half", PLATFORMS[:1])
    publish(publisher.registry, layout, "half")
    seen = publisher.verify(request, layout.digest)
    assert "not linux/amd64, linux/arm64" in " ".join(proof["detail"] for proof in seen.measures["proofs"])


def test_a_record_is_left_for_the_scorecard(publisher: Publisher) -> None:
    request = publisher.published("recorded")
    sign.run(request)
    publisher.verify(request)
    for stage in ("sign", "verify"):
        record = evidence.read(publisher.workspace.evidence, "recorded", evidence.INDEX, stage)
        assert record is not None
        assert record.digest == str(request.layout.digest)


def test_no_login_and_no_passphrase_is_left_on_disk(publisher: Publisher) -> None:
    for path in publisher.folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"a passphrase of this test" not in path.read_bytes(), path


def test_the_repositorys_own_table_of_trust_is_valid() -> None:
    pair = signing.pair(REPOSITORY, environment={})
    assert pair.private.endswith("cosign.key")
    assert signing.identity(REPOSITORY).issuer.startswith("^https://")
