"""Writes a small genuine vulnerability database for Trivy: a bbolt file with real advisories, the same bytes each time.

bbolt's format (its page.go, node.go and db.go): pages of 4096 bytes; pages 0 and 1 hold the meta data, which point at
the root bucket; a bucket is a leaf page of keys in order; a nested bucket is a value that points at its own page.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import datetime

DATA = Path(__file__).parents[1] / "data" / "vulnerabilities" / "advisories.json"
PIP = "pip::GitHub Security Advisory pip"
SEVERITIES = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}

_PAGE = 4096
_META, _FREELIST, _LEAF = 0x04, 0x10, 0x02
_MAGIC, _VERSION = 0xED0CDAED, 2
_FIRST = 3
"""The first page after two of meta data and an empty list of free ones."""

_NESTED = 1

Bucket = dict[str, "Bucket | bytes"]


@dataclass(kw_only=True)
class _File:
    """A bbolt file while it grows: children come before the buckets that point at them."""

    pages: bytearray = field(default_factory=bytearray)

    @property
    def next(self) -> int:
        return _FIRST + len(self.pages) // _PAGE

    def bucket(self, entries: Bucket) -> int:
        """Write a bucket and all below it; the number of its page."""
        items = []
        for key, value in sorted(entries.items()):
            if isinstance(value, bytes):
                items.append((0, key.encode(), value))
            else:
                items.append((_NESTED, key.encode(), struct.pack("<QQ", self.bucket(value), 0)))
        number = self.next
        self.pages += _page(number, _LEAF, len(items), _leaf(items))
        return number

    def finish(self, root: int) -> bytes:
        metas = b"".join(_page(number, _META, 0, _meta(root, self.next, number)) for number in (0, 1))
        return metas + _page(2, _FREELIST, 0, b"") + bytes(self.pages)


def advisories() -> list[dict[str, str]]:
    """The advisories in the repository's test data."""
    return cast("list[dict[str, str]]", json.loads(DATA.read_text())["advisories"])


def write(folder: Path, made: datetime.datetime, *, known: list[dict[str, str]] | None = None) -> Path:
    """Make `trivy.db` and `metadata.json` in a folder.

    Parameters
    ----------
    made:
        When the database says that it was made.
    known:
        The advisories in it; all of the test data by default, none for an empty database.
    """
    chosen = advisories() if known is None else known
    file = _File()
    root = file.bucket(_tree(chosen))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trivy.db").write_bytes(file.finish(root))
    stamp = made.strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"Version": 2, "NextUpdate": stamp, "UpdatedAt": stamp, "DownloadedAt": stamp}
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder


def _tree(known: list[dict[str, str]]) -> Bucket:
    """Trivy's schema 2: system, package, advisory; and what each vulnerability is, apart from where it was found."""
    systems: dict[str, dict[str, dict[str, Any]]] = {"debian 12": {}, PIP: {}}
    details: Bucket = {}
    for each in known:
        pip = each["system"] == "pip"
        fixed = each["fixed"]
        advisory = {"PatchedVersions": [fixed], "VulnerableVersions": [f"<{fixed}"]} if pip else {"FixedVersion": fixed}
        packages = systems[PIP if pip else each["system"]]
        packages.setdefault(each["source"], {})[each["id"]] = _json(advisory)
        vendor = "ghsa" if pip else "nvd"
        severity = SEVERITIES[each["severity"]]
        details[each["id"]] = _json({"Title": each["title"], "VendorSeverity": {vendor: severity}})
    sources: Bucket = {
        "debian 12": _json({"ID": "debian", "Name": "Debian Security Tracker"}),
        PIP: _json({"ID": "ghsa", "Name": "GitHub Security Advisory pip"}),
    }
    return {**cast("Bucket", systems), "data-source": sources, "vulnerability": details}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _page(number: int, flags: int, count: int, body: bytes) -> bytes:
    size = -(-(16 + len(body)) // _PAGE)
    return (struct.pack("<QHHI", number, flags, count, size - 1) + body).ljust(size * _PAGE, b"\0")


def _leaf(items: list[tuple[int, bytes, bytes]]) -> bytes:
    """Elements with the distance from each to its key, then keys and values."""
    elements, data = bytearray(), bytearray()
    for index, (flags, key, value) in enumerate(items):
        distance = 16 * (len(items) - index) + len(data)
        elements += struct.pack("<IIII", flags, distance, len(key), len(value))
        data += key + value
    return bytes(elements + data)


def _meta(root: int, pages: int, transaction: int) -> bytes:
    body = struct.pack("<IIIIQQQQQ", _MAGIC, _VERSION, _PAGE, 0, root, 0, 2, pages, transaction)
    return body + struct.pack("<Q", _fnv1a(body))


def _fnv1a(content: bytes) -> int:
    """64-bit FNV-1a, bbolt's checksum of meta data."""
    value = 0xCBF29CE484222325
    for byte in content:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value
