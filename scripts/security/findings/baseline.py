"""The baseline: findings that were there when a team began, by group and count, so that only new ones fail."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from security import reading
from security.errors import UsageError
from security.model import Finding, State
from security.reports.display import display

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NAME = "baseline.json"
SCHEMA = 1


def document(findings: Iterable[Finding]) -> dict[str, object]:
    """Today's findings. Rule and path are for the reader of a diff; only the key and the count are read back."""
    kept = [found for found in findings if found.state is not State.SUPPRESSED]
    counts = Counter(found.group for found in kept)
    first = {found.group: found for found in reversed(kept)}
    entries = {
        group: {"count": counts[group], "rule": first[group].rule, "path": display(first[group].path)}
        for group in sorted(counts)
    }
    return {"schema": SCHEMA, "findings": entries}


def load(path: Path) -> dict[str, int]:
    """Accepted counts by group.

    Raises
    ------
    UsageError
        There is no such file, or it is not one of ours: a run without its baseline would fail for the wrong reason.
    """
    try:
        table: Any = json.loads(reading.text(path))
        entries = {SCHEMA: table["findings"]}[table["schema"]]  # another schema is an unknown key
        return {str(group): int(entry["count"]) for group, entry in entries.items()}
    except reading.UnreadableError as error:
        raise UsageError(f"the baseline {path} cannot be read: {error}", fix="check BASELINE") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"the baseline {path} is not one that this program wrote", fix="make a new one: security-scan baseline"
        ) from error


def apply(findings: Iterable[Finding], accepted: Mapping[str, int]) -> tuple[Finding, ...]:
    """Of equal findings as many are existing as the baseline counted; one more is new."""
    seen: dict[str, int] = defaultdict(int)
    marked = []
    for found in findings:
        if found.state is State.NEW and found.group in accepted:
            seen[found.group] += 1
            if seen[found.group] <= accepted[found.group]:
                marked.append(dataclasses.replace(found, state=State.EXISTING, reason="in the baseline"))
                continue
        marked.append(found)
    return tuple(marked)
