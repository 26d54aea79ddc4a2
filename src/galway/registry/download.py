"""Downloads a blob to a file, in bounded memory, and keeps it only when its bytes are those of its digest."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from galway.registry.model import LyingError

if TYPE_CHECKING:
    from pathlib import Path

    from galway.reference import Digest
    from galway.registry.repository import Repository


def blob(repository: Repository, digest: Digest, path: Path, *, size: int) -> None:
    """Download a blob; one that is there already is left alone.

    Parameters
    ----------
    size:
        Bytes that its descriptor promises; more are not read.

    Raises
    ------
    LyingError
        The bytes are not those of the digest.
    RegistryError
        It could not be had.
    """
    if path.is_file() and path.stat().st_size == size:
        return
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    found = hashlib.sha256()
    try:
        with aside.open("wb") as sink:

            def take(chunk: bytes) -> None:
                found.update(chunk)
                sink.write(chunk)

            url = repository.url(f"blobs/{digest}")
            answer = repository.client.ask("GET", url, scopes=repository.scopes, sink=take, limit=size)
        if not answer.ok:
            raise repository.client.explain(answer, f"the question for blob {digest.short} of {repository.name}")
        if found.hexdigest() != digest.hex:
            raise LyingError(
                f"{repository.client.name} lies: blob {digest.short} of {repository.name} has other bytes",
                hint="do not use this image; find out what stands between you and the registry",
            )
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
