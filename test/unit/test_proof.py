"""What a registry's content may be, an outsider gets a proof or a reason: never another image, and never a crash."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import bundles
import layouts
import pytest
import registries
from signer import Signer

from galway import attachment, copying, proof, release
from galway.layout import ATTESTATION, INDEX_TYPE, MANIFEST_TYPE
from galway.proof import Published
from galway.reference import Digest, ImageRef, Platform
from galway.registry import Repository, referrers
from galway.stages import sign
from galway.tools.cosign import Key
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registries import Registry

    from galway.layout import Layout

NAME = "jpoley/small"
SOURCE = "https://example.org/galway"
PREFIX = "org.opencontainers.image"
LABELS = {f"{PREFIX}.version": "1.2.3", f"{PREFIX}.revision": "abc1234" + "0" * 33}
ENTRY = {
    "mediaType": MANIFEST_TYPE,
    "digest": "sha256:" + "e" * 64,
    "size": 1,
    "platform": {"os": "linux", "architecture": "amd64"},
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A registry, and who signs there."""

    registry: Registry
    folder: Path
    signer: Signer

    def publish(self, layout: Layout, *, signed: bool = True) -> Published:
        """Copy a layout there and sign all of it."""
        target = Repository(client=self.registry.client(), name=NAME, push=True)
        copying.blobs(layout, target, lambda _size: None)
        copying.manifests(layout, target)
        copying.index(layout, target)
        reference = ImageRef(self.registry.name, NAME, digest=layout.digest)
        digests = [manifest.digest for manifest in layout.manifests()]
        dependency = {"uri": f"git+{SOURCE}@{LABELS[f'{PREFIX}.revision']}"}
        predicate = json.dumps({"buildDefinition": {"resolvedDependencies": [dependency]}}).encode()
        request = sign.Request(
            workspace=Workspace(root=self.folder, cache=self.folder),
            image="small",
            reference=reference,
            layout=layout,
            repository=target,
            cosign=self.signer,  # type: ignore[arg-type]
            sboms={digest: sboms(digest) for digest in digests},
            provenance=dict.fromkeys(digests, predicate),
        )
        if signed:
            sign.run(request)
        return Published(
            image="small",
            reference=reference,
            platforms=(Platform.parse("amd64"),),
            labels={},
            source=SOURCE,
            repository=Repository(client=self.registry.client(), name=NAME),
            cosign=self.signer,  # type: ignore[arg-type]
        )

    def failed(self, published: Published) -> dict[str, str]:
        """The proofs that failed, and why."""
        seen = proof.prove(published, self.folder / "pulled", lambda _line: None)
        return {each.name: each.detail for each in seen if each.status == "failed"}


def sboms(digest: Digest) -> dict[str, bytes]:
    return {name.removesuffix(".json"): content for name, content in bundles._sboms(str(digest)).items()}


def small(folder: Path, *extra: dict[str, Any]) -> Layout:
    """An image of one platform, and what else its index lists."""
    descriptor = layouts.put_manifest(folder, [layouts.tar({"app": b"x"})], config={"Labels": LABELS})
    return layouts.put_index(folder, [*extra, descriptor])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    public = tmp_path / "k.pub"
    public.write_text("a key")
    with registries.serve() as registry:
        yield Place(registry=registry, folder=tmp_path, signer=Signer(trust=Key(private="k.key", public=str(public))))


@dataclass(frozen=True, kw_only=True)
class Counting(Signer):
    """Notes what it is asked for."""

    asked: list[str] = field(default_factory=list)

    def unsigned(self, reference: ImageRef) -> str:
        self.asked.append("unsigned")
        return super().unsigned(reference)

    def sign(self, reference: ImageRef) -> None:
        self.asked.append("sign")
        super().sign(reference)


def test_a_signature_is_looked_for_only_where_something_is_attached(place: Place) -> None:
    signer = Counting(trust=place.signer.trust)
    layout = small(place.folder / "small")
    replace(place, signer=signer).publish(layout)
    assert signer.asked == ["sign", "unsigned"] * 4  # index, platform, two SBOMs: each signed, then looked at
    signer.asked.clear()
    replace(place, signer=signer).publish(layout)
    assert signer.asked == ["unsigned"] * 4


def test_what_is_signed_is_proved(place: Place) -> None:
    assert place.failed(place.publish(small(place.folder / "small"))) == {}


def test_an_entry_that_calls_itself_an_attestation_is_told(place: Place) -> None:
    layout = small(place.folder / "small", {**ENTRY, "annotations": {ATTESTATION: "attestation-manifest"}})
    assert place.failed(place.publish(layout)) == {
        "platforms": "its index lists 2 entries, of which 1 are platforms' images"
    }


def test_a_signed_image_under_another_versions_tag_is_told(place: Place) -> None:
    published = place.publish(small(place.folder / "small"))
    assert place.failed(replace(published, tag="1.2.3")) == {}
    assert place.failed(replace(published, tag="1.3.0")) == {"labels": "1.3.0 is called 1.2.3 by its label"}


@pytest.mark.parametrize(
    ("tag", "honest"),
    [
        *((tag, True) for tag in ("1.2.3", "1.2", "1", "main-abc1234", "latest", "main", "pr-5", "")),
        *((tag, False) for tag in ("1.2.4", "1.3", "2", "1.2.3-rc.1", "main-abc1235", "0")),
    ],
)
def test_a_tag_promises_a_version_or_a_commit(tag: str, honest: bool) -> None:
    assert (release.misnamed(tag, LABELS) == "") == honest
    assert not release.misnamed(tag, {}) or tag not in ("latest", "main", "pr-5", "")


GARBAGE = [{}, {"digest": None}, {"digest": "sha256:zz"}, {"digest": "sha256:" + "a" * 64}]


def test_garbage_beside_the_true_sbom_hides_nothing(place: Place) -> None:
    layout = small(place.folder / "small")
    published = place.publish(layout)
    tag = referrers.fallback_tag(layout.manifests()[0].digest)
    listed = json.loads(place.registry.manifests[NAME, tag][0])["manifests"]
    kinds = attachment.SBOM_TYPES.values()
    garbage = [{**each, "artifactType": kind} for each in GARBAGE for kind in kinds]
    place.registry.store(NAME, tag, json.dumps({"manifests": [*garbage, *listed]}).encode(), INDEX_TYPE)
    assert place.failed(published) == {}
    place.registry.store(NAME, tag, json.dumps({"manifests": garbage}).encode(), INDEX_TYPE)
    assert set(place.failed(published)) == {"sbom"}


@pytest.mark.parametrize("manifests", [1, "x", ["x"], {"a": 1}])
def test_a_list_of_attachments_that_is_none_is_a_failed_proof(place: Place, manifests: object) -> None:
    layout = small(place.folder / "small")
    published = place.publish(layout)
    tag = referrers.fallback_tag(layout.manifests()[0].digest)
    place.registry.store(NAME, tag, json.dumps({"manifests": manifests}).encode(), INDEX_TYPE)
    assert "gives a list of referrers that is none" in place.failed(published)["sbom"]


@pytest.mark.parametrize("value", [None, 1, "x", [None], {"a": 1}])
@pytest.mark.parametrize("kind", ["index", "manifest", "config"])
def test_an_image_of_anything_is_refused_and_breaks_nothing(place: Place, kind: str, value: object) -> None:
    """Somebody's own image, unsigned, with each field of a document replaced."""
    layout = small(place.folder / "small")
    published = place.publish(layout, signed=False)
    index = layout.document(layout.digest)
    manifest = layout.document(layout.manifests()[0].digest)
    config = layout.document(layout.manifests()[0].config_digest)
    for key in {"index": index, "manifest": manifest, "config": config}[kind]:
        one = {**config, key: value} if kind == "config" else config
        content = json.dumps(one).encode()
        blob = registries.digest(content)
        place.registry.blobs[blob] = content
        place.registry.owned.add((NAME, blob))
        two = {**manifest, "config": {**manifest["config"], "digest": blob, "size": len(content)}}
        two = {**two, key: value} if kind == "manifest" else two
        stored = place.registry.store(NAME, "", json.dumps(two).encode(), MANIFEST_TYPE)
        three = {**index, "manifests": [{**index["manifests"][0], "digest": stored}]}
        three = {**three, key: value} if kind == "index" else three
        top = place.registry.store(NAME, "", json.dumps(three).encode(), INDEX_TYPE)
        reference = replace(published.reference, digest=Digest.parse(top))
        assert place.failed(replace(published, reference=reference)), key


def test_a_registry_that_answers_with_failures_proves_nothing(place: Place) -> None:
    published = place.publish(small(place.folder / "small"))
    place.registry.statuses = [500] * 50
    assert set(place.failed(published)) == {"bytes"}
