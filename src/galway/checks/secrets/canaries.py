"""Looks for given secret values everywhere in an image layout: blobs, documents, layers, deleted and packed files."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import filesystem
from galway.checks.secrets.nested import Budget, explore
from galway.filesystem import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from galway.layout import Layout, Manifest

CHUNK = 1 << 20
SHORTEST = 8
"""Bytes below which a value is found by chance: its base64 form has one place in 10^10 for each alignment."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """What a search has seen.

    Parameters
    ----------
    found:
        Place and form of each hit, never the value: `layer 2, /etc/pip.conf (deleted by layer 3): token as base64`.
    unread:
        Packed content that could not be looked into, with the reason; where there is some, no hit proves nothing.
    """

    found: tuple[str, ...]
    unread: tuple[str, ...]


def canaries(layout: Layout, manifest: Manifest, values: Mapping[str, bytes]) -> Search:
    """Look for secret values in everything that somebody who has the layout can read.

    Every file of the layout folder as it is (blobs that no manifest names too), every layer unpacked, every file of
    every layer (also what a later one hides), and what is packed in those (gzip, zstd, xz, bzip2, zip, tar). Each value
    is looked for as it is and as base64, hexadecimal, percent-encoded and JSON text.

    Parameters
    ----------
    values:
        Name, which reports use, to value, of at least `SHORTEST` bytes.

    Raises
    ------
    BuildError
        The layout is damaged.
    ValueError
        A value is too short to be looked for.
    """
    needles = Needles(values)
    for path in sorted(layout.folder.rglob("*")):
        needles.look(f"the name of {path.name[:12]}", [str(path.relative_to(layout.folder)).encode()])
        if path.is_file():
            needles.look(f"file {path.name[:12]} of the layout", _read(path))
    budget = Budget()
    tree = filesystem.Tree(layout, manifest)
    for entry, data in filesystem.walk(layout, manifest):
        tree.add(entry)
        where = f"layer {entry.layer}, /{shown(entry.path)}"
        needles.look(where, [f"{entry.path}\n{entry.target}".encode()])
        explore(where, data, needles.sink, budget)
    for number, layer in enumerate(manifest.layers):  # headers and padding too
        with layout.open(layer) as chunks:
            needles.look(f"layer {number} unpacked", chunks)
    hidden = {f"layer {h.entry.layer}, /{shown(h.entry.path)}": h.by for h in tree.finish().hidden}
    return Search(found=tuple(_told(hit, hidden) for hit in needles.found), unread=tuple(dict.fromkeys(budget.unread)))


def forms(value: bytes) -> dict[bytes, str]:
    """How a value may be written, and what each form is called; the value itself has no name."""
    found: dict[bytes, str] = {}
    for alphabet, encode in {"base64": base64.b64encode, "base64url": base64.urlsafe_b64encode}.items():
        for offset in range(3):  # where it begins within a group of three bytes; the rims depend on the neighbours
            whole = encode(b"\0" * offset + value + b"\0" * 2)
            first, last = -(-offset * 8 // 6), (offset + len(value)) * 8 // 6
            found.setdefault(whole[first:last], alphabet)
    quoted = urllib.parse.quote(value, safe="").encode()
    text = json.dumps(value.decode("latin-1"), ensure_ascii=False)[1:-1].encode("latin-1")
    encoded = {
        "percent-encoded": (quoted, urllib.parse.quote_plus(value).encode(), urllib.parse.quote(value).encode()),
        "percent-encoded in lower case": (re.sub(rb"%..", lambda match: match[0].lower(), quoted),),
        "hexadecimal": (value.hex().encode(), value.hex().upper().encode()),
        # as Python writes it, as everyone else does, as Go does
        "JSON": (
            json.dumps(value.decode(errors="replace"))[1:-1].encode(),
            text,
            re.sub(rb"[<>&]", lambda match: b"\\u%04x" % match[0][0], text),
        ),
    }
    for name, needles in encoded.items():
        found.update((needle, name) for needle in needles)
    return {**found, value: ""}


class Needles:
    """Searches streams for all forms of all values."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        for name, value in values.items():
            if len(value) < SHORTEST:
                raise ValueError(f"the canary {name!r} has {len(value)} bytes, fewer than {SHORTEST}")
        self.needles = {
            needle: f"{name} as {form}" if form else name
            for name, value in values.items()
            for needle, form in forms(value).items()
        }
        # One pattern for all: the longest first, so that no shorter one that it begins with hides it.
        self.pattern = re.compile(
            b"|".join(re.escape(needle) for needle in sorted(self.needles, key=len, reverse=True))
        )
        self.longest = max(map(len, self.needles))
        self.found: dict[tuple[str, str], None] = {}

    def sink(self, where: str) -> _Sink:
        """What takes the bytes of a place."""
        return _Sink(where=where, needles=self)

    def look(self, where: str, chunks: Iterable[bytes]) -> None:
        """Search a whole stream."""
        sink = self.sink(where)
        for chunk in chunks:
            sink.feed(chunk)


@dataclass(kw_only=True)
class _Sink:
    where: str
    needles: Needles
    tail: bytes = b""
    folded: bytes = b""

    def feed(self, chunk: bytes) -> None:
        keep = self.needles.longest - 1
        window = self.tail + chunk
        self._search(window)
        self.tail = window[-keep:]
        if b"\n" in chunk or self.folded:  # base64 and hexadecimal are broken into lines
            window = self.folded + chunk.replace(b"\r", b"").replace(b"\n", b"")
            self._search(window)
            self.folded = window[-keep:]
        else:
            self.folded = self.tail

    def _search(self, window: bytes) -> None:
        for match in self.needles.pattern.finditer(window):
            self.needles.found[(self.where, self.needles.needles[match[0]])] = None


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        yield from iter(lambda: stream.read(CHUNK), b"")


def _told(hit: tuple[str, str], hidden: Mapping[str, int]) -> str:
    where, what = hit
    place, mark, inner = where.partition("!")
    gone = f" (hidden by layer {hidden[place]})" if place in hidden else ""
    return f"{place}{mark}{inner}{gone}: {what}"
