"""Decides whether a built image may be published, and which tags may move to it; asks nobody, changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import semver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from galway.catalog import Image
    from galway.evidence import Record
    from galway.layout import Layout
    from galway.reference import Digest, Platform

GATES = ("build", "test", "sbom", "scan")
"""The stages whose record of the very manifest has to be there for each platform."""

_WORSE = {"passed": 0, "skipped": 1, "not_evaluated": 2, "failed": 3}
"""The worse of what a record and its reports say is what counts."""

_ANNOTATION = "org.opencontainers.image"
_DIRTY = "-dirty"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an image may go to a registry.

    Parameters
    ----------
    refusals:
        What forbids it, one line each; none means that it may.
    unevaluated:
        What could not be judged and is taken nevertheless, since the registry is on loopback.
    """

    refusals: tuple[str, ...]
    unevaluated: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a layout says about itself.

    Parameters
    ----------
    digest:
        Of its index.
    manifests:
        Of each platform.
    annotations:
        Of its index.
    """

    digest: Digest
    manifests: Mapping[Platform, Digest]
    annotations: Mapping[str, str]

    @property
    def revision(self) -> str:
        """The commit that it was built from; empty where it does not say."""
        return self.annotations.get(f"{_ANNOTATION}.revision", "").removesuffix(_DIRTY)

    @property
    def dirty(self) -> bool:
        """Whether it was built from changed files."""
        return self.annotations.get(f"{_ANNOTATION}.revision", "").endswith(_DIRTY)


def built(layout: Layout) -> Built:
    """What a layout says about itself.

    Raises
    ------
    BuildError
        It is missing or damaged.
    """
    annotations = layout.document(layout.digest).get("annotations", {})
    manifests = {manifest.platform: manifest.digest for manifest in layout.manifests()}
    return Built(digest=layout.digest, manifests=manifests, annotations=annotations)


def requirements(
    records: Iterable[Record], built: Built, image: Image, sha: str, *, loopback: bool, stand_in: bool = False
) -> Verdict:
    """Whether what was built may be published (DESIGN: records, not prints).

    Parameters
    ----------
    records:
        Of this image, whatever they speak of; one about another digest counts for nothing.
    sha:
        Beginning of the commit that it is to be called after; empty for whichever it was built from.
    loopback:
        Whether the registry is this machine: it takes what could not be evaluated, parts, stand-ins and changed files.
    stand_in:
        Whether an image on a stand-in base was asked for by name.
    """
    refusals: list[str] = []
    unevaluated: list[str] = []
    known = {(record.platform, record.stage): record for record in records}
    for platform, digest in built.manifests.items():
        for stage in GATES:
            record = known.get((platform.slug, stage))
            where = f"{stage} on {platform}"
            if record is None or record.digest != str(digest):
                missing = "has no record" if record is None else "speaks of another digest"
                refusals.append(
                    f"{where} {missing}: run inv {stage} -i {image.name} --platform {platform.architecture}"
                )
            elif record.status == "failed":
                refusals.append(f"{where} failed: {record.reason}")
            elif record.status != "passed":
                (unevaluated if loopback else refusals).append(
                    f"{where} was {record.status.replace('_', ' ')}: {record.reason or 'no reason given'}"
                )
    if not loopback:
        refusals += _strict(known, built, image, stand_in=stand_in)
    if built.revision and not built.revision.startswith(sha):
        refusals.append(f"it was built from commit {built.revision[:12]}, not from {sha[:12]}: run inv build again")
    return Verdict(refusals=tuple(refusals), unevaluated=tuple(unevaluated))


def judged(
    record: Record, *, intact: Callable[[str], bool], judge: Callable[[Record], tuple[str, str]] | None = None
) -> Record:
    """A record as its raw reports say, so that an edited or orphaned one convinces nobody.

    Parameters
    ----------
    intact:
        Whether a report of that name is there with the record's hash.
    judge:
        Derives status and reason from the reports again, which may be worse by now (a database grows old, a waiver
        expires); None where the stage has nothing to derive from.
    """
    for name in record.artifacts:
        if not intact(name):
            return _failed(record, f"its report {name} is missing or was changed: run inv {record.stage} again")
    status, reason = judge(record) if judge is not None else (record.status, record.reason)
    if _WORSE.get(status, 0) <= _WORSE.get(record.status, 0):
        return record
    words = f"the record says {record.status}, its reports say {status}: {reason}".replace("_", " ")
    return (
        _failed(record, words) if status == "failed" else msgspec.structs.replace(record, status=status, reason=words)
    )


def _failed(record: Record, reason: str) -> Record:
    return msgspec.structs.replace(record, status="failed", reason=reason)


def _strict(known: Mapping[tuple[str, str], Record], built: Built, image: Image, *, stand_in: bool) -> list[str]:
    """What only a registry on loopback takes."""
    found = [f"{platform} is not built" for platform in image.platforms if platform not in built.manifests]
    if built.dirty or not built.revision:
        found.append("it was built from files that differ from the commit" if built.dirty else "it names no commit")
    for platform in built.manifests:
        record = known.get((platform.slug, "build"))
        bases = record.measures.get("bases", {}) if record is not None else {}
        if not stand_in and any(base.get("kind") != "registry" for base in bases.values()):
            found.append(f"{platform} stands on a stand-in base; --stand-in {image.name} publishes it nevertheless")
    return found


def releases(tags: Iterable[str], alias: str) -> list[semver.Version]:
    """The final versions among a repository's tags that an alias `X` or `X.Y` could stand for."""
    return [version for tag in tags if (version := final(tag)) is not None and covers(alias, version)]


def final(text: str) -> semver.Version | None:
    """A released version; None for a prerelease and for what is no version."""
    try:
        version = semver.Version.parse(text)
    except (ValueError, TypeError):
        return None
    return None if version.prerelease or version.build else version


def covers(alias: str, version: semver.Version) -> bool:
    """Whether an alias `X` or `X.Y` stands for versions such as this one."""
    return alias in (f"{version.major}", f"{version.major}.{version.minor}")


def annotated(index: Mapping[str, Any], name: str) -> str:
    """An OCI annotation of a published index or manifest; empty where it has none."""
    annotations = index.get("annotations")
    value = annotations.get(f"{_ANNOTATION}.{name}") if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""
