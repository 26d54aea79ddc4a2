"""The specification's Dockerfile checklist, every item judged by evidence: a line, a configuration field, a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.checklist import dockerfile, images, sources
from galway.checklist.model import Answer, Verdict
from galway.errors import ConfigurationError, GalwayError, NotEvaluatedError, ScanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from galway.checklist.dockerfile import Dockerfile
    from galway.facts import Facts

__all__ = ["ITEMS", "Verdict", "judge", "verdict"]


def _of_file(judge: Callable[[Dockerfile, Facts], Answer]) -> Callable[[Dockerfile, Facts, Path], Answer]:
    return lambda file, one, _root: judge(file, one)


ITEMS: tuple[tuple[str, str, Callable[[Dockerfile, Facts, Path], Answer]], ...] = (
    ("Pre-build", "Use official base images (python:3.11-slim, rust:1.75-slim)", _of_file(sources.official)),
    ("Pre-build", "Pin exact versions of base images", _of_file(sources.pinned)),
    ("Pre-build", "Use multi-stage builds to reduce size", _of_file(sources.multi_stage)),
    ("During build", "Layer dependencies before code (better caching)", _of_file(sources.dependencies_first)),
    ("During build", "Clean up apt/yum caches (reduce size)", _of_file(sources.caches)),
    ("During build", "Use --no-cache-dir for pip (reduce size)", _of_file(sources.pip_cache)),
    ("Post-build", "Create non-root user (security)", images.user),
    ("Post-build", "Set appropriate file permissions (security)", images.permissions),
    ("Post-build", "Add HEALTHCHECK instruction (reliability)", images.healthcheck),
    ("Post-build", "Label image with metadata (maintainability)", images.labels),
    ("Testing", "Scan with Trivy (security)", images.scanned),
    ("Testing", "Run container-structure-tests (correctness)", images.structure),
    ("Testing", "Test on both amd64 and arm64 (compatibility)", images.both),
    ("Publishing", "Tag with semantic version (traceability)", images.versioned),
    ("Publishing", "Sign with Cosign (integrity)", images.signed),
    ("Publishing", "Push to GHCR (availability)", images.pushed),
)
"""Group, item and judge, in the specification's words and order."""


def judge(one: Facts, *, root: Path) -> list[Verdict]:
    """Judge every item for one image.

    Parameters
    ----------
    root:
        The repository.

    Raises
    ------
    ConfigurationError
        The Dockerfile cannot be read.
    """
    path = one.image.dockerfile
    try:
        file = dockerfile.parse((root / path).read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}", hint="see `dockerfile` in docker/images.toml"
        ) from error
    found = []
    for group, item, ask in ITEMS:
        answer = ask(file, one, root)
        found.append(
            Verdict(
                image=one.image.name,
                group=group,
                item=item,
                status=answer.status,
                evidence=answer.evidence,
                detail=answer.detail,
                hint=answer.hint,
            )
        )
    return found


def verdict(verdicts: Iterable[Verdict]) -> GalwayError | None:
    """What a gate makes of it: an item that failed, else one without a verdict, else None."""
    seen: Sequence[Verdict] = list(verdicts)
    for status, kind in (("failed", ScanError), ("not_evaluated", NotEvaluatedError)):
        found = [each for each in seen if each.status == status]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            return kind(f"{found[0].image}: {found[0].item}: {found[0].detail}{more}", hint=found[0].hint)
    return None
