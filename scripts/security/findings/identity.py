"""Fingerprints, and one finding where several engines mean the same flaw."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import defaultdict
from typing import TYPE_CHECKING

from security.findings import source
from security.findings.families import family
from security.model import CONFIDENCES, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ENGINES = ("semgrep", "bandit", "dependencies")
"""Whose words are used first: our own rules know the source and the sink and say how to mend it."""


def merge(findings: Iterable[Finding], *, root: Path) -> tuple[Finding, ...]:
    """One finding for one flaw: same file, same family, same statement; repeats of one rule stay apart."""
    groups: dict[tuple[str, str, int], list[Finding]] = defaultdict(list)
    for found in sorted(findings, key=lambda one: one.path):  # so that each file is read and split once
        place = -found.line if found.subject else source.read(file(root, found)).at(found.line)
        groups[found.path, f"{family(found)} {found.subject}", place].append(found)
    merged: list[Finding] = []
    for group in groups.values():
        clusters: list[list[Finding]] = []
        for found in sorted(group, key=lambda one: (ENGINES.index(one.engines[0]), one.line, one.column, one.rule)):
            home = next((cluster for cluster in clusters if found.rule not in {one.rule for one in cluster}), None)
            if home is None:
                clusters.append([found])
            else:
                home.append(found)
        merged += [join(cluster) for cluster in clusters]
    return tuple(sorted(merged, key=lambda one: one.order))


def join(cluster: list[Finding]) -> Finding:
    """The first one's words; the worst severity and the best confidence of all."""
    first, *others = cluster
    return dataclasses.replace(
        first,
        engines=tuple(dict.fromkeys(one.engines[0] for one in cluster)),
        also=tuple(f"{one.engines[0]}:{one.rule}" for one in others),
        severity=min((one.severity for one in cluster), key=lambda severity: severity.rank),
        confidence=min((one.confidence for one in cluster), key=confidence_rank),
        cwe=tuple(dict.fromkeys(number for one in cluster for number in one.cwe)),
        owasp=tuple(dict.fromkeys(name for one in cluster for name in one.owasp)),
        end_line=max(one.end_line for one in cluster) if first.end_column == 0 else first.end_line,
    )


def confidence_rank(confidence: str) -> int:
    """0 for the best."""
    return CONFIDENCES.index(confidence) if confidence in CONFIDENCES else len(CONFIDENCES)


def fingerprint(findings: Iterable[Finding], *, root: Path) -> tuple[Finding, ...]:
    """Name each finding by what it is, not by where it stands.

    The group is the family, the path, the normalised statement and the statements that give its names their values;
    the fingerprint adds the index among equal ones, in the file's order.
    """
    by_file = sorted(findings, key=lambda one: one.path)  # so that each file is read and split once
    named = [dataclasses.replace(found, group=digest(describe(found, root))) for found in by_file]
    seen: dict[str, int] = defaultdict(int)
    result = []
    for found in sorted(named, key=lambda one: (one.path, one.line, one.column, one.rule)):
        result.append(dataclasses.replace(found, fingerprint=digest((found.group, str(seen[found.group])))))
        seen[found.group] += 1
    return tuple(sorted(result, key=lambda one: one.order))


def describe(found: Finding, root: Path) -> tuple[str, ...]:
    """The parts of a group's name."""
    if found.subject:
        return (family(found), found.path, found.subject)
    text = source.read(file(root, found))
    index = text.at(found.line)
    if index < 0:
        return (family(found), found.path, found.rule, str(found.line))
    return (family(found), found.path, text.statements[index].text, *text.context(index))


def digest(parts: Iterable[str]) -> str:
    """32 hexadecimal digits; parts are kept apart by a byte that stands in none of them."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def file(root: Path, found: Finding) -> str:
    """Absolute path, any bytes."""
    return os.path.join(root, found.path)  # noqa: PTH118
