"""Copies an image layout to a registry, every digest unchanged: blobs, then manifests, then the index; never a tag.

Our own client does it instead of `oras cp`: it says which blob a registry did not take and why, goes on within a blob
where a connection broke, mounts what a neighbouring repository has, and needs no program that a bare machine would have
to fetch first.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from galway.layout import INDEX_TYPE, MANIFEST_TYPE, Layout
from galway.registry import RegistryError, Repository, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from galway.reference import Digest

AT_ONCE = 4
"""Blobs that are sent at the same time."""


def total(layouts: Iterable[Layout]) -> int:
    """Bytes that copies send to an empty registry, manifests not counted."""
    return sum(path.stat().st_size for layout in layouts for path in _paths(layout).values())


def blobs(layout: Layout, target: Repository, advance: Callable[[int], None]) -> dict[str, int]:
    """Send blobs, some at once, the large ones first; how many were sent, mounted or there."""
    stop = threading.Event()
    paths = sorted(_paths(layout).items(), key=lambda item: -item[1].stat().st_size)
    uploads = [Upload(repository=target, digest=d, path=path, advance=advance, stop=stop) for d, path in paths]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(upload.run) for upload in uploads]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            broken = next((f for f in futures if f.done() and f.exception() is not None), None)
            if broken is not None:
                broken.result()
        finally:  # after Ctrl-C and after a failure the others end at their next bytes
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
    outcomes = [future.result() for future in futures]
    return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def manifests(layout: Layout, target: Repository) -> list[Digest]:
    """Store each platform's manifest by digest and read it back."""
    found = []
    for manifest in layout.manifests():
        target.put(str(manifest.digest), layout.blob(manifest.digest).read_bytes(), MANIFEST_TYPE)
        _read_back(target, manifest.digest)
        found.append(manifest.digest)
    return found


def index(layout: Layout, target: Repository) -> None:
    """Store the index by digest and read it back.

    Raises
    ------
    RegistryError
        The registry did not take it, or has something else.
    """
    target.put(str(layout.digest), layout.blob(layout.digest).read_bytes(), INDEX_TYPE)
    _read_back(target, layout.digest)


def _paths(layout: Layout) -> dict[Digest, Path]:
    """Configs and layers of all platforms, each once."""
    return {
        digest: layout.blob(digest)
        for manifest in layout.manifests()
        for digest in (manifest.config_digest, *(layer.digest for layer in manifest.layers))
    }


def _read_back(target: Repository, digest: Digest) -> None:
    if target.document(str(digest)) is None:
        raise RegistryError(
            f"{target.client.name} took manifest {digest.short} of {target.name} and does not have it",
            hint="run the same command again",
        )
