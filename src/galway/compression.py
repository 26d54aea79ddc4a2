"""Decompresses streams in chunks of bounded size, whatever the data claims; a cut stream is an error."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHUNK = 1 << 20
_INPUT = 1 << 16  # what is fed at once; zlib copies what it has not used yet, so a small piece costs less


class DamagedError(Exception):
    """The compressed data is broken or ends early."""


class Readable(Protocol):
    """Whatever has bytes to read."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def plain(stream: Readable) -> Iterator[bytes]:
    """Bytes that are not compressed."""
    while chunk := stream.read(CHUNK):
        yield chunk


def gunzip(stream: Readable) -> Iterator[bytes]:
    """Gzip of one or more members (RFC 1952, section 2.2).

    Raises
    ------
    DamagedError
        Broken or cut.
    """
    inflate, data = zlib.decompressobj(wbits=31), stream.read(_INPUT)
    try:
        while data:
            yield inflate.decompress(data, CHUNK)
            if inflate.eof:
                data = inflate.unused_data or stream.read(_INPUT)
                if data:
                    inflate = zlib.decompressobj(wbits=31)
            else:
                data = inflate.unconsumed_tail or stream.read(_INPUT)
        yield inflate.flush()
    except zlib.error as error:
        raise DamagedError(str(error)) from error
    if not inflate.eof:
        raise DamagedError("the gzip stream ends early")


def unzstd(stream: Readable) -> Iterator[bytes]:
    """Zstandard of one or more frames (RFC 8878); the library does not tell a cut frame, a digest of the whole does.

    Raises
    ------
    DamagedError
        Broken, or made with a window of more than 128 MiB.
    """
    try:
        # the library asks for no more than `read`, whatever its stubs say
        source = cast("IO[bytes]", stream)
        with zstandard.ZstdDecompressor().stream_reader(
            source, read_size=_INPUT, read_across_frames=True, closefd=False
        ) as reader:
            while chunk := reader.read(CHUNK):
                yield chunk
    except zstandard.ZstdError as error:
        raise DamagedError(str(error)) from error


def unxz(stream: Readable) -> Iterator[bytes]:
    """XZ of one or more streams, with at most 256 MiB for the dictionary.

    Raises
    ------
    DamagedError
        Broken or cut.
    """
    return _streams(stream, lambda: lzma.LZMADecompressor(memlimit=256 << 20))


def bunzip2(stream: Readable) -> Iterator[bytes]:
    """Bzip2 of one or more streams.

    Raises
    ------
    DamagedError
        Broken or cut.
    """
    return _streams(stream, bz2.BZ2Decompressor)


def _streams(stream: Readable, new: Callable[[], Any]) -> Iterator[bytes]:
    decompressor, data = new(), stream.read(_INPUT)
    try:
        while data or not (decompressor.needs_input or decompressor.eof):
            yield decompressor.decompress(data, CHUNK)
            if decompressor.eof:
                data = decompressor.unused_data or stream.read(_INPUT)
                if data:
                    decompressor = new()
            else:
                data = stream.read(_INPUT) if decompressor.needs_input else b""
    except (lzma.LZMAError, OSError, ValueError) as error:
        raise DamagedError(str(error)) from error
    if not decompressor.eof:
        raise DamagedError("the compressed stream ends early")
