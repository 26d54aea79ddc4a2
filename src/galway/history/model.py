"""The lines of the log, as frozen values."""

from __future__ import annotations

import msgspec


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One platform of one image in a build.

    Parameters
    ----------
    digest:
        Of its manifest; empty where the build failed.
    steps, cached:
        Dockerfile instructions that were reached, and those that came from the cache.
    compressed:
        Bytes of all layers.
    """

    image: str
    platform: str
    digest: str = ""
    steps: int = 0
    cached: int = 0
    compressed: int = 0


class Build(msgspec.Struct, frozen=True, kw_only=True, tag="build", tag_field="kind"):
    """One run of the builder, for all of its targets together.

    Parameters
    ----------
    at:
        RFC 3339, UTC.
    seconds:
        Wall time of the run.
    """

    at: str
    seconds: float
    ok: bool
    reason: str = ""
    revision: str = ""
    targets: tuple[Target, ...]

    @property
    def steps(self) -> int:
        """Instructions of all targets."""
        return sum(target.steps for target in self.targets)

    @property
    def cached(self) -> int:
        """Those of them that came from the cache."""
        return sum(target.cached for target in self.targets)

    @property
    def is_cold(self) -> bool:
        """Whether the cache was of little help: fewer than half of the steps came from it.

        Even a build from nothing finds a few there, which another platform of the same run has just made.
        """
        return self.cached * 2 < self.steps


class Scan(msgspec.Struct, frozen=True, kw_only=True, tag="scan", tag_field="kind"):
    """Vulnerabilities that counted against one platform."""

    at: str
    image: str
    platform: str
    digest: str
    critical: int
    high: int


class Pull(msgspec.Struct, frozen=True, kw_only=True, tag="pull", tag_field="kind"):
    """One attempt to copy an image out of a registry; `size` in bytes."""

    at: str
    reference: str
    ok: bool
    reason: str = ""
    size: int = 0
    seconds: float = 0.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform was like when it was released; None where it was not known."""

    digest: str
    compressed: int | None = None
    seconds: float | None = None
    cold: bool | None = None
    critical: int | None = None
    high: int | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True, tag="release", tag_field="kind"):
    """An image that was pushed under its version."""

    at: str
    image: str
    version: str
    registry: str
    digest: str
    platforms: dict[str, Figures]


Entry = Build | Scan | Pull | Release


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The log.

    Parameters
    ----------
    ignored:
        Lines that are torn, or of a kind that this version does not know.
    """

    entries: tuple[Entry, ...] = ()
    ignored: int = 0

    @property
    def builds(self) -> list[Build]:
        """Oldest first."""
        return [entry for entry in self.entries if isinstance(entry, Build)]

    @property
    def pulls(self) -> list[Pull]:
        """Oldest first."""
        return [entry for entry in self.entries if isinstance(entry, Pull)]

    def scans(self, image: str, platform: str) -> list[Scan]:
        """Oldest first."""
        found = (entry for entry in self.entries if isinstance(entry, Scan))
        return [scan for scan in found if (scan.image, scan.platform) == (image, platform)]

    def release(self, image: str) -> Release | None:
        """The last one of an image."""
        found = [entry for entry in self.entries if isinstance(entry, Release) and entry.image == image]
        return found[-1] if found else None
