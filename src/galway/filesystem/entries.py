"""Streams the entries of an image's layers in bounded memory, and refuses those that no honest layer holds."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.errors import BuildError
    from galway.layout import Layer, Layout, Manifest

CHUNK = 1 << 20

Kind = Literal["file", "directory", "symlink", "hardlink", "device", "fifo", "whiteout", "opaque"]

_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "fifo",
}
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
# What tarfile raises on broken headers, beside its own errors.
_BROKEN = (tarfile.TarError, ValueError, OverflowError, IndexError, KeyError, RecursionError)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a layer may ask of this machine before it is refused.

    Parameters
    ----------
    entries:
        Of all layers together.
    path:
        Bytes of a name or link target; Linux's PATH_MAX.
    header:
        Bytes of an extended header. Linux's limit of one extended attribute; also what keeps tarfile's patterns fast.
    unpacked:
        Bytes of all layers' tars together.
    """

    entries: int = 2_000_000
    path: int = 4096
    header: int = 1 << 16
    unpacked: int = 64 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of one layer.

    Parameters
    ----------
    path:
        POSIX, relative to the image's root, which itself is `.`; bytes that are not UTF-8 as `\\xNN`. Of a `whiteout`
        the path that it deletes, of an `opaque` the directory whose lower content it hides.
    kind:
        What it is.
    size:
        A file's length in bytes; 0 for all else, also hard links.
    stored:
        A file's bytes in the layer: less than `size` where it is sparse.
    mode:
        Permissions with setuid, setgid and sticky bits, `0o7777` at most.
    uid, gid:
        Owner.
    modified:
        Time of the last change, seconds since 1970.
    target:
        Where a link leads: as written for a symbolic one, an image path for a hard one.
    layer:
        Number of the layer in the manifest, 0 the lowest.
    """

    path: str
    kind: Kind
    size: int
    stored: int
    mode: int
    uid: int
    gid: int
    modified: float
    target: str
    layer: int


def walk(layout: Layout, manifest: Manifest, limits: Limits | None = None) -> Iterator[tuple[Entry, Iterator[bytes]]]:
    """Each layer's entries, lowest layer first, in the order in which they lie there, whiteouts among them.

    Beside each entry come the bytes of a file, in chunks of at most `CHUNK`, only until the next entry is asked for;
    the holes of a sparse file are left out. Reading to the end also proves the layers' digests (`Layout.open`).

    Raises
    ------
    BuildError
        A layer is damaged, leads out of the image (absolute paths, `..`), holds what is no file, or passes a limit.
    """
    limits = limits or Limits()
    entries = unpacked = 0
    for number, layer in enumerate(manifest.layers):
        with layout.open(layer) as chunks:
            source = _Forward(chunks, _Refusal(layout, layer), limits)
            source.spent = unpacked
            for member in _members(source):
                if (entries := entries + 1) > limits.entries:
                    raise source.refuse(f"brings the image to more than {limits.entries} entries")
                yield _entry(member, number, source), _content(member, source)
            unpacked = source.spent


def shown(path: str) -> str:
    """A path as it may be printed: on one line, whatever its characters."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


class _Refusal:
    """Makes the one error of a layer: which image, which layer, what is wrong."""

    def __init__(self, layout: Layout, layer: Layer) -> None:
        self.layout = layout
        self.layer = layer

    def __call__(self, what: str) -> BuildError:
        return self.layout.damaged(f"layer {self.layer.digest.short} {what}")


class _Forward:
    """A file over a stream of chunks that only goes forward, which is all that tarfile needs."""

    def __init__(self, chunks: Iterator[bytes], refuse: _Refusal, limits: Limits) -> None:
        self.chunks = chunks
        self.refuse = refuse
        self.limits = limits
        self.spent = 0  # bytes of tar so far
        self.last = b""
        self._position = 0
        self._buffer = memoryview(b"")

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> None:
        if position < self._position:
            raise self.refuse("has a header with an impossible size")
        while self._position < position and self.take(min(CHUNK, position - self._position)):
            pass

    def read(self, size: int) -> bytes:
        """For tarfile, which reads nothing but headers."""
        if size > self.limits.header:
            raise self.refuse(f"has a header of {size} bytes, more than {self.limits.header}")
        parts = []
        while size > 0 and (part := self.take(size)):
            parts.append(part)
            size -= len(part)
        self.last = b"".join(parts)
        return self.last

    def take(self, size: int) -> bytes:
        """At most so many bytes; none at the end of the layer."""
        while not self._buffer:
            chunk = next(self.chunks, None)
            if chunk is None:
                return b""
            self._buffer = memoryview(chunk)
            if (spent := self.spent + len(chunk)) > self.limits.unpacked:
                raise self.refuse(f"brings the image to more than {self.limits.unpacked} bytes unpacked")
            self.spent = spent
        part = bytes(self._buffer[:size])
        self._buffer = self._buffer[len(part) :]
        self._position += len(part)
        return part

    def finish(self) -> None:
        """Read on to the end, where only padding may be; tarfile takes a broken header for the end."""
        rest = self.last
        while not rest.strip(b"\0"):
            if not (rest := self.take(CHUNK)):
                return
        raise self.refuse("is not a tar archive to its end")


def _members(source: _Forward) -> Iterator[tarfile.TarInfo]:
    try:
        # Python's own names for bytes that are not UTF-8 cannot be printed; these can.
        tar = tarfile.TarFile(fileobj=cast("IO[bytes]", source), encoding="utf-8", errors="backslashreplace")
        # A first header with a negative size is no member for tarfile (since CVE-2025-8194), and then it would read on.
        empty = cast("Any", tar).firstmember is None
        while not empty and (member := tar.next()) is not None:
            yield member
            cast("Any", tar).members.clear()  # or the archive would remember every entry
    except _BROKEN as error:
        raise source.refuse(f"is not a readable tar archive: {error}") from error
    source.finish()


def _entry(member: tarfile.TarInfo, layer: int, source: _Forward) -> Entry:
    path = _path(member.name, source)
    kind = _KINDS.get(member.type)
    if kind is None:
        raise source.refuse(f"holds {shown(path)!r}, of the unknown type {member.type!r}")
    target = member.linkname
    if kind == "hardlink":
        target = _path(target, source, what=f"{shown(path)!r}, a hard link to ")
    elif len(target) > source.limits.path:
        raise source.refuse(f"holds {shown(path)[:60]!r}…, a link to a path of {len(target)} characters")
    parent, _, name = path.rpartition("/")
    if any(part.startswith(_WHITEOUT) for part in parent.split("/")):
        raise source.refuse(f"holds {shown(path)!r}, a file below a whiteout")
    if name == _OPAQUE:
        path, kind = parent or ".", "opaque"
    elif name.startswith(_WHITEOUT):
        name = name.removeprefix(_WHITEOUT)
        if name in ("", ".", "..") or name.startswith(_WHITEOUT):
            raise source.refuse(f"holds {shown(path)!r}, a whiteout of no file")
        path, kind = f"{parent}/{name}" if parent else name, "whiteout"
    regular = kind == "file"
    return Entry(
        path=path,
        kind=kind,
        size=member.size if regular else 0,
        stored=sum(size for _, size in _segments(member)) if regular else 0,
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        modified=member.mtime,
        target=target if kind in ("symlink", "hardlink") else "",
        layer=layer,
    )


def _path(name: str, source: _Forward, *, what: str = "") -> str:
    if len(name.encode(errors="replace")) > source.limits.path:
        raise source.refuse(f"holds {what}a path of {len(name)} characters: {shown(name)[:60]!r}…")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise source.refuse(f"holds {what}{shown(name)!r}, which leads out of the image")
    return "/".join(parts) or "."


def _segments(member: tarfile.TarInfo) -> list[tuple[int, int]]:
    """Where a file's bytes belong: offset and length of each piece that is not a hole."""
    sparse: Any = getattr(member, "sparse", None)
    return sparse if sparse is not None else [(0, member.size)]


def _content(member: tarfile.TarInfo, source: _Forward) -> Iterator[bytes]:
    if _KINDS.get(member.type) != "file":
        return
    source.seek(member.offset_data)
    left = sum(size for _, size in _segments(member))
    while left > 0:
        if not (chunk := source.take(min(CHUNK, left))):
            raise source.refuse(f"ends inside {shown(member.name)!r}")
        left -= len(chunk)
        yield chunk
