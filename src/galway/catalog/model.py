"""What the catalog says of the images, as frozen values, and the selection from them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError, NothingSelectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from galway.reference import ImageRef, Platform

FILE = "docker/images.toml"


class RunProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an image is meant to run (spec: container runtime configuration).

    Parameters
    ----------
    user:
        Numeric `uid:gid`.
    read_only:
        Whether the root filesystem is read-only.
    tmpfs:
        Mounts in `docker run --tmpfs` syntax.
    cpus:
        Cores.
    memory:
        Limit in Docker's notation, swap included: `512m`.
    seccomp:
        `default`, or a profile's path in the repository.
    ports:
        TCP ports that it listens on.
    volumes:
        Folders that it keeps data in, each writable on a volume of its own.
    """

    user: str
    cpus: float
    memory: str
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    seccomp: str = "default"
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of the catalog.

    Parameters
    ----------
    name:
        What commands call it.
    reference:
        Registry, repository and version tag.
    version:
        Semantic version of the image.
    title, description:
        For labels and tables.
    dockerfile, context:
        Paths relative to the repository.
    platforms:
        All that it is published for.
    size_budget:
        Compressed bytes per platform that it may not exceed.
    structure_test:
        Its container-structure-test file, relative to the repository.
    visibility:
        What the registry should show it as.
    run:
        How it is meant to run.
    needs:
        Catalog images that its Dockerfile builds upon, as build contexts of those names.
    parts:
        What its size is told by: names, each with patterns of paths.
    bases:
        The Dockerfile's `…_BASE` arguments and their default references.
    sources:
        Paths that it is made from, relative to the repository: its Dockerfile and what the ignore file allows.
    """

    name: str
    reference: ImageRef
    version: str
    title: str
    description: str
    dockerfile: str
    context: str
    platforms: tuple[Platform, ...]
    size_budget: int
    structure_test: str
    visibility: str
    run: RunProfile
    needs: tuple[str, ...]
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    bases: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """All images, in an order in which each comes after those that it needs.

    Parameters
    ----------
    vendor, source, licenses:
        Of all images, for their labels.
    file_time:
        The latest time that a file in a layer may have.
    """

    vendor: str
    source: str
    licenses: str
    file_time: datetime
    images: tuple[Image, ...]

    def select(self, names: Sequence[str] = ()) -> tuple[Image, ...]:
        """The images asked for, with those that they need; all of them when nothing is named.

        Raises
        ------
        ConfigurationError
            A name is not in the catalog; the nearest one is named.
        NothingSelectedError
            The catalog is empty.
        """
        by_name = {image.name: image for image in self.images}
        for name in names:
            if name not in by_name:
                several = " ".join(f"-i {part.strip()}" for part in name.split(",")) if "," in name else ""
                hint = f"one image for each option: {several}" if several else nearest(name, by_name)
                raise ConfigurationError(f"unknown image {name!r}", hint=hint)
        wanted = list(names or by_name)
        for name in wanted:
            wanted.extend(need for need in by_name[name].needs if need not in wanted)
        if not wanted:
            raise NothingSelectedError(f"{FILE} lists no image", hint="add an [images.NAME] table")
        return tuple(image for image in self.images if image.name in wanted)


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint: the known name that a mistyped one resembles, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
