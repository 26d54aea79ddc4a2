"""Copies an image layout to a registry, every digest unchanged: blobs, then manifests, then the index; never a tag.

Our own client does it instead of `oras cp`: it says which blob a registry did not take and why, goes on within a blob
where a connection broke, mounts what a neighbouring repository has, and needs no program that a bare machine would have
to fetch first.
"""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from galway.layout import INDEX_TYPE, MANIFEST_TYPE, Layout
from galway.registry import RegistryError, Repository, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from galway.catalog import Image
    from galway.reference import Digest, ImageRef
    from galway.registry import Client
    from galway.workspace import Workspace

AT_ONCE = 4
"""Blobs that are sent at the same time."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The platforms of one image that lie here, on their way to be merged elsewhere."""

    image: Image
    layout: Layout
    repository: Repository

    @property
    def references(self) -> tuple[ImageRef, ...]:
        """The immutable name of each platform's manifest."""
        return tuple(replace(self.image.reference, tag=None, digest=each.digest) for each in self.layout.manifests())


def repository(client: Client, image: Image, *, sources: tuple[str, ...] = ()) -> Repository:
    """Where an image goes; see `Repository.sources`."""
    return Repository(client=client, name=image.reference.repository, push=True, sources=sources)


def parts(workspace: Workspace, client: Client, images: Iterable[Image]) -> tuple[Part, ...]:
    """What of these images lies here, checked to its last byte.

    Raises
    ------
    BuildError
        A layout is missing or damaged.
    """
    found = []
    for image in images:
        layout = Layout(workspace.layout(image.name))
        layout.verify()
        found.append(Part(image=image, layout=layout, repository=repository(client, image)))
    return tuple(found)


def copy_parts(found: Iterable[Part], *, advance: Callable[[int], None] = lambda _size: None) -> None:
    """Copy the platforms' images by digest, without index or tag, for `inv merge` on another machine.

    Raises
    ------
    RegistryError
        The registry did not take it.
    """
    for part in found:
        blobs(part.layout, part.repository, advance)
        manifests(part.layout, part.repository)


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
        target.put(str(manifest.digest), layout.checked(manifest.digest), MANIFEST_TYPE)
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
    target.put(str(layout.digest), layout.checked(layout.digest), INDEX_TYPE)
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
