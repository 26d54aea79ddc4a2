"""Trivy's vulnerability database: fetched from the first place that gives one, dated, and proved to know something."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.process import ProcessError
from galway.tools import trivy
from galway.vulnerabilities import canary, findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.toolbox import Tool
    from galway.vulnerabilities.policy import Policy
    from galway.workspace import Workspace

FETCH_SECONDS = 600.0
"""How long one place may take; the database is about 60 MB."""


class _Stamp(msgspec.Struct, rename="pascal"):
    updated_at: datetime.datetime
    version: int


class _Answer(msgspec.Struct):
    database: _Stamp | None = msgspec.field(name="VulnerabilityDB", default=None)


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database that is ready to be asked.

    Parameters
    ----------
    cache:
        The folder that Trivy takes as its cache.
    source:
        Where it came from.
    stamp:
        Trivy's own words about its age, JSON.
    canary:
        Trivy's report of the canary filesystem, JSON.
    """

    cache: Path
    source: str
    stamp: bytes
    canary: bytes


def obtain(
    workspace: Workspace, tool: Tool, sources: Sequence[str], policy: Policy, *, say: Callable[[str], None]
) -> tuple[Database | None, str]:
    """Get a database and let it speak about itself; or None and why there is none.

    Parameters
    ----------
    sources:
        Folders that hold `trivy.db` and `metadata.json`, or OCI repositories, tried in this order.
    """
    for source in sources:
        folder = _folder(source)
        cache = workspace.cache / "trivy-db" / _slug(source)
        say(f"vulnerability database: trying {source}")
        if folder is not None:
            cache = _borrow(folder, cache)
        elif cause := _fetch(tool, source, cache):
            say(f"{source}: {cause}")
            continue
        stamp = process.run(trivy.version(str(tool.path), cache=cache), ok=None).stdout.encode()
        with tempfile.TemporaryDirectory(prefix="galway-canary-") as scratch:
            canary.write(Path(scratch) / "rootfs", policy.canary)
            try:
                process.run(
                    trivy.rootfs(str(tool.path), "rootfs", output="canary.json", cache=cache), cwd=Path(scratch)
                )
            except ProcessError as error:
                say(f"{source}: {_last(error.completed.tail)}")
                continue
            report = (Path(scratch) / "canary.json").read_bytes()
        return Database(cache=cache, source=source, stamp=stamp, canary=report), ""
    return None, f"there is no database: none of {len(sources)} places gave one"


def objection(stamp: bytes, report: bytes, policy: Policy, *, now: datetime.datetime) -> str:
    """Why a database cannot judge anybody; empty where it can.

    Parameters
    ----------
    stamp, report:
        What it said about itself and about the canary.
    now:
        The time of the decision, with a zone.
    """
    try:
        made = msgspec.json.decode(stamp, type=_Answer).database
    except msgspec.DecodeError:
        made = None
    if made is None:
        return "Trivy does not say when its database was made"
    age = now - made.updated_at
    if age > datetime.timedelta(days=policy.database.max_age_days):
        return f"the database is {age.days} days old, more than {policy.database.max_age_days}"
    if age < -datetime.timedelta(days=1):
        return f"the database says that it was made on {made.updated_at:%Y-%m-%d}, which is yet to come"
    if lacking := canary.missing(findings.parse(report), policy.canary):
        return f"the database does not know {', '.join(lacking)}"
    return ""


def _folder(source: str) -> Path | None:
    path = Path(source)
    for candidate in (path, path / "db"):
        if (candidate / "trivy.db").is_file():
            return candidate
    return path if path.is_dir() else None


def _borrow(folder: Path, cache: Path) -> Path:
    """A cache of our own around a folder that may not be written; Trivy keeps notes beside the database."""
    shutil.rmtree(cache, ignore_errors=True)
    (cache / "db").mkdir(parents=True)
    for name in ("trivy.db", "metadata.json"):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, cache / "db" / name)
    return cache


def _fetch(tool: Tool, source: str, cache: Path) -> str:
    """Why a repository gave none."""
    cache.mkdir(parents=True, exist_ok=True)
    done = process.run(trivy.download(str(tool.path), source, cache=cache), ok=None, timeout=FETCH_SECONDS)
    return "" if done.code == 0 else _last(done.stderr)


def _slug(source: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in source).strip("-")


def _last(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1].split("\t")[-1].removeprefix("* ")[:300] if lines else "Trivy said nothing"
