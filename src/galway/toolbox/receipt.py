"""What is known about an installed tool, written beside it so that later runs can say where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

FILE = "receipt.json"

UNVERIFIED = "not verified"
"""How a program of the host was checked: not at all."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An installed tool.

    Parameters
    ----------
    name:
        As in the catalog.
    version:
        What was installed, which a fallback source may have older than the pin.
    path:
        The program.
    source:
        `official release`, `Debian 13`, `PyPI`, `Go module` or `host`.
    verified:
        How its bytes were checked: `sha256`, `apt signature`, `Go checksum`, or `not verified`.
    third_party:
        Not the build of the tool's own project.
    """

    name: str
    version: str
    path: Path
    source: str
    verified: str
    third_party: bool


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record beside an installed tool; `pin` names the exact source, so that a changed pin installs anew."""

    pin: str
    version: str
    source: str
    verified: str
    third_party: bool


def write(folder: Path, receipt: Receipt) -> None:
    """Leave the record in the tool's folder."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(receipt)))


def read(folder: Path) -> Receipt | None:
    """The record of a folder; None where there is none or a half-written one."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Receipt)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None
