"""Trivy: the commands that scan a one-platform OCI layout.

Trivy ignores `--platform` together with `--input` and takes the first child of an index, so the folder must hold one
platform only. Its cache serves one process at a time: callers hold `cache_lock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from pathlib import Path

    from galway.workspace import Workspace

TOOL = "trivy"
"""Its name in `docker/tools.toml`."""

FORMATS = {"cyclonedx": "cyclonedx", "spdx": "spdx-json"}
"""SBOM format to Trivy's word for it."""


def sbom(program: str, layout: str, *, form: str, output: str, cache: Path) -> tuple[str, ...]:
    """List the packages of a layout; needs neither a vulnerability database nor a network.

    Parameters
    ----------
    layout:
        The one-platform layout. Trivy derives identifiers from how it is spelled: use the same relative path each time.
    form:
        A key of `FORMATS`.
    output:
        The file to write.
    """
    return (
        *(program, "image", "--quiet", "--cache-dir", str(cache)),
        *("--skip-version-check", "--disable-telemetry", "--offline-scan"),
        *("--format", FORMATS[form], "--output", output, "--input", layout),
    )


def cache(workspace: Workspace) -> Path:
    """Where Trivy keeps what it read of layers, by their content; shared by checkouts."""
    return workspace.cache / "trivy"


def cache_lock(workspace: Workspace) -> FileLock:
    """Held while Trivy runs: a second one with the same cache would fail with a timeout."""
    workspace.cache.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.cache / "trivy.lock")
