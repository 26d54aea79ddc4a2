"""What a run knows of dependencies: verdicts, counts that add up, ages, and the findings that follow."""

from __future__ import annotations

import posixpath
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from security.dependencies.model import Judged, Manifest, Reason, Status
from security.model import Finding, Severity
from security.reports.display import display, one_line

if TYPE_CHECKING:
    from datetime import datetime

    from security.dependencies.advisories import Snapshot

NAME = "dependencies"
SHOWN_AGE = 14.0
"""Days from which a snapshot's age is a warning."""

LOOSE = frozenset({"requirements", "declared_only"})


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The outcome.

    Parameters
    ----------
    skipped:
        Why nothing was looked at (a fast scan); empty otherwise.
    problem:
        Why there is no snapshot although one was given.
    max_age:
        Days.
    """

    manifests: tuple[Manifest, ...] = ()
    judged: tuple[Judged, ...] = ()
    snapshot: Snapshot | None = None
    problem: str = ""
    skipped: str = ""
    now: datetime
    max_age: float

    @property
    def locked(self) -> bool:
        """Whether a lock is there, or a requirements file that pins all it names."""
        return any(
            manifest.kind not in LOOSE
            or (manifest.kind == "requirements" and manifest.dependencies
                and not any(one.unjudgeable is Reason.UNPINNED for one in manifest.dependencies))
            for manifest in self.manifests
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        """By status; together all entries of all manifests."""
        counted = Counter(one.status for one in self.judged)
        return {str(status): counted[status] for status in Status}

    @property
    def reasons(self) -> dict[str, int]:
        """Of what was not evaluated, those only that occur."""
        counted = Counter(str(one.reason) for one in self.judged if one.reason)
        return {reason: counted[reason] for reason in map(str, Reason) if counted[reason]}

    @property
    def errors(self) -> tuple[Manifest, ...]:
        """Manifests that could not be read."""
        return tuple(manifest for manifest in self.manifests if manifest.error)

    @property
    def status(self) -> str:
        """The worst first; `not_applicable` where nothing names a dependency."""
        if self.skipped:
            return "skipped"
        if self.counts[Status.VULNERABLE]:
            return str(Status.VULNERABLE)
        if self.counts[Status.NOT_EVALUATED] or self.errors or self.problem:
            return str(Status.NOT_EVALUATED)
        return str(Status.NO_KNOWN_VULNERABILITY) if self.judged else "not_applicable"

    def unjudged(self, *, loose: bool) -> list[str]:
        """What stands against a run that requires a verdict on every dependency; `loose` counts requirements too."""
        kinds = {manifest.path: manifest.kind for manifest in self.manifests}
        open_ = [
            one for one in self.judged
            if one.status is Status.NOT_EVALUATED and not one.accepted and (loose or kinds[one.manifest] not in LOOSE
                                                                            or one.reason is not Reason.UNPINNED)
        ]  # fmt: skip
        counted = Counter(str(one.reason) for one in open_)
        found = [f"{number} dependencies not evaluated: {reason}" for reason, number in sorted(counted.items())]
        found += [f"{display(manifest.path)}: parse_error: {display(manifest.error)}" for manifest in self.errors]
        return [*found, *([display(self.problem)] if self.problem else [])]

    @property
    def age(self) -> float | None:
        """The snapshot's, in whole days and tenths."""
        return round(self.snapshot.age(self.now), 1) if self.snapshot else None

    def document(self) -> dict[str, object]:
        """As it stands in `dependencies.json`."""
        return {
            **self.summary(),
            "dependencies": [entry(one) for one in self.judged],
        }

    def summary(self) -> dict[str, object]:
        """As it stands in the summary; the age is left to the run's own block, because it grows by itself."""
        return {
            "status": self.status,
            "skipped": self.skipped,
            "counts": self.counts,
            "not_evaluated": self.reasons,
            "advisories": None if self.snapshot is None else {
                "total": self.snapshot.total,
                "unreadable": self.snapshot.unreadable,
                "modified": self.snapshot.modified.isoformat(),
                "max_age_days": self.max_age,
            },
            "problem": display(self.problem),
            "manifests": [
                {"path": display(manifest.path), "kind": manifest.kind, "dependencies": len(manifest.dependencies),
                 "error": display(manifest.error)}
                for manifest in self.manifests
            ],
        }  # fmt: skip


def entry(one: Judged) -> dict[str, object]:
    """One dependency's verdict."""
    return {
        "name": display(one.dependency.name),
        "version": display(one.dependency.version),
        "manifest": display(one.manifest),
        "line": one.dependency.line,
        "groups": [display(group) for group in one.dependency.groups],
        "status": str(one.status),
        "reason": str(one.reason or ""),
        "detail": display(one.dependency.detail),
        "vulnerabilities": [
            {"id": display(found.id), "aliases": [display(alias) for alias in found.aliases],
             "severity": found.severity, "summary": display(found.summary), "fixed": list(found.fixed),
             "cwe": list(found.cwe), "published": display(found.published)}
            for found in one.vulnerabilities
        ],
    }  # fmt: skip


def findings(outcome: Dependencies) -> tuple[Finding, ...]:
    """One for each vulnerability of each dependency, at the line of the manifest that pins it."""
    return tuple(
        Finding(
            engines=(NAME,),
            rule=found.id,
            also=tuple(f"{NAME}:{alias}" for alias in found.aliases),
            severity=Severity(found.severity),
            confidence="high",
            cwe=found.cwe,
            path=one.manifest,
            line=one.dependency.line,
            end_line=one.dependency.line,
            column=1,
            message=one_line(f"{one.dependency.name} {one.dependency.version}: {found.summary or found.id}"),
            fix=f"upgrade {one.dependency.name} to {' or '.join(found.fixed)}"
            if found.fixed
            else "no fixed version yet",
            subject=f"{one.dependency.name}@{one.dependency.version}",
        )
        for one in outcome.judged
        for found in one.vulnerabilities
    )


def declared_only(outcome: Dependencies) -> list[str]:
    """Projects that say what they need and not what they get."""
    return [posixpath.dirname(one.path) or "." for one in outcome.manifests if one.kind == "declared_only"]
