"""Uploads a blob: mounted where another repository has it, otherwise sent, and resumed where the connection broke."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Literal
from urllib.parse import urljoin

from galway.registry.model import AGAIN, LyingError, RegistryError, UnreachableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    import requests

    from galway.reference import Digest
    from galway.registry.repository import Repository

SMALL = 1 << 20
"""Bytes up to which a blob is sent in one request; larger ones are streamed and can be resumed."""

TRIES = 5
"""Tries in a row that bring nothing forward before an upload is given up."""

PROGRESS = 1 << 18
"""Bytes that the registry must have gained for a try to count as one that went on. What was handed to the network says
nothing: a connection that is dropped at once swallows as much as the system's buffers hold."""

_RANGE = re.compile(r"(?:bytes=)?0-(?P<last>[0-9]+)")
_GONE = (404, 416)
"""Answers of a registry that forgot an upload, after a restart for instance."""

_OCTETS = {"Content-Type": "application/octet-stream"}

Outcome = Literal["there", "mounted", "sent"]


@dataclass(kw_only=True)
class Upload:
    """The way of one blob into a repository.

    Parameters
    ----------
    repository:
        Where it goes; its `sources` are tried for a mount.
    digest, path:
        The blob.
    advance:
        Told of bytes as they are sent, and of a negative number where they have to be sent again.
    stop:
        Set by another thread to end the upload.
    """

    repository: Repository
    digest: Digest
    path: Path
    advance: Callable[[int], None] = lambda _size: None
    stop: threading.Event | None = None

    _session: str | None = None
    _sent: int = 0

    def run(self) -> Outcome:
        """Do it.

        Raises
        ------
        FullError
            The registry has no room.
        LyingError
            It has something else under this digest.
        RegistryError
            It did not take the blob.
        """
        size = self.path.stat().st_size
        if self._is_there(size):
            self.advance(size)
            return "there"
        best, idle = 0, 0
        while True:
            try:
                if self._session is None and self._open():
                    self.advance(size - self._sent)
                    return "mounted"
                self._send(size)
                self._check(size)
            except UnreachableError:
                if idle >= TRIES or self._stopped():
                    raise
                time.sleep(self.repository.client.patience.backoff * 2**idle)
                idle += 1
                if self._resume(size) and self._sent >= best + PROGRESS:
                    best, idle = self._sent, 0
            else:
                return "sent"

    def _is_there(self, size: int) -> bool:
        found = self.repository.blob_size(self.digest)
        if found is not None and found not in (-1, size):
            raise LyingError(
                f"{self.repository.client.name} has {found} bytes under blob {self.digest.short}, which has {size}"
            )
        return found is not None

    def _check(self, size: int) -> None:
        if not self._is_there(size):
            raise RegistryError(
                f"{self.repository.client.name} took blob {self.digest.short} of {self.repository.name} and lost it",
                hint="run the same command again",
            )

    def _open(self) -> bool:
        """Begin an upload; true where the registry mounted the blob from another repository instead."""
        attempts: list[dict[str, str]] = [
            {"mount": str(self.digest), "from": source} for source in self.repository.sources
        ]
        for params in (*attempts, {}):
            answer = self._ask("POST", self.repository.url("blobs/uploads/"), params=params)
            if answer.status_code == 201 and params:
                return True
            if answer.status_code == 202:
                self._session = self._location(answer)
                self._restart()
                if not params or params is attempts[-1]:  # an upload that a refused mount began will do
                    return False
            elif not params:
                raise self._explain(answer)
        return False

    def _send(self, size: int) -> None:
        session = self._session or ""
        params = {"digest": str(self.digest)}
        if size <= SMALL:
            content = self.path.read_bytes()
            answer = self._ask("PUT", session, params=params, headers=_OCTETS, body=content)
            self._count(size)
        else:
            while self._sent < size:
                session = self._stream(session, size)
            answer = self._ask("PUT", session, params=params, body=b"")
        if answer.status_code in _GONE:
            self._session = None
            raise UnreachableError(f"{self.repository.client.name} forgot an upload that had begun")
        if not answer.ok:
            raise self._explain(answer)

    def _stream(self, session: str, size: int) -> str:
        """Send the rest; the address for what comes next."""
        begun = self._sent
        headers = dict(_OCTETS)
        if begun:
            headers["Content-Range"] = f"{begun}-{size - 1}"

        with contextlib.ExitStack() as opened:

            def body() -> _Rest:
                self._count(begun - self._sent)
                return _Rest(self, opened.enter_context(self.path.open("rb")), begun, size)

            answer = self._ask("PATCH", session, headers=headers, body=body)
        if answer.status_code in _GONE:
            self._session = None
            raise UnreachableError(f"{self.repository.client.name} forgot an upload that had begun")
        if answer.status_code in AGAIN:
            raise UnreachableError(f"{self.repository.client.name} answered {answer.status_code} {answer.reason}")
        if not answer.ok:
            raise self._explain(answer)
        self._session = self._location(answer)
        taken = self._taken(answer)
        if taken is not None and taken <= begun:
            raise UnreachableError(f"{self.repository.client.name} took nothing of what was sent")
        if taken is not None:
            self._count(taken - self._sent)
        return self._session

    def _resume(self, size: int) -> bool:
        """Ask how far an upload came, and whether that was learned; where it is nonsense, start again."""
        if self._session is None or size <= SMALL:
            self._session = None
            self._restart()
            return False
        try:
            answer = self._ask("GET", self._session)
        except UnreachableError:
            return False  # asked again after the next pause
        taken = self._taken(answer) if answer.status_code in (202, 204) else None
        if taken is None or taken > size:
            self._session = None
            self._restart()
            return False
        if answer.headers.get("Location"):
            self._session = self._location(answer)
        self._count(taken - self._sent)
        return True

    def _taken(self, answer: requests.Response) -> int | None:
        """Bytes that the registry says it has; its `0-0` stands for none as well as for one, so it counts as none."""
        match = _RANGE.fullmatch(answer.headers.get("Range", ""))
        if match is None:
            return None
        last = int(match["last"])
        return last + 1 if last else 0

    def _location(self, answer: requests.Response) -> str:
        place = answer.headers.get("Location")
        if not place:
            raise RegistryError(f"{self.repository.client.name} does not say where to send a blob")
        return urljoin(answer.url, place)

    def _restart(self) -> None:
        self._count(-self._sent)

    def _count(self, size: int) -> None:
        self._sent += size
        self.advance(size)

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _ask(self, method: str, path: str, **options: object) -> requests.Response:
        repository = self.repository
        return repository.client.ask(method, path, scopes=repository.scopes, **options)  # type: ignore[arg-type]

    def _explain(self, answer: requests.Response) -> RegistryError:
        return self.repository.client.explain(answer, f"blob {self.digest.short} of {self.repository.name}")


class _Rest:
    """The bytes of a blob from some place on, as `requests` reads them; it tells how many are gone."""

    def __init__(self, upload: Upload, stream: IO[bytes], start: int, size: int) -> None:
        self._upload = upload
        self._left = size - start
        self._stream = stream
        self._stream.seek(start)

    def __len__(self) -> int:
        return self._left

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._upload._stopped():  # noqa: SLF001 - two halves of one thing
            raise OSError("stopped")
        chunk = self._stream.read(size)
        self._upload._count(len(chunk))  # noqa: SLF001
        self._left -= len(chunk)
        return chunk
