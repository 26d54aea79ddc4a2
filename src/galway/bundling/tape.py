"""Writes and reads the archive: a plain tar whose bytes depend on its files alone, read as strictly as it is written.

Its first member lists the SHA-256 of every other one (`sha256sum -c` reads it). Reading takes members in that order
and under those names only, so that nothing is written which the list does not name, and nothing outside the folder.
A plain tar cannot unpack to more than it has itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from galway.errors import ConfigurationError, PublishError, VerifyError
from galway.filesystem import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

SUMS = "SHA256SUMS"
"""The list of checksums, the first member."""

LARGEST_SUMS = 8 << 20
"""Bytes of the list: room for 60,000 files."""

CHUNK = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_END = b"\0" * (2 * _BLOCK)
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_LINE = re.compile(r"(?P<hash>[0-9a-f]{64})  (?P<name>.+)")


@dataclass(frozen=True, kw_only=True)
class Member:
    """One file of the archive: another file's bytes, or bytes of its own."""

    name: str
    path: Path | None = None
    content: bytes = b""

    def open(self) -> Iterator[bytes]:
        """Its bytes, a chunk at a time."""
        if self.path is None:
            yield self.content
            return
        with self.path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content) if self.path is None else self.path.stat().st_size


@dataclass(frozen=True, kw_only=True)
class Written:
    """A finished archive."""

    path: Path
    size: int
    members: int


def write(path: Path, members: Iterable[Member], *, advance: Callable[[int], None] = lambda _size: None) -> Written:
    """Write the archive aside and rename it into place; a file of that name is replaced only by a whole one.

    Parameters
    ----------
    advance:
        Told of bytes as they are written.

    Raises
    ------
    PublishError
        No room, a name or a size that the format does not take, or a file that changed meanwhile.
    """
    ordered = sorted(members, key=lambda member: member.name)
    names = [member.name for member in ordered]
    for name in names:
        if not _NAME.fullmatch(name) or names.count(name) > 1 or name == SUMS:
            raise PublishError(f"a bundle cannot hold a file {shown(name)!r}")
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hashes = {member.name: digest(member.open()) for member in ordered}
        sums = "".join(f"{hashes[name]}  {name}\n" for name in names).encode()
        total = sum(_padded(member.size) + _BLOCK for member in ordered) + _padded(len(sums)) + _BLOCK + len(_END)
        if (free := shutil.disk_usage(path.parent).free) < total:
            raise _full(path, f"{total} bytes are needed, {free} are free")
        with aside.open("wb") as sink:
            for member in (Member(name=SUMS, content=sums), *ordered):
                written = _put(sink, member, advance)
                if member.name != SUMS and written != hashes[member.name]:
                    raise PublishError(f"{member.name} changed while it was bundled", hint="run the same command again")
            sink.write(_END)
        aside.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(path, error.strerror or "") from error
        raise PublishError(f"{path} cannot be written: {error.strerror}", hint="choose another --output") from error
    finally:
        aside.unlink(missing_ok=True)
    return Written(path=path, size=total, members=len(ordered))


def unpack(path: Path, folder: Path, *, advance: Callable[[int], None] = lambda _size: None) -> None:
    """Unpack an archive into a new folder, every byte checked; what is wrong leaves files in that folder alone.

    Parameters
    ----------
    folder:
        Not there yet; the caller removes it after an error.
    advance:
        Told of bytes as they are read.

    Raises
    ------
    ConfigurationError
        There is no such file, or no room to unpack it.
    VerifyError
        It is cut, damaged, changed, or no bundle.
    """
    try:
        size = path.stat().st_size
        folder.mkdir(parents=True)
        if (free := shutil.disk_usage(folder).free) < size:
            raise ConfigurationError(
                f"no room to unpack {path}: {size} bytes are needed in {folder.parent}, {free} are free",
                hint="free some disk there and run the same command again",
            )
        with path.open("rb") as stream:
            _Reader(path=path, stream=stream, left=size, advance=advance).unpack(folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigurationError(
                f"the disk is full: {folder.parent} has no room to unpack {path}", hint="free some disk there"
            ) from error
        raise ConfigurationError(f"{error.filename or path} cannot be used: {error.strerror}") from error


@dataclass(kw_only=True)
class _Reader:
    """Reads one archive from its first byte to its last.

    Parameters
    ----------
    left:
        Bytes of it that were not read yet.
    """

    path: Path
    stream: IO[bytes]
    left: int
    advance: Callable[[int], None]

    def unpack(self, folder: Path) -> None:
        """Take the list of checksums, then exactly its members in its order, then the end."""
        sums = self._sums()
        for number, (name, wanted) in enumerate(sums.items()):
            found, size = self._header()
            if found != name:
                raise self._misplaced(found, name, known=found in list(sums)[number:])
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            seen = hashlib.sha256()
            with target.open("xb") as sink:
                for chunk in self._content(size):
                    seen.update(chunk)
                    sink.write(chunk)
            if seen.hexdigest() != wanted:
                raise self._damaged(f"{name} is not what its checksum says")
        if self.left != len(_END):
            name, _ = self._header()
            raise self._misplaced(name, "", known=name in sums)
        if self._take(len(_END)) != _END:
            raise self._damaged("it does not end as an archive does")

    def _sums(self) -> dict[str, str]:
        name, size = self._header(first=True)
        if name != SUMS or size > LARGEST_SUMS:
            raise self._no_bundle()
        try:
            lines = b"".join(self._content(size)).decode("ascii").splitlines()
        except UnicodeDecodeError as error:
            raise self._no_bundle() from error
        found: dict[str, str] = {}
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is None:
                raise self._damaged("its list of checksums cannot be read")
            name = match["name"]
            if not _NAME.fullmatch(name) or name == SUMS:
                raise self._damaged(f"its list of checksums names {shown(name)!r}, which may not be in a bundle")
            if found and name <= next(reversed(found)):
                raise self._damaged(f"its list of checksums is not in order at {name}")
            found[name] = match["hash"]
        return found

    def _header(self, *, first: bool = False) -> tuple[str, int]:
        """Name and size of the next member: a regular file and nothing else."""
        block = self._take(_BLOCK)
        if not block.strip(b"\0"):
            raise self._no_bundle() if first else self._damaged("it ends before its last file")
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")
        except tarfile.HeaderError as error:
            raise self._no_bundle() if first else self._damaged("a file's header cannot be read") from error
        if first and info.name != SUMS:
            raise self._no_bundle()
        if info.type != tarfile.REGTYPE:
            raise self._damaged(f"{shown(info.name)!r} is no regular file")
        if info.size < 0 or _padded(info.size) > self.left:
            raise self._damaged(f"it is cut short: {shown(info.name)!r} should have {info.size} bytes")
        return info.name, info.size

    def _content(self, size: int) -> Iterator[bytes]:
        padding = _padded(size) - size
        while size > 0:
            chunk = self._take(min(CHUNK, size))
            size -= len(chunk)
            yield chunk
        if self._take(padding).strip(b"\0"):
            raise self._damaged("something is hidden between two files")

    def _take(self, size: int) -> bytes:
        if size > self.left:
            raise self._damaged("it is cut short")
        chunk = self.stream.read(size)
        if len(chunk) != size:
            raise self._damaged("it was cut short while it was read")
        self.left -= size
        self.advance(size)
        return chunk

    def _misplaced(self, found: str, expected: str, *, known: bool) -> VerifyError:
        if not known:
            return self._damaged(f"it holds {shown(found)!r}, which its list of checksums does not name there")
        return self._damaged(f"{expected} is missing")

    def _no_bundle(self) -> VerifyError:
        return VerifyError(f"{self.path} is no bundle", hint="inv bundle writes one")

    def _damaged(self, what: str) -> VerifyError:
        return VerifyError(
            f"{self.path} is damaged or was changed: {what}",
            hint="nothing was loaded; copy it again and compare its checksum with the sender's: sha256sum FILE",
        )


def digest(chunks: Iterable[bytes]) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    seen = hashlib.sha256()
    for chunk in chunks:
        seen.update(chunk)
    return seen.hexdigest()


def _put(sink: IO[bytes], member: Member, advance: Callable[[int], None]) -> str:
    """Write a member; the digest of what was written, or of more where it grew meanwhile."""
    info = tarfile.TarInfo(member.name)
    info.size = member.size
    info.mode = 0o644
    try:
        sink.write(info.tobuf(tarfile.USTAR_FORMAT))
    except ValueError as error:  # a longer name, or 8 GB and more
        raise PublishError(f"a bundle cannot hold {member.name} of {info.size} bytes: {error}") from error
    seen, count = hashlib.sha256(), 0
    for chunk in member.open():
        sink.write(chunk)
        seen.update(chunk)
        count += len(chunk)
        advance(len(chunk))
    sink.write(b"\0" * (_padded(info.size) - info.size))
    return seen.hexdigest() if count == info.size else ""


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _full(path: Path, why: str) -> PublishError:
    return PublishError(
        f"no room for {path}: {why}", hint="free some disk there, or choose another --output; nothing was left behind"
    )
