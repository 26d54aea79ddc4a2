"""Judges each dependency: PEP 440 versions against OSV's ranges, aliases joined to one vulnerability."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

from security import rules
from security.dependencies import severity
from security.dependencies.advisories import ECOSYSTEM, Snapshot
from security.dependencies.model import (
    Dependency,
    Judged,
    Manifest,
    Reason,
    Status,
    Vulnerability,
    normalise,
    valid,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

ORDER = ("critical", "high", "medium", "low")
KINDS = ("CVE-", "GHSA-", "PYSEC-")


def judge(
    manifests: Sequence[Manifest],
    snapshot: Snapshot | None,
    *,
    now: datetime,
    max_age: float,
    private: Sequence[str] = (),
    mirrors: Sequence[str] = (),
) -> tuple[Judged, ...]:
    """The verdict on every dependency of every manifest."""
    stale = snapshot is not None and snapshot.age(now) > max_age
    found = []
    for manifest in manifests:
        for dependency in manifest.dependencies:
            if any(fnmatchcase(dependency.name, pattern) for pattern in private):
                verdict = Judged(
                    dependency=dependency, manifest=manifest.path, status=Status.NOT_EVALUATED, reason=Reason.PRIVATE,
                    accepted=True,
                )  # fmt: skip
            else:
                verdict = one(dependency, manifest.path, snapshot, stale=stale, mirrors=mirrors)
            found.append(verdict)
    return tuple(found)


def one(
    dependency: Dependency, manifest: str, snapshot: Snapshot | None, *, stale: bool, mirrors: Sequence[str] = ()
) -> Judged:
    """The verdict on one. A known vulnerability counts whatever else is in doubt."""

    def verdict(status: Status, reason: Reason | None = None, found: Sequence[Vulnerability] = ()) -> Judged:
        return Judged(
            dependency=dependency, manifest=manifest, status=status, reason=reason, vulnerabilities=tuple(found)
        )

    obstacle = dependency.unjudgeable
    if obstacle is Reason.PRIVATE and any(fnmatchcase(dependency.index.lower(), pattern) for pattern in mirrors):
        obstacle = None
    if obstacle is not None and not (obstacle is Reason.PRIVATE and dependency.index):
        return verdict(Status.NOT_EVALUATED, obstacle)
    if snapshot is None:
        return verdict(Status.NOT_EVALUATED, obstacle or Reason.NO_ADVISORIES)
    try:
        version = Version(Version(dependency.version).public)  # advisories know nothing of local builds (2.0+cu118)
        known = snapshot.entries.get(dependency.name, ())
        matching = [entry for entry in known if affects(entry, dependency.name, version)]
        found = tuple(joined(matching, dependency.name, version))
    except InvalidVersion:
        return verdict(Status.NOT_EVALUATED, obstacle or Reason.PARSE_ERROR)
    if found:
        return verdict(Status.VULNERABLE, None, found)
    if obstacle is None and (not valid(dependency.name) or unlisted(dependency.name, snapshot)):
        obstacle = Reason.UNKNOWN_PACKAGE
    if obstacle is None and stale:
        obstacle = Reason.STALE
    return verdict(Status.NOT_EVALUATED, obstacle) if obstacle else verdict(Status.NO_KNOWN_VULNERABILITY)


def unlisted(name: str, snapshot: Snapshot) -> bool:
    """Whether the snapshot lists all names of the index, and this is none of them."""
    return snapshot.names is not None and name not in snapshot.names


def affected(advisory: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Its entries for one package."""
    for entry in advisory["affected"]:
        package = entry.get("package") if isinstance(entry, dict) else None
        if not isinstance(package, dict) or package.get("ecosystem") != ECOSYSTEM:
            continue
        if normalise(str(package.get("name", ""))) == name:
            yield entry


def affects(advisory: dict[str, Any], name: str, version: Version) -> bool:
    """Whether a version is listed or lies in a range.

    Raises
    ------
    InvalidVersion
        The advisory's own range is not PEP 440: then nobody can say.
    """
    for entry in affected(advisory, name):
        if any(same(text, version) for text in entry.get("versions") or []):
            return True
        if any(inside(part.get("events") or [], version) for part in ranges(entry)):
            return True
    return False


def ranges(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Those in versions; ranges of commits say nothing of a release."""
    return [part for part in entry.get("ranges") or [] if isinstance(part, dict) and part.get("type") == "ECOSYSTEM"]


def same(text: object, version: Version) -> bool:
    """Whether a listed version is this one; odd old spellings are none."""
    try:
        return Version(str(text)) == version
    except InvalidVersion:
        return False


def inside(events: Iterable[dict[str, str]], version: Version) -> bool:
    """OSV's algorithm: events in order of their versions, the last one at or below the version decides."""
    steps = sorted((step for event in events for step in event.items()), key=_place)
    vulnerable = False
    for kind, text in steps:
        if kind == "introduced" and (text == "0" or version >= Version(text)):
            vulnerable = True
        elif (kind in ("fixed", "limit") and text != "*" and version >= Version(text)) or (
            kind == "last_affected" and version > Version(text)
        ):
            vulnerable = False
    return vulnerable


def _place(step: tuple[str, str]) -> tuple[bool, Version, bool]:
    kind, text = step
    if text == "*":
        return (True, Version("0"), True)
    return (text != "0", Version(text), kind == "introduced")


def joined(matching: Sequence[dict[str, Any]], name: str, version: Version) -> Iterator[Vulnerability]:
    """Advisories that are aliases of one another are one vulnerability, with the words of the one that says most."""
    groups: list[tuple[set[str], list[dict[str, Any]]]] = []
    for advisory in matching:
        names = {advisory["id"], *map(str, advisory.get("aliases") or [])}
        apart = [group for group in groups if not group[0] & names]
        touching = [group for group in groups if group[0] & names]
        groups = [
            *apart,
            (names.union(*(group[0] for group in touching)), [*(a for group in touching for a in group[1]), advisory]),
        ]
    found = (_vulnerability(names, advisories, name, version) for names, advisories in groups)
    yield from sorted(found, key=lambda one: one.id)


def _vulnerability(names: set[str], advisories: list[dict[str, Any]], name: str, version: Version) -> Vulnerability:
    ordered = sorted(names, key=lambda one: (next((i for i, kind in enumerate(KINDS) if one.startswith(kind)), 9), one))
    words = [word for word in map(severity.of, advisories) if word]
    summaries = [" ".join(str(one.get("summary") or one.get("details") or "").split()) for one in advisories]
    fixed = {release for one in advisories for release in fixes(one, name, version)}
    numbers = {
        number
        for one in advisories
        if isinstance(one.get("database_specific"), dict)
        for number in rules.numbers(one["database_specific"].get("cwe_ids"))
    }
    return Vulnerability(
        id=ordered[0],
        aliases=tuple(ordered[1:]),
        summary=min((text for text in summaries if text), key=len, default="")[:300],
        severity=min(words, key=ORDER.index) if words else severity.UNKNOWN,
        cwe=tuple(sorted(numbers)),
        fixed=tuple(str(one) for one in sorted(fixed)),
        published=min((str(one["published"]) for one in advisories if one.get("published")), default=""),
    )


def fixes(advisory: dict[str, Any], name: str, version: Version) -> set[Version]:
    """The nearest later version of each range that is free of it."""
    found = set()
    for entry in affected(advisory, name):
        for part in ranges(entry):
            if inside(part.get("events") or [], version):
                later = [Version(event["fixed"]) for event in part["events"] if "fixed" in event]
                found |= {min(one for one in later if one > version)} if any(one > version for one in later) else set()
    return found
