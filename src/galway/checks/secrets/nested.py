"""Looks into compressed files and archives inside files, as deep and as far as a budget goes."""

from __future__ import annotations

import itertools
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol, cast

from galway import compression
from galway.filesystem import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 20
_IN_MEMORY = 64 << 20  # a zip archive has its table at the end, so a larger one goes through a nameless temporary file
_UNPACK: dict[str, tuple[bytes, Callable[[compression.Readable], Iterator[bytes]]]] = {
    "gzip": (b"\x1f\x8b\x08", compression.gunzip),
    "zstd": (b"\x28\xb5\x2f\xfd", compression.unzstd),
    "xz": (b"\xfd7zXZ\0", compression.unxz),
    "bzip2": (b"BZh", compression.bunzip2),
}
_BROKEN = (
    *(compression.DamagedError, zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(EOFError, OSError, ValueError, OverflowError, IndexError, KeyError, RecursionError),
)


class Sink(Protocol):
    """Takes the bytes of one place, in order."""

    def feed(self, chunk: bytes) -> None:
        """The next bytes."""


class ExhaustedError(Exception):
    """More was packed than the budget allows to unpack."""


@dataclass(kw_only=True)
class Budget:
    """How far one image's packed content is followed.

    Parameters
    ----------
    depth:
        Archives within archives.
    left:
        Bytes that may still be unpacked.
    unread:
        Places that were not looked into to their end, each with the reason.
    """

    depth: int = 4
    left: int = 8 << 30
    unread: list[str] = field(default_factory=list)


def explore(where: str, chunks: Iterator[bytes], sink: Callable[[str], Sink], budget: Budget) -> None:
    """Give a place's bytes to its sink, and those of everything packed inside to theirs.

    What only looks packed is given as it is. What cannot be read (encrypted, too deep, over budget) is noted in the
    budget, so that "nothing found" is never said of what nobody saw.

    Parameters
    ----------
    where:
        What the place is called; places inside are called `where!name`.
    sink:
        Makes the sink of a place.
    """
    _explore(where, chunks, sink, budget, budget.depth)


def _explore(where: str, chunks: Iterator[bytes], sink: Callable[[str], Sink], budget: Budget, depth: int) -> None:
    mine = sink(where)
    head = b""
    while len(head) < tarfile.BLOCKSIZE and (chunk := next(chunks, None)) is not None:
        head += chunk
    stream = _tapped(itertools.chain([head], chunks), mine)
    try:
        for name, inner in _inside(head, stream, where, budget):
            if depth == 0:
                budget.unread.append(f"{where}: packed too deep")
                break
            _explore(f"{where}!{shown(name)}", _spent(inner, budget), sink, budget, depth - 1)
    except ExhaustedError:
        budget.unread.append(f"{where}: more packed content than is looked into")
    except _BROKEN:
        pass  # it only looked packed, or is cut: its bytes are searched as they are
    for _ in stream:
        pass


def _tapped(chunks: Iterator[bytes], sink: Sink) -> Iterator[bytes]:
    for chunk in chunks:
        sink.feed(chunk)
        yield chunk


def _spent(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    for chunk in chunks:
        budget.left -= len(chunk)
        if budget.left < 0:
            raise ExhaustedError
        yield chunk


def _inside(head: bytes, stream: Iterator[bytes], where: str, budget: Budget) -> Iterator[tuple[str, Iterator[bytes]]]:
    """What is packed in a stream, by name; each one's bytes are to be read before the next is asked for."""
    if head.startswith(b"PK\x03\x04"):
        yield from _zip(stream, where, budget)
    elif head[257:262] == b"ustar":
        # Members are searched as part of the archive already; here they matter where they are packed themselves.
        with tarfile.open(fileobj=cast("IO[bytes]", _Stream(stream)), mode="r|") as archive:
            for member in archive:
                if member.isreg() and (content := archive.extractfile(member)) is not None:
                    yield member.name, iter(lambda content=content: content.read(CHUNK), b"")  # type: ignore[misc]
    else:
        for name, (magic, unpack) in _UNPACK.items():
            if head.startswith(magic):
                yield name, unpack(_Stream(stream))


def _zip(stream: Iterator[bytes], where: str, budget: Budget) -> Iterator[tuple[str, Iterator[bytes]]]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        for chunk in stream:
            spool.write(chunk)
        with zipfile.ZipFile(cast("IO[bytes]", spool)) as archive:
            for info in archive.infolist():
                try:
                    content = archive.open(info)
                except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by an unknown method
                    budget.unread.append(f"{where}!{shown(info.filename)}: {error}")
                    continue
                with content:
                    yield info.filename, iter(lambda content=content: content.read(CHUNK), b"")  # type: ignore[misc]


class _Stream:
    """A readable over chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        part, self._rest = self._rest[:size], self._rest[size:]
        return part
