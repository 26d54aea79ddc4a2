"""Logs what commands do: builds and pulls around them, scans and releases from their records."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from galway import evidence
from galway.errors import BuildError, GalwayError
from galway.history.log import append, read
from galway.history.model import Build, Figures, Pull, Release, Scan, Target
from galway.layout import Layout
from galway.release import final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from galway.evidence import Record
    from galway.workspace import Workspace


@contextlib.contextmanager
def building(
    workspace: Workspace, targets: Iterable[tuple[str, str]], say: Callable[[str], None] = lambda _line: None
) -> Iterator[Callable[[Sequence[Record]], None]]:
    """Log a build that is carried out inside, whether it succeeds (it is told of the records) or fails.

    What never began to build, for want of an engine, and what a person interrupted, is no build that failed.

    Parameters
    ----------
    targets:
        Pairs of image and platform that are built.
    """
    started, clock = evidence.now(), time.monotonic()
    try:
        yield lambda records: _say(append(workspace, of_records(records)), say)
    except BuildError as error:
        wanted = tuple(Target(image=image, platform=platform) for image, platform in targets)
        seconds = round(time.monotonic() - clock, 1)
        failed = Build(at=started, seconds=seconds, ok=False, reason=error.message, targets=wanted)
        _say(append(workspace, failed), say)
        raise


def of_records(records: Sequence[Record]) -> Build:
    """A build that succeeded, as its records tell it."""
    return Build(
        at=records[0].started,
        seconds=records[0].seconds,
        ok=True,
        revision=str(records[0].measures.get("revision", "")),
        targets=tuple(
            Target(
                image=record.image,
                platform=record.platform,
                digest=record.digest,
                steps=int(record.measures.get("steps", 0)),
                cached=int(record.measures.get("steps_cached", 0)),
                compressed=int(record.measures.get("compressed", 0)),
            )
            for record in records
        ),
    )


class Attempt:
    """A pull while it goes on.

    Parameters
    ----------
    reason:
        Why it failed; empty where it did not.
    """

    def __init__(self) -> None:
        self.reason = ""


@contextlib.contextmanager
def pulling(workspace: Workspace, reference: str, folder: Path) -> Iterator[Attempt]:
    """Log a pull that is carried out inside; an error of ours that leaves it is a failed one.

    Parameters
    ----------
    folder:
        The layout that it writes, whose blobs are what came.
    """
    started, clock, attempt = evidence.now(), time.monotonic(), Attempt()

    def log(reason: str) -> None:
        seconds = round(time.monotonic() - clock, 3)
        size = sum(path.stat().st_size for path in folder.glob("blobs/sha256/*"))
        pull = Pull(at=started, reference=reference, ok=not reason, reason=reason, size=size, seconds=seconds)
        append(workspace, pull)

    try:
        yield attempt
    except GalwayError as error:
        log(error.message)
        raise
    log(attempt.reason)


def scanned(workspace: Workspace, records: Iterable[Record], say: Callable[[str], None] = lambda _line: None) -> None:
    """Log what scans counted; one without a database counted nothing."""
    for record in records:
        counts = counted(record)
        if counts is not None:
            critical, high = counts
            entry = Scan(
                at=evidence.now(),
                image=record.image,
                platform=record.platform,
                digest=record.digest,
                critical=critical,
                high=high,
            )
            _say(append(workspace, entry), say)


def released(workspace: Workspace, records: Iterable[Record], say: Callable[[str], None] = lambda _line: None) -> None:
    """Log the images that a push gave their version, each as its records say it is.

    A push of a branch is no release, and neither is one to the throw-away registry of `inv pipeline`, which does not
    call this.
    """
    for record in records:
        versions = versions_of(record)
        if record.status != "failed" and versions:
            last = read(workspace).release(record.image)
            if last is not None and (last.version, last.digest) == (versions[0], record.digest):
                continue  # pushed again, which changed nothing
            entry = Release(
                at=evidence.now(),
                image=record.image,
                version=versions[0],
                registry=str(record.measures.get("registry", "")),
                digest=record.digest,
                platforms=_figures(workspace, record),
            )
            _say(append(workspace, entry), say)


def versions_of(record: Record) -> list[str]:
    """The full versions among the tags of a record of a push that stand for its digest."""
    tags: dict[str, Any] = record.measures.get("tags") or {}
    return [tag for tag, moved in tags.items() if moved.get("result") in ("set", "same") and final(tag) is not None]


def counted(record: Record) -> tuple[int, int] | None:
    """Critical and high vulnerabilities that a scan counted; None where it had no database that can judge."""
    if record.measures.get("objection", "not said"):
        return None
    counts = Counter(record.measures.get("counts") or {})
    return counts["CRITICAL"], counts["HIGH"]


def _figures(workspace: Workspace, published: Record) -> dict[str, Figures]:
    found = {}
    for manifest in Layout(workspace.layout(published.image)).manifests():
        slug = manifest.platform.slug
        built = evidence.read(workspace.evidence, published.image, slug, "build")
        if built is None or built.digest != str(manifest.digest):
            continue
        scan = evidence.read(workspace.evidence, published.image, slug, "scan")
        counts = counted(scan) if scan is not None and scan.digest == built.digest else None
        run = of_records([built])
        found[slug] = Figures(
            digest=built.digest,
            compressed=run.targets[0].compressed or None,
            seconds=built.seconds or None,
            cold=run.is_cold,
            critical=counts[0] if counts else None,
            high=counts[1] if counts else None,
        )
    return found


def _say(cause: str, say: Callable[[str], None]) -> None:
    if cause:
        say(cause)
