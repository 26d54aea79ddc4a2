"""Fetches one pinned file over HTTP: resumed where it broke off, checked by sha256 before it gets its name."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from galway.errors import MissingToolError
from galway.toolbox import web
from galway.toolbox.progress import silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.toolbox.progress import Progress

CHUNK = 1 << 15
"""Bytes read at once; a break loses the chunk it happens in, so large ones could keep a bad line from advancing."""

BREAKS = 5
"""How often one download may break off and go on before it is left for the next run."""


class TamperedError(MissingToolError):
    """A file is not the pinned one; no other source is tried, since this is what pins are for."""


class DownloadError(MissingToolError):
    """A server could not give a file; another source may.

    Parameters
    ----------
    unreachable:
        No connection came about at all, so its other files need not be tried.
    """

    def __init__(self, message: str, *, unreachable: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.unreachable = unreachable


class _BrokenOffError(Exception):
    """The connection ended inside the body; what came is kept."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """How one file is fetched.

    Parameters
    ----------
    session:
        See `web.session`.
    pause:
        Called with seconds between two attempts.
    progress:
        Where it is shown.
    """

    session: requests.Session
    pause: Callable[[float], None] = time.sleep
    progress: Progress = silent

    def fetch(self, url: str, target: Path, *, sha256: str) -> Path:
        """Make `target` the pinned file; one that is there already with the right hash is taken as it is.

        Raises
        ------
        TamperedError
            The bytes are not the pinned ones; they have been deleted.
        DownloadError
            The server cannot be reached, refuses, or broke off too often (what came is kept in `<target>.part`).
        """
        if target.is_file() and file_sha256(target) == sha256:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        for attempt in range(1, BREAKS + 1):
            try:
                self._append(url, part)
                break
            except _BrokenOffError as error:
                if attempt == BREAKS:
                    raise DownloadError(
                        f"{url} broke off {BREAKS} times", hint="the next run goes on where it broke off"
                    ) from error
                self.pause(0.5 * 2**attempt)
            except requests.RequestException as error:
                gone = isinstance(error, requests.exceptions.ConnectionError)
                raise DownloadError(f"{url} cannot be reached: {_cause(error)}", unreachable=gone) from error
        found = file_sha256(part)
        if found != sha256:
            part.unlink()
            raise TamperedError(
                f"{target.name} is not the pinned file: expected sha256 {sha256}, found {found}; deleted",
                hint=f"a proxy may have answered with a page of its own; if not, do not trust {url}",
            )
        part.replace(target)
        return target

    def _append(self, url: str, part: Path) -> None:
        have = part.stat().st_size if part.is_file() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with self.session.get(url, headers=headers, stream=True, timeout=web.TIMEOUT) as response:
            if response.status_code == 416:  # the part holds everything already, or more than there is
                if response.headers.get("Content-Range", "").rpartition("/")[2] != str(have):
                    part.unlink()
                    self._append(url, part)
                return
            if not response.ok:
                raise DownloadError(f"{url}: the server answered {response.status_code} {response.reason}")
            resumed = response.status_code == 206 and _starts_at(response) == have
            have = have if resumed else 0
            length = response.headers.get("Content-Length", "")
            total = have + int(length) if length.isdigit() else None
            with part.open("ab" if resumed else "wb") as sink, self.progress(part.stem, have, total) as advance:
                try:
                    for chunk in response.iter_content(CHUNK):
                        sink.write(chunk)
                        advance(len(chunk))
                except requests.RequestException as error:
                    raise _BrokenOffError(url) from error


def file_sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _starts_at(response: requests.Response) -> int:
    """Where a partial answer begins (RFC 9110, Content-Range: `bytes 100-199/200`); -1 where it does not say."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isdigit() else -1


def _cause(error: requests.RequestException) -> str:
    """The innermost reason of a failed connection, without urllib3's wrapping."""
    reason: object = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    return str(reason).rpartition(": ")[2] or type(error).__name__
