"""A bundle's bytes depend on its files alone; one that was cut, damaged or changed is refused with its one reason."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import layouts
import pytest
import registries
from bundles import attach

from galway.airgap import loading, packing
from galway.bundling import attached, contents, tape
from galway.bundling.tape import Member
from galway.errors import ConfigurationError, PublishError, VerifyError
from galway.layout import MANIFEST_TYPE, Layout
from galway.reference import Digest
from galway.registry import RegistryError, Repository, referrers
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.bundling.contents import Contents

FILES = {"README.txt": b"read me", "oci/ci/blobs/sha256/abc": b"layer" * 1000, "oci/ci/index.json": b"{}", "empty": b""}
KEY = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOd5dsQ8VN2tjO2Rq0SA9yPGE9zEl
0r4wnPr3nrDZYwzXTRPzlVbJqG4HwGm1rJXvEjHZ8XHnB2GPO0q2Qq0wWg==
-----END PUBLIC KEY-----
"""


def members(files: dict[str, bytes] = FILES) -> list[Member]:
    return [Member(name=name, content=content) for name, content in files.items()]


def bundle(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    return tape.write(folder / "b.tar", members(files)).path


def repack(path: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], Any], **options: Any) -> Path:
    """The same archive with members changed as somebody with tar would."""
    with tarfile.open(path) as old:
        found = [(info, old.extractfile(info).read() if info.isreg() else b"") for info in old]  # type: ignore[union-attr]
    change(found)
    with tarfile.open(path, "w", format=options.get("format", tarfile.USTAR_FORMAT)) as new:
        for info, content in found:
            new.addfile(info, io.BytesIO(content))
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data + b"\0" * (-len(data) % 512) + b"\0" * 1024)
    return path


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


def refused(path: Path, folder: Path) -> str:
    """The one reason why a bundle is refused; nothing may lie outside the folder."""
    before = {each for each in folder.rglob("*") if each != path}
    with pytest.raises(VerifyError) as caught:
        tape.unpack(path, folder / "out")
    shutil.rmtree(folder / "out", ignore_errors=True)
    assert {each for each in folder.rglob("*") if each != path} == before
    assert "\n" not in caught.value.message
    return caught.value.message


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    tape.unpack(bundle(tmp_path), tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


def test_the_bytes_depend_on_the_files_alone(tmp_path: Path) -> None:
    first = bundle(tmp_path / "a").read_bytes()
    (tmp_path / "later").write_bytes(FILES["README.txt"])
    os.utime(tmp_path / "later", (1, 1))
    backwards = [*reversed(members({k: v for k, v in FILES.items() if k != "README.txt"}))]
    path = tape.write(tmp_path / "b" / "b.tar", [*backwards, Member(name="README.txt", path=tmp_path / "later")]).path
    assert path.read_bytes() == first


def test_tar_and_sha256sum_read_it(tmp_path: Path) -> None:
    with tarfile.open(bundle(tmp_path)) as archive:
        names = archive.getnames()
        assert names[0] == tape.SUMS
        sums = archive.extractfile(tape.SUMS).read().decode()  # type: ignore[union-attr]
        assert {(one.uid, one.gid, one.mtime, one.mode) for one in archive} == {(0, 0, 0, 0o644)}
    assert [line.partition("  ")[2] for line in sums.splitlines()] == names[1:] == sorted(names[1:])


def test_the_size_is_known_beforehand(tmp_path: Path) -> None:
    written = tape.write(tmp_path / "b.tar", members())
    assert written.size == written.path.stat().st_size


@pytest.mark.parametrize("cut", [0, 100, 511, 512, 1024, 2000, -1, -1024, -1025, -4000])
def test_a_cut_bundle_is_refused(tmp_path: Path, cut: int) -> None:
    path = bundle(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    assert "cut short" in (why := refused(path, tmp_path)) or "is no bundle" in why or "ends before" in why


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = bundle(tmp_path, {"a": b"x" * 600, "b/c": b""})
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(path, tmp_path)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    def change(found: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        found[1] = (found[1][0], found[1][1].replace(b"read", b"lead"))

    assert "README.txt is not what its checksum says" in refused(repack(bundle(tmp_path), change), tmp_path)


@pytest.mark.parametrize(
    "extra",
    [
        info("added"),
        info("../../outside"),
        info("/etc/outside"),
        info("oci/ci/../../../outside"),
        info("link", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        info("hard", kind=tarfile.LNKTYPE, link="README.txt"),
        info("folder", kind=tarfile.DIRTYPE),
        info("device", kind=tarfile.CHRTYPE),
        info("sparse", kind=tarfile.GNUTYPE_SPARSE),
    ],
    ids=lambda one: one.name,
)
@pytest.mark.parametrize("place", [1, 3, 5])
def test_an_added_member_is_refused_wherever_it_stands(tmp_path: Path, extra: tarfile.TarInfo, place: int) -> None:
    path = repack(bundle(tmp_path), lambda found: found.insert(place, (extra, b"")))
    assert "does not name" in (why := refused(path, tmp_path)) or "no regular file" in why


def test_a_list_that_names_a_path_outside_is_refused(tmp_path: Path) -> None:
    def change(found: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        line = b"0" * 64 + b"  ../../outside\n"
        found[0] = (info(tape.SUMS, len(line)), line)
        found[1:] = [(info("../../outside"), b"")]

    assert "may not be in a bundle" in refused(repack(bundle(tmp_path), change), tmp_path)


def test_a_missing_member_is_refused(tmp_path: Path) -> None:
    assert "README.txt is missing" in refused(repack(bundle(tmp_path), lambda found: found.pop(1)), tmp_path)


def test_the_same_member_twice_is_refused(tmp_path: Path) -> None:
    assert "does not name" in refused(repack(bundle(tmp_path), lambda found: found.insert(2, found[1])), tmp_path)


def test_a_huge_member_is_refused_before_anything_of_it_is_read(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    data = path.read_bytes()
    huge = info("README.txt")
    huge.size = 7 << 30
    start = data.index(b"README.txt\0")
    path.write_bytes(data[:start] + huge.tobuf(tarfile.USTAR_FORMAT) + data[start + 512 :])
    assert "it is cut short: 'README.txt' should have 7516192768 bytes" in refused(path, tmp_path)


def test_a_header_that_announces_a_long_name_is_not_read_into_memory(tmp_path: Path) -> None:
    path = repack(bundle(tmp_path), lambda found: found.insert(1, (info("x" * 300), b"")), format=tarfile.PAX_FORMAT)
    assert "no regular file" in refused(path, tmp_path)


def test_what_follows_the_end_is_refused(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    path.write_bytes(path.read_bytes() + b"\0" * 511 + b"x")
    assert "damaged" in refused(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b" + b"x" * 2000, b"\0" * 10240])
def test_another_file_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(content)
    assert "no bundle" in (why := refused(path, tmp_path)) or "cut short" in why


def test_no_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bundle(tmp_path / "a")
    full = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(PublishError, match="no room for"):
        tape.write(tmp_path / "c" / "c.tar", members())
    with pytest.raises(ConfigurationError, match="no room to unpack"):
        tape.unpack(path, tmp_path / "out")
    assert not list((tmp_path / "c").iterdir())


def test_a_disk_that_fills_up_leaves_the_old_bundle_and_no_part(tmp_path: Path) -> None:
    path = bundle(tmp_path)
    before = path.read_bytes()

    def fails(_size: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(PublishError, match="no room"):
        tape.write(path, members({"other": b"file"}), advance=fails)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["b.tar"]


def test_a_file_that_changes_while_it_is_packed_stops_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")

    def changes(_size: int) -> None:
        (tmp_path / "b").write_bytes(b"c")

    with pytest.raises(PublishError, match="b changed while it was bundled"):
        tape.write(tmp_path / "x.tar", [Member(name=n, path=tmp_path / n) for n in ("a", "b")], advance=changes)


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", ".hidden", "a/../b", tape.SUMS, "a b", "ä"])
def test_a_name_that_could_not_be_read_back_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(PublishError, match="cannot hold"):
        tape.write(tmp_path / "x.tar", [Member(name=name, content=b"")])


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


def load(workspace: Workspace, path: Path, **options: Any) -> Any:
    """Load a bundle where an engine would be a failure."""
    return loading.Loading(workspace=workspace, engine=lambda: pytest.fail("the engine was asked"), **options).run(path)


def small(folder: Path, **files: bytes) -> Path:
    """A bundle with a key and contents, and no image."""
    document = contents.encode(said(key=contents.fingerprint(KEY)))
    return bundle(folder, {contents.FILE: document, contents.KEY: KEY, **files})


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
