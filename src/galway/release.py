"""Decides whether a built image may be published, and which tags may move to it; asks nobody, changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import semver

from galway import assembly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from galway.catalog import Image
    from galway.evidence import Record
    from galway.layout import Layout, Manifest
    from galway.reference import Digest, Platform

GATES = ("build", "test", "sbom", "scan")
"""The stages whose record of the very manifest has to be there for each platform."""

_WORSE = {"passed": 0, "skipped": 1, "not_evaluated": 2, "failed": 3}
"""The worse of what a record and its reports say is what counts."""

STAND_IN = "dev.galway.stand-in.of"
"""The label of an image on a stand-in base; its value is the official base."""

_COMMIT = re.compile(r"[0-9a-f]{7}")
"""How a tag names a commit; see `tagging`."""

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
    stand_ins:
        Platforms whose image says that it stands on a stand-in base.
    flaws:
        Why the index is not the one that its platforms' images make, one line each.
    """

    digest: Digest
    manifests: Mapping[Platform, Digest]
    annotations: Mapping[str, str]
    stand_ins: frozenset[Platform] = frozenset()
    flaws: tuple[str, ...] = ()

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
    found = layout.document(layout.digest).get("annotations")
    annotations = {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}
    manifests = layout.manifests()
    return Built(
        digest=layout.digest,
        manifests={manifest.platform: manifest.digest for manifest in manifests},
        annotations=annotations,
        stand_ins=frozenset(manifest.platform for manifest in manifests if STAND_IN in manifest.labels),
        flaws=tuple(_flaws(layout, manifests, annotations)),
    )


def _flaws(layout: Layout, manifests: tuple[Manifest, ...], annotations: Mapping[str, str]) -> Iterator[str]:
    """Why an index is not what its manifests make it: records speak of manifests, so that the rest has to follow."""
    sizes = {each.platform: (each.digest, layout.blob(each.digest).stat().st_size) for each in manifests}
    if assembly.index_of(sizes, annotations) != layout.blob(layout.digest).read_bytes():
        yield "its index is not the one that its platforms make: run inv build again"
    for manifest in manifests:
        for key, value in annotations.items():
            if manifest.labels.get(key) != value:
                yield f"its index says {key}={value!r}, {manifest.platform} says {manifest.labels.get(key)!r}"


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
    refusals = list(built.flaws)
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
        bases = record.measures.get("bases") if record is not None else None
        kinds = {name: _kind(base) for name, base in bases.items()} if isinstance(bases, dict) else {}
        if any(name not in kinds for name, _ in image.bases):
            found.append(f"the build of {platform} does not say what it stands on: run inv build again")
        elif not stand_in and (platform in built.stand_ins or any(kind != "registry" for kind in kinds.values())):
            found.append(f"{platform} stands on a stand-in base; --stand-in {image.name} publishes it nevertheless")
    return found


def _kind(base: Any) -> str:
    """What a build's record says of a base; nothing where it says it in no way of ours."""
    kind = base.get("kind") if isinstance(base, dict) else None
    return kind if isinstance(kind, str) else ""


def misnamed(tag: str, labels: Mapping[str, str]) -> str:
    """Why an image cannot be what its tag promises; nothing where it can, or where the tag promises nothing.

    A release, `X.Y` and `X` promise the version of the label, a branch's commit tag its revision; a registry that lets
    an old image stand under a new name serves signed bytes all the same.
    """
    version, revision = (labels.get(f"{_ANNOTATION}.{name}", "") for name in ("version", "revision"))
    numbers = tag.split(".")
    if len(numbers) <= 2 and all(number.isdecimal() for number in numbers):
        said = final(version)
        return "" if said is not None and covers(tag, said) else f"{tag} is called {version or 'nothing'} by its label"
    if semver.Version.is_valid(tag):
        return "" if tag == version else f"{tag} is called {version or 'nothing'} by its label"
    _, dash, commit = tag.rpartition("-")
    if dash and _COMMIT.fullmatch(commit) and not revision.startswith(commit):
        return f"{tag} is of commit {revision[:12] or 'unknown'} by its label"
    return ""


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
