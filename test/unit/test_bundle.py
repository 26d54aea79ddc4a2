"""What a bundle says of itself, what is attached to its images, and what is refused before anything is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import layouts
import pytest
import registries
from bundles import attach, load

from galway.airgap import packing
from galway.bundling import attached, contents, tape
from galway.errors import ConfigurationError, VerifyError
from galway.layout import MANIFEST_TYPE, Layout
from galway.reference import Digest
from galway.registry import RegistryError, Repository, referrers
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from galway.bundling.contents import Contents

KEY = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOd5dsQ8VN2tjO2Rq0SA9yPGE9zEl
0r4wnPr3nrDZYwzXTRPzlVbJqG4HwGm1rJXvEjHZ8XHnB2GPO0q2Qq0wWg==
-----END PUBLIC KEY-----
"""


def said(**fields: Any) -> Contents:
    image = contents.Packed(
        name="ci",
        version="1.2.3",
        digest="sha256:" + "0" * 64,
        platforms=("linux/amd64",),
        status="not_evaluated",
        reason="no database",
    )
    values: dict[str, Any] = {"format": 1, "images": (image,), "key": "f" * 64, "database": True, **fields}
    return contents.Contents(**values)


def test_the_readme_names_command_images_and_fingerprint() -> None:
    text = contents.readme(said()).decode()
    assert "inv bundle.load FILE.tar --registry REGISTRY --key cosign.pub" in text
    assert "proves nothing by itself" in text
    assert "f" * 64 in text
    assert "gates: not evaluated (no database)" in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_contents_are_read_back(tmp_path: Path) -> None:
    (tmp_path / contents.FILE).write_bytes(contents.encode(said()))
    assert contents.read(tmp_path) == said()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "has format 2"),
        ({"images": []}, "no image"),
        ({"images": [{}]}, "cannot be read"),
        ({"surprise": 1}, "cannot be read"),
    ],
)
def test_contents_that_are_not_known_are_refused(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    document = {**json.loads(contents.encode(said())), **change}
    (tmp_path / contents.FILE).write_text(json.dumps(document))
    with pytest.raises(VerifyError, match=reason):
        contents.read(tmp_path)


def test_a_keys_fingerprint_is_that_of_its_bytes() -> None:
    assert contents.fingerprint(KEY) == contents.fingerprint(KEY.replace(b"\n", b"\r\n"))
    assert len(contents.fingerprint(KEY)) == 64
    for wrong in (b"", b"key", KEY.replace(b"PUBLIC", b"PRIVATE"), KEY.replace(b"==", b"")):
        with pytest.raises(ConfigurationError):
            contents.fingerprint(wrong)


@pytest.mark.parametrize("api", [False, True], ids=["fallback tag", "referrers API"])
def test_attachments_go_from_registry_to_registry(tmp_path: Path, api: bool) -> None:
    subject = "sha256:" + "a" * 64
    with registries.serve(referrers_api=api) as here, registries.serve() as there:
        source = Repository(client=here.client(), name="x/ci", push=True)
        target = Repository(client=there.client(), name="y/ci", push=True)
        attach(source, subject, b"signature", tag=subject.replace(":", "-") + ".sig")
        attach(source, subject, b"attestation", tag=subject.replace(":", "-") + ".att")
        sbom = attach(source, subject, b"sbom")
        attach(source, sbom, b"signature of the sbom", tag=sbom.replace(":", "-") + ".sig")
        assert attached.collect(source, [Digest(subject)], tmp_path / "l") == 4
        assert attached.put(tmp_path / "l", target) == 4
        assert [each["digest"] for each in referrers.find(target, Digest(subject))] == [sbom]
        for digest in (subject, sbom):
            tag = digest.replace(":", "-") + ".sig"
            assert target.digest(tag) == source.digest(tag)
        before = dict(there.manifests)
        attached.put(tmp_path / "l", target)
        assert there.manifests == before


def test_a_signature_joins_those_that_are_there(tmp_path: Path) -> None:
    subject = "sha256:" + "a" * 64
    tag = subject.replace(":", "-") + ".sig"
    with registries.serve() as here, registries.serve() as there:
        source = Repository(client=here.client(), name="x/ci", push=True)
        target = Repository(client=there.client(), name="y/ci", push=True)
        attach(source, subject, b"ours", tag=tag)
        attach(target, subject, b"the site's", tag=tag)
        attached.collect(source, [Digest(subject)], tmp_path / "l")
        attached.put(tmp_path / "l", target)
        found = target.document(tag)
        assert found is not None
        assert [layer["digest"] for layer in found.json()["layers"]] == [
            registries.digest(b"the site's"),
            registries.digest(b"ours"),
        ]


def listing(folder: Path, **entry: Any) -> Path:
    layout = layouts.build(folder, {"a": b""})
    descriptor = {"mediaType": MANIFEST_TYPE, "digest": str(layout.manifests()[0].digest), "size": 1, **entry}
    (folder / "index.json").write_text(json.dumps({"manifests": [descriptor]}))
    return folder


@pytest.mark.parametrize("tag", ["latest", "1.2.3", "sha256-" + "a" * 64, "sha256-abc.sig", "x/../y"])
def test_an_attachment_moves_no_tag_but_a_signatures(tmp_path: Path, tag: str) -> None:
    with registries.serve() as there:
        target = Repository(client=there.client(), name="y/ci", push=True)
        with pytest.raises(VerifyError, match="would move the tag"):
            attached.put(listing(tmp_path, annotations={"org.opencontainers.image.ref.name": tag}), target)
        assert not there.manifests


def test_a_broken_list_of_attachments_is_refused(tmp_path: Path) -> None:
    with registries.serve() as there:
        target = Repository(client=there.client(), name="y/ci", push=True)
        for text in ("", "[]", '{"manifests": [{}]}', '{"manifests": [{"digest": "sha256:../../x"}]}'):
            (tmp_path / "index.json").write_text(text)
            with pytest.raises(VerifyError, match="cannot be read"):
                attached.put(tmp_path, target)


def test_an_attachment_whose_blob_is_another_is_not_taken(tmp_path: Path) -> None:
    folder = listing(tmp_path)
    (digest,) = [Digest(entry["digest"]) for entry in json.loads((folder / "index.json").read_text())["manifests"]]
    layout = Layout(folder)
    layer = Digest(layout.document(digest)["layers"][0]["digest"])
    layout.blob(layer).write_bytes(b"another")
    with registries.serve() as there, pytest.raises(RegistryError):
        attached.put(folder, Repository(client=there.client(), name="y/ci", push=True))


def small(folder: Path, **files: bytes) -> Path:
    """A bundle with a key and contents, and no image."""
    document = contents.encode(said(key=contents.fingerprint(KEY)))
    content = {contents.FILE: document, contents.KEY: KEY, **files}
    members = [tape.Member(name=name, content=data) for name, data in content.items()]
    return tape.write(folder / "b.tar", members).path


def test_without_a_key_nothing_is_loaded_and_the_fingerprint_is_named(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path / "site", cache=tmp_path / "cache")
    with pytest.raises(ConfigurationError, match=contents.fingerprint(KEY)) as caught:
        load(workspace, small(tmp_path))
    assert "--key FILE" in caught.value.hint
    assert "proves nothing by itself" in caught.value.message
    assert not list((workspace.state / "bundle").iterdir())


def test_a_key_that_is_none_is_said_so(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path / "site", cache=tmp_path / "cache")
    (tmp_path / "mine.pub").write_bytes(b"-----BEGIN RSA-----")
    for key in ("mine.pub", "nowhere.pub"):
        with pytest.raises(ConfigurationError, match="public key"):
            load(workspace, small(tmp_path), key=str(tmp_path / key))


def test_a_missing_bundle_is_said_so(tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path / "site", cache=tmp_path / "cache")
    with pytest.raises(ConfigurationError, match="No such file"):
        load(workspace, tmp_path / "nowhere.tar")


def test_a_database_is_taken_from_trivys_folder_or_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no vulnerability database"):
        packing._database(tmp_path)
    (tmp_path / "db").mkdir()
    for name in packing.DATABASE:
        (tmp_path / "db" / name).write_bytes(b"x")
    assert [member.name for member in packing._database(tmp_path)] == [
        "database/metadata.json",
        "database/trivy.db",
    ]
    assert packing._database(None) == []
