"""A bundle's bytes depend on its files alone; one that was cut, damaged or changed is refused with its one reason."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from galway.bundling import tape
from galway.bundling.tape import Member
from galway.errors import ConfigurationError, PublishError, VerifyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


FILES = {"README.txt": b"read me", "oci/ci/blobs/sha256/abc": b"layer" * 1000, "oci/ci/index.json": b"{}", "empty": b""}


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
