"""Keyless signatures, by the identity of a workflow: Sigstore's real services on loopback instead of the public ones.

What is asked of Cosign is what a workflow on GitHub asks, and so is where its token comes from; only the trust root is
another one, as `cosign initialize` sets it for any deployment of Sigstore.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import programs
import pytest
import sigstore
from small_images import Publisher, predicate, publish, small

from galway import signing, toolbox
from galway.errors import PublishError
from galway.stages import sign
from galway.tools.cosign import Identity
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sigstore import Sigstore

pytestmark = pytest.mark.slow  # four programs are built from their sources: minutes

OURS = "jpoley/galway/.github/workflows/image.yml@refs/heads/main"


@dataclass(frozen=True, kw_only=True)
class Keyless:
    """A publisher without a key, and the services that vouch for it."""

    publisher: Publisher
    services: Sigstore

    def signs(self, name: str, workflow: str = OURS, trust: Identity | None = None) -> sign.Request:
        """A small image that a workflow has signed, which trusts itself where `trust` says whom it trusts."""
        self.services.runner.workflow = workflow
        request = self.publisher.published(name)
        cosign = replace(request.cosign, environment=self.services.environment, trust=trust or request.cosign.trust)
        sign.run(replace(request, cosign=cosign))
        return request


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:
    """Sigstore, trusted by the Cosign of the tests."""
    with sigstore.serve(toolbox.ensure(Workspace.here(), "cosign"), tmp_path_factory.mktemp("sigstore")) as made:
        yield made


@pytest.fixture(scope="module", params=["docker-registry", "olareg"])
def keyless(
    request: pytest.FixtureRequest, services: Sigstore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Keyless]:
    """A registry without the referrers API, as GHCR is, and one with it; whoever verifies has no token."""
    folder = tmp_path_factory.mktemp("keyless")
    registry = programs.start(request.param, folder / "registry")
    # The table's own pattern for who may sign; the issuer is not GitHub's but the one of the test.
    trust = Identity(subject=signing.identity(REPOSITORY).subject, issuer=f"^{services.runner.url}$")
    tool = toolbox.ensure(Workspace.here(), "cosign")
    try:
        yield Keyless(
            publisher=Publisher(
                workspace=replace(Workspace.here(), root=folder),
                registry=registry.name,
                storage=registry.storage,
                cosign=signing.Cosign(tool=tool, trust=trust, environment=services.trust),
                folder=folder,
            ),
            services=services,
        )
    finally:
        registry.stop()


def test_what_a_workflow_signed_is_proved_on_every_platform(keyless: Keyless) -> None:
    request = keyless.signs("good")
    seen = keyless.publisher.verify(request)
    assert (seen.status, seen.reason) == ("passed", "")
    assert len(seen.measures["proofs"]) == 3 + 2 * 4
    assert seen.policy == ("trust=identity",)
    assert set(keyless.services.runner.asked) == {"sigstore"}


def test_signing_again_changes_nothing(keyless: Keyless) -> None:
    request = keyless.signs("again")
    before = {tag: request.repository.digest(tag) for tag in request.repository.tags()}
    asked = len(keyless.services.runner.asked)
    sign.run(replace(request, cosign=replace(request.cosign, environment=keyless.services.environment)))
    assert {tag: request.repository.digest(tag) for tag in request.repository.tags()} == before
    assert len(keyless.services.runner.asked) == asked


@pytest.mark.parametrize(
    ("name", "workflow"),
    [
        ("topic", "jpoley/galway/.github/workflows/image.yml@refs/heads/topic"),
        ("pull-request", "jpoley/galway/.github/workflows/image.yml@refs/pull/1/merge"),
        ("fork", "somebody/galway/.github/workflows/image.yml@refs/heads/main"),
        ("longer-name", "jpoley/galway-else/.github/workflows/image.yml@refs/heads/main"),
    ],
)
def test_another_workflow_is_refused(keyless: Keyless, name: str, workflow: str) -> None:
    anybody = Identity(subject=".*", issuer=".*")
    seen = keyless.publisher.verify(keyless.signs(f"other-{name}", workflow, anybody))
    assert seen.status == "failed"
    assert seen.reason.startswith("index signature")


def test_whoever_is_not_trusted_hears_it_when_signing(keyless: Keyless) -> None:
    with pytest.raises(PublishError, match="does not hold") as caught:
        keyless.signs("told", "jpoley/galway/.github/workflows/image.yml@refs/heads/topic")
    assert "docker/signing.toml" in caught.value.hint


def test_another_issuer_is_refused(keyless: Keyless) -> None:
    request = keyless.signs("issuer")
    github = signing.identity(REPOSITORY)
    strict = replace(keyless.publisher, cosign=replace(keyless.publisher.cosign, trust=github))
    assert strict.verify(request).status == "failed"


def test_an_unsigned_image_is_refused(keyless: Keyless) -> None:
    assert keyless.publisher.verify(keyless.publisher.published("unsigned")).status == "failed"


def test_an_image_signed_with_a_key_is_refused(keyless: Keyless) -> None:
    folder = keyless.publisher.folder / "key"
    password = {"COSIGN_PASSWORD": ""}
    key = signing.generate(keyless.publisher.cosign.tool, folder / "k.key", folder / "k.pub", password)
    request = keyless.publisher.published("with-a-key")
    cosign = replace(request.cosign, trust=key, environment=password)
    sign.run(replace(request, cosign=cosign))
    assert keyless.publisher.verify(request).status == "failed"


def test_an_attestation_alone_is_no_signature(keyless: Keyless) -> None:
    keyless.services.runner.workflow = OURS
    request = keyless.publisher.published("attested")
    cosign = replace(request.cosign, environment=keyless.services.environment)
    for digest in (request.layout.digest, *(manifest.digest for manifest in request.layout.manifests())):
        cosign.attest(replace(request.reference, digest=digest), predicate())
    proofs = keyless.publisher.verify(request).measures["proofs"]
    assert {proof["name"] for proof in proofs if proof["status"] == "failed"} == {"signature", "sbom"}


def test_a_swapped_image_is_refused_though_the_other_one_is_signed(keyless: Keyless) -> None:
    signed = keyless.signs("swapped")
    other = small(keyless.publisher.folder / "swapped-with", "something else")
    publish(keyless.publisher.registry, other, "swapped")
    assert keyless.publisher.verify(signed, other.digest).status == "failed"


def test_without_a_token_nothing_is_signed(keyless: Keyless) -> None:
    request = keyless.publisher.published("no-token")
    with pytest.raises(PublishError, match="could not be signed"):
        sign.run(request)
