"""Remembers for some minutes that a server could not be reached, so that not every tool waits for a timeout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MINUTES = 10


class Reach:
    """The servers that did not answer lately.

    Parameters
    ----------
    file:
        Where it is kept, in the user's cache.
    now:
        Seconds since the epoch.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now

    def is_down(self, url: str) -> bool:
        """Whether the server of a URL was unreachable within the last minutes."""
        since = self._read().get(urlsplit(url).netloc)
        return since is not None and 0 <= self._now() - since < 60 * MINUTES

    def note_down(self, url: str) -> None:
        """Remember that the server of a URL did not answer."""
        self._write(self._read() | {urlsplit(url).netloc: self._now()})

    def forget(self) -> None:
        """Try every server again, for instance after the network came back."""
        self._file.unlink(missing_ok=True)

    def _read(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, float])
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}

    def _write(self, known: dict[str, float]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_name(f"{self._file.name}.part")
        part.write_bytes(msgspec.json.encode(known))
        part.replace(self._file)
