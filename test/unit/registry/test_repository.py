"""What a registry says is checked against digests."""

from __future__ import annotations

import json

import pytest
import registries

from galway.reference import Digest
from galway.registry import LyingError, RegistryError, Repository, referrers, repository

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONTENT = b'{"schemaVersion":2}'


@pytest.fixture
def registry():
    with registries.serve() as registry:
        registry.store("team/app", "1", CONTENT, INDEX)
        yield registry


@pytest.fixture
def app(registry) -> Repository:
    return Repository(client=registry.client(), name="team/app", push=True)


def test_tags_are_read_page_by_page(registry, app: Repository) -> None:
    for number in range(2, 8):
        registry.store("team/app", str(number), CONTENT, INDEX)
    registry.page = 3
    assert app.tags() == [str(number) for number in range(1, 8)]
    assert sum("tags/list" in line for line in registry.log) == 3


def test_a_list_without_an_end_is_given_up(registry, app: Repository, monkeypatch) -> None:
    monkeypatch.setattr(repository, "PAGES", 5)
    registry.store("team/app", "2", CONTENT, INDEX)
    registry.page, registry.endless = 1, True
    with pytest.raises(LyingError, match="without an end"):
        app.tags()


def test_what_is_not_there_is_an_answer(registry, app: Repository) -> None:
    nowhere = Repository(client=registry.client(), name="team/other")
    assert nowhere.tags() == []
    assert app.digest("2") is None
    assert app.document("2") is None
    assert app.blob_size(Digest.parse("sha256:" + "0" * 64)) is None


def test_a_digest_and_its_bytes(app: Repository) -> None:
    document = app.document("1")
    assert document is not None
    assert document.content == CONTENT
    assert document.is_index
    assert app.digest("1") == document.digest


def test_other_bytes_than_the_digest_are_a_lie(registry, app: Repository) -> None:
    registry.lie_body = True
    with pytest.raises(LyingError, match="other bytes"):
        app.document("1")


def test_another_digest_than_the_bytes_is_a_lie(registry, app: Repository) -> None:
    registry.lie_header = True
    with pytest.raises(LyingError, match="other bytes"):
        app.document(registries.digest(CONTENT))


def test_a_failing_registry_s_words_are_passed_on(registry, app: Repository) -> None:
    registry.refuse_put = "manifests/3"
    with pytest.raises(RegistryError, match=r"answered 500 .* to team/app 3: unknown error"):
        app.put("3", CONTENT, INDEX)


def signature(subject: str, note: str = "") -> bytes:
    value = {
        "mediaType": MANIFEST,
        "subject": {"digest": subject},
        "artifactType": "text/x",
        "annotations": {"n": note},
    }
    return json.dumps({"schemaVersion": 2, **value}).encode()


@pytest.mark.parametrize("api", [True, False])
def test_what_refers_to_an_image_is_found_both_ways(registry, app: Repository, api: bool) -> None:
    registry.referrers_api = api
    subject = Digest.parse(registries.digest(CONTENT))
    assert referrers.find(app, subject) == ()
    first = referrers.attach(app, signature(str(subject)), media_type=MANIFEST)
    second = referrers.attach(app, signature(str(subject), "2"), media_type=MANIFEST)
    referrers.attach(app, signature(str(subject)), media_type=MANIFEST)
    assert {each["digest"] for each in referrers.find(app, subject)} == {str(first), str(second)}
    assert referrers.find(app, subject, artifact_type="text/y") == ()
    assert (referrers.fallback_tag(subject) in registry.tags("team/app")) == (not api)


def test_an_attachment_that_another_writer_took_off_the_list_is_noticed(registry, app: Repository) -> None:
    subject = Digest.parse(registries.digest(CONTENT))
    empty = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    registry.on_put = lambda tag: registry.store("team/app", tag, empty, INDEX) and None
    with pytest.raises(RegistryError, match="does not list"):
        referrers.attach(app, signature(str(subject)), media_type=MANIFEST)
