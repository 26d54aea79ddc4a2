"""Runs the scanner image on a folder through the engine, and gives its exit code the meaning of ours."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.checks.containers import options
from galway.errors import BuildError, ConfigurationError, GalwayError, NotEvaluatedError, ScanError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.catalog import Image
    from galway.engine import Engine
    from galway.workspace import Workspace

NAME = "security-scanner"
"""The image in the catalog."""

SOURCE, RESULTS, SNAPSHOT = "/scan", "/results", "/advisories"
"""Where things are mounted. The results lie outside the source, which is read-only and may have no folder for them."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to scan.

    Parameters
    ----------
    path, output:
        The folder to scan, and the one that takes the results.
    kind:
        `full`, `fast` or `incremental`.
    advisories:
        OSV's export for PyPI, a zip or a folder; None for none.
    fail_on:
        Severities that fail; empty for the image's own setting.
    """

    path: Path
    output: Path
    kind: str = "full"
    advisories: Path | None = None
    fail_on: str = ""


def command(docker: str, image: Image, request: Request, *, root: Path, cores: int, owner: str) -> tuple[str, ...]:
    """The one docker command, under the image's own run profile and without a network.

    Parameters
    ----------
    owner:
        `uid:gid` that reads the source and owns the results.
    """
    profile = msgspec.structs.replace(image.run, user=owner, cpus=float(cores), volumes=())
    mounts = [f"{request.path}:{SOURCE}:ro", f"{request.output}:{RESULTS}:rw"]
    environment = {"SCAN_TYPE": request.kind, "OUTPUT_DIR": RESULTS}
    if request.advisories is not None:
        mounts.append(f"{request.advisories}:{SNAPSHOT}:ro")
    if request.fail_on:
        environment["FAIL_ON"] = request.fail_on
    return (
        *(docker, "run", "--rm", "--pull", "never", "--network", "none"),
        *options(profile, root=root, cores=cores),
        *(word for mount in mounts for word in ("--volume", mount)),
        *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        str(image.reference),
    )


def run(
    workspace: Workspace, engine: Engine, image: Image, request: Request, *, say: Callable[[str], None]
) -> process.Completed:
    """Scan; what the image prints is in the answer, its progress is said as it comes.

    Raises
    ------
    ConfigurationError
        The folder is not there, or the results cannot be written.
    BuildError
        The image is not in the engine.
    """
    if not request.path.is_dir():
        raise ConfigurationError(f"{request.path} is no folder", hint="give --path the folder to scan")
    inspect = (engine.docker, "image", "inspect", str(image.reference))
    if process.run(inspect, env=engine.env, ok=None).code != 0:
        raise BuildError(f"{image.reference} is not in the engine", hint=f"inv build -i {NAME}")
    owner = request.path.stat()
    _make(request.output, owner.st_uid, owner.st_gid)
    cores = int(process.run((engine.docker, "info", "--format", "{{.NCPU}}"), env=engine.env).stdout)
    argv = command(
        engine.docker, image, request, root=workspace.root, cores=cores, owner=f"{owner.st_uid}:{owner.st_gid}"
    )
    return process.run(argv, env=engine.env, ok=None, on_stderr=say)


def verdict(done: process.Completed, request: Request) -> GalwayError | None:
    """What the image's exit code means here (docs/scanner.md): 1 is findings, 3 and 4 are no verdict."""
    where = f"see {request.output}/report.md"
    if done.code == 0:
        return None
    if done.code == 1:
        return ScanError(f"{request.path} has findings at or above the threshold", hint=where)
    if done.code in (3, 4):
        what = "the scan is incomplete" if done.code == 3 else "dependencies could not be judged"
        return NotEvaluatedError(f"{request.path}: {what}", hint=where)
    if done.code == 2:
        return ConfigurationError(f"the scanner refused {request.path}", hint="its words stand above")
    return NotEvaluatedError(
        f"the scanner was stopped with code {done.code}", hint="137 is the end of memory; scan a smaller part"
    )


def _make(folder: Path, uid: int, gid: int) -> None:
    """The results belong to whoever owns the source; only root can give them away."""
    try:
        new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        if new and os.geteuid() == 0:
            shutil.chown(folder, uid, gid)
    except OSError as error:
        raise ConfigurationError(f"cannot make {folder}: {error.strerror}", hint="give --output another one") from error
