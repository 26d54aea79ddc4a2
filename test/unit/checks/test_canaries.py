"""A planted secret is found wherever and however it lies in a layout."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import urllib.parse
import zipfile
from typing import TYPE_CHECKING

import layouts
import pytest
import zstandard
from hypothesis import given, strategies as st

from galway.checks.secrets import canaries, nested
from galway.checks.secrets.canaries import Needles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.checks.secrets import Search
    from galway.layout import Layout

CANARY = 'canary/+&<"w0rth> finding\\ñ'.encode()


def targz(content: bytes) -> bytes:
    return gzip.compress(layouts.tar({"x/y": content}))


def search(layout: Layout, value: bytes = CANARY) -> Search:
    return canaries(layout, layout.manifests()[0], {"token": value})


def planted(folder: Path, content: bytes, *, path: str = "opt/x") -> Search:
    return search(layouts.build(folder, {path: content}))


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "base64": base64.b64encode,
    "base64 after one byte": lambda value: base64.b64encode(b"u:" + value + b"x"),
    "base64 after two bytes": lambda value: base64.b64encode(b":" + value + b"xy"),
    "base64url": base64.urlsafe_b64encode,
    "base64 in lines": lambda value: base64.encodebytes(b"p" * 40 + value + b"p" * 40),
    "hexadecimal": lambda value: value.hex().encode(),
    "hexadecimal in capitals": lambda value: value.hex().upper().encode(),
    "percent": lambda value: urllib.parse.quote(value, safe="").encode(),
    "percent as in forms": lambda value: urllib.parse.quote_plus(value).encode(),
    "JSON": lambda value: json.dumps(value.decode(), ensure_ascii=False).encode(),
    "JSON by Go": lambda value: (
        json.dumps(value.decode(), ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .encode()
    ),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zip": layouts.zipped,
    "wheel with bzip2": lambda content: layouts.zipped(content, method=zipfile.ZIP_BZIP2),
    "tar.gz": targz,
    "zip in tar.gz in xz": lambda content: lzma.compress(targz(layouts.zipped(content))),
    "gzip in tar": lambda content: layouts.tar({"inner.gz": gzip.compress(content)}),
}


def around(content: bytes) -> bytes:
    return bytes(range(256)) * 4200 + content + bytes(range(256)) * 4


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_is_found_and_its_place_named(tmp_path: Path, form: str) -> None:
    seen = planted(tmp_path, around(FORMS[form](CANARY)))
    assert any(hit.startswith("layer 0, /opt/x: token") for hit in seen.found)
    assert CANARY.decode() not in str(seen.found)


@pytest.mark.parametrize("packing", PACKED)
def test_a_secret_is_found_inside_packed_files(tmp_path: Path, packing: str) -> None:
    seen = planted(tmp_path, PACKED[packing](around(CANARY)))
    assert any(hit.startswith("layer 0, /opt/x!") for hit in seen.found)
    assert seen.unread == ()


@given(value=st.binary(min_size=8, max_size=40), before=st.binary(max_size=8), after=st.binary(max_size=8))
def test_any_value_is_found_in_any_base64_around_it(value: bytes, before: bytes, after: bytes) -> None:
    needles = Needles({"v": value})
    needles.look("here", [base64.b64encode(before + value + after)])
    assert needles.found


@given(cut=st.integers(1, 200))
def test_a_secret_across_two_chunks_is_found(cut: int) -> None:
    needles = Needles({"v": CANARY})
    data = b"x" * 100 + CANARY + b"x" * 100
    needles.look("here", [data[:cut], data[cut:]])
    assert needles.found
    needles = Needles({"v": CANARY})
    data = b"x" * 70 + b"\n" + base64.encodebytes(CANARY * 3)
    needles.look("here", [data[: cut % len(data)], data[cut % len(data) :]])
    assert needles.found


def test_a_file_that_a_later_layer_deletes_still_tells_its_secret(tmp_path: Path) -> None:
    seen = search(layouts.build(tmp_path, {"etc/pip.conf": CANARY}, {"etc/.wh.pip.conf": b""}))
    assert "layer 0, /etc/pip.conf (hidden by layer 1): token" in seen.found


def put_in_blob(folder: Path) -> Layout:
    layout = layouts.build(folder, {"x": b""})
    layouts.put(folder, b"leftover " + CANARY)
    return layout


PLACES: dict[str, Callable[[Path], Layout]] = {
    "environment": lambda folder: layouts.build(folder, {"x": b""}, config={"Env": [f"A={CANARY.decode()}"]}),
    "label": lambda folder: layouts.build(folder, {"x": b""}, config={"Labels": {"a": CANARY.decode()}}),
    "build argument in the history": lambda folder: layouts.build(
        folder, {"x": b""}, history=[f"RUN |1 TOKEN={CANARY.decode()} /bin/sh -c make"]
    ),
    "annotation": lambda folder: layouts.build(folder, {"x": b""}, annotations={"a": CANARY.decode()}),
    "blob that nothing names": put_in_blob,
    "file's name": lambda folder: layouts.build(folder, {f"opt/{CANARY.hex()}": b""}),
    "link's target": lambda folder: layouts.build(folder, {"x": layouts.symlink(CANARY.hex())}),
    "extended attribute": lambda folder: layouts.build(
        folder, {"x": layouts.Node(pax=(("SCHILY.xattr.user.x", CANARY.hex()),))}
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_found_in_any_part_of_a_layout(tmp_path: Path, place: str) -> None:
    assert search(PLACES[place](tmp_path)).found


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    seen = planted(tmp_path, around(b"".join(pack(b"harmless") for pack in PACKED.values())))
    assert seen.found == seen.unread == ()


def test_what_only_looks_packed_is_searched_as_it_is(tmp_path: Path) -> None:
    for number, start in enumerate((b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0")):
        assert planted(tmp_path / str(number), start + bytes(2 << 20) + CANARY).found
    assert planted(tmp_path / "cut", gzip.compress(around(b""))[:-9] + CANARY).found


def test_what_cannot_be_looked_into_is_said(tmp_path: Path) -> None:
    encrypted = bytearray(layouts.zipped(b"x"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = encrypted.rindex(signature)
        encrypted[place + flags] |= 1
    seen = planted(tmp_path / "1", bytes(encrypted))
    assert seen.found == ()
    assert "/opt/x!pkg/data.txt" in seen.unread[0]
    deep = CANARY
    for _ in range(7):
        deep = gzip.compress(deep)
    assert "packed too deep" in planted(tmp_path / "2", deep).unread[0]


def test_a_bomb_ends_at_the_budget() -> None:
    class Count:
        total = 0

        def feed(self, chunk: bytes) -> None:
            self.total += len(chunk)

    count, budget = Count(), nested.Budget(left=5 << 20)
    bomb = gzip.compress(gzip.compress(bytes(60 << 20)))
    nested.explore("bomb", iter([bomb]), lambda _: count, budget)
    assert count.total < 8 << 20
    assert any("more packed content" in note for note in budget.unread)


def test_a_value_too_short_to_mean_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 8"):
        search(layouts.build(tmp_path, {"x": b""}), b"short")
