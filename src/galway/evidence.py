"""Records on disk: what each stage found out, one JSON file per image, platform and stage."""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

Status = Literal["passed", "failed", "skipped", "not_evaluated"]

INDEX = "index"
"""Stands for the platform in a record about a whole image index."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage found out about one image on one platform.

    Parameters
    ----------
    stage, image, platform:
        Where it belongs; `platform` is `linux-arm64` or `index`.
    digest:
        The manifest, or index, that it speaks of.
    status:
        `not_evaluated` was asked for and could not be judged, `skipped` was not asked for; neither counts as passed.
    reason:
        Why, one line; empty for `passed`.
    tool, tool_version:
        What judged.
    policy:
        The thresholds that held, as `name=value`.
    started:
        RFC 3339, UTC.
    seconds:
        Wall time.
    measures:
        Figures; sizes in bytes.
    artifacts:
        The tools' raw reports, file name to sha256 digest.
    """

    stage: str
    image: str
    platform: str
    digest: str
    status: Status
    reason: str = ""
    tool: str = ""
    tool_version: str = ""
    policy: tuple[str, ...] = ()
    started: str = ""
    seconds: float = 0.0
    measures: dict[str, Any] = msgspec.field(default_factory=dict)
    artifacts: dict[str, str] = msgspec.field(default_factory=dict)


Judges: TypeAlias = "Mapping[str, Callable[[Record], tuple[str, str]]]"
"""For each stage with raw reports of its own a function that derives a record's status and reason from them again."""


def decisive(records: Iterable[Record]) -> tuple[Record, str] | None:
    """The record that keeps a run from passing, and it in one line; None where every one passed.

    A failure comes before what could not be evaluated.
    """
    seen = sorted((record for record in records if record.status != "passed"), key=lambda one: one.status != "failed")
    if not seen:
        return None
    first = seen[0]
    more = f" (and {len(seen) - 1} more)" if len(seen) > 1 else ""
    return first, f"{first.image} {first.platform.replace('-', '/', 1)}: {first.reason}{more}"


def now() -> str:
    """The present, as records write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(folder: Path, record: Record) -> Path:
    """Write a record aside and rename it into place.

    Raises
    ------
    BuildError
        The disk is full or the folder is not writable.
    """
    path = _path(folder, record.image, record.platform, record.stage)
    _write(path, msgspec.json.format(msgspec.json.encode(record, order="sorted")))
    return path


def keep(folder: Path, image: str, platform: str, reports: Mapping[str, bytes]) -> dict[str, str]:
    """Write raw reports beside the records of an image and platform; what a record's `artifacts` says of them.

    Parameters
    ----------
    reports:
        Content by file name.

    Raises
    ------
    BuildError
        The disk is full or the folder is not writable.
    """
    for name, content in reports.items():
        _write(folder / image / platform / name, content)
    return {name: f"sha256:{hashlib.sha256(content).hexdigest()}" for name, content in reports.items()}


def artifact(folder: Path, record: Record, name: str) -> bytes | None:
    """A raw report that a record names; None where it is missing or is not what the record's hash says."""
    try:
        content = (folder / record.image / record.platform / name).read_bytes()
    except OSError:
        return None
    return content if record.artifacts.get(name) == f"sha256:{hashlib.sha256(content).hexdigest()}" else None


def read(folder: Path, image: str, platform: str, stage: str) -> Record | None:
    """The record, or None where there is none; one that cannot be read, or speaks of another place, proves nothing."""
    try:
        found = msgspec.json.decode(_path(folder, image, platform, stage).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return found if (found.image, found.platform, found.stage) == (image, platform, stage) else None


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(content)
        aside.replace(path)
    except OSError as error:
        raise BuildError(f"cannot write {path}: {error.strerror}", hint="free some disk and try again") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


def _path(folder: Path, image: str, platform: str, stage: str) -> Path:
    return folder / image / platform / f"{stage}.json"
