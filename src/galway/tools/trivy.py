"""Trivy: the commands that scan a one-platform OCI layout.

Trivy ignores `--platform` together with `--input` and takes the first child of an index, so the folder must hold one
platform only. Its cache serves one process at a time: callers hold `cache_lock`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.workspace import Workspace

TOOL = "trivy"
"""Its name in `docker/tools.toml`."""

FORMATS = {"cyclonedx": "cyclonedx", "spdx": "spdx-json"}
"""SBOM format to Trivy's word for it."""

_OFFLINE = ("--skip-version-check", "--disable-telemetry", "--offline-scan")


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
        *_OFFLINE,
        *("--format", FORMATS[form], "--output", output, "--input", layout),
    )


def scan(program: str, layout: str, *, scanners: Sequence[str], output: str, cache: Path) -> tuple[str, ...]:
    """Look for vulnerabilities, secrets and wrong settings in a layout, with what the cache holds and nothing else.

    Parameters
    ----------
    scanners:
        Of `vuln`, `secret`; settings of the image are always looked at.
    """
    return (
        *(program, "image", "--quiet", "--cache-dir", str(cache), *_OFFLINE, "--skip-check-update"),
        *("--scanners", ",".join(scanners), "--image-config-scanners", "misconfig,secret"),
        *(("--skip-db-update", "--skip-java-db-update") if "vuln" in scanners else ()),
        *("--format", "json", "--output", output, "--input", layout),
    )


def rootfs(program: str, folder: str, *, output: str, cache: Path) -> tuple[str, ...]:
    """Look for vulnerabilities in a root filesystem, with the database in the cache."""
    return (
        *(program, "rootfs", "--quiet", "--cache-dir", str(cache), *_OFFLINE),
        *("--scanners", "vuln", "--skip-db-update", "--skip-java-db-update"),
        *("--format", "json", "--output", output, folder),
    )


def download(program: str, repository: str, *, cache: Path) -> tuple[str, ...]:
    """Fetch the vulnerability database from one repository."""
    return (
        *(program, "image", "--cache-dir", str(cache), "--skip-version-check", "--disable-telemetry", "--no-progress"),
        *("--download-db-only", "--db-repository", repository),
    )


def version(program: str, *, cache: Path) -> tuple[str, ...]:
    """Say which database the cache holds, as JSON."""
    return (program, "version", "--format", "json", "--cache-dir", str(cache))


def convert(program: str, report: str, *, form: str, output: str) -> tuple[str, ...]:
    """Write a JSON report in another format (`sarif`), without looking at the image again."""
    return (program, "convert", "--quiet", "--format", form, "--output", output, report)


def cache(workspace: Workspace) -> Path:
    """Where Trivy keeps what it read of layers, by their content; shared by checkouts."""
    return workspace.cache / "trivy"


def cache_lock(workspace: Workspace) -> FileLock:
    """Held while Trivy runs: a second one with the same cache would fail with a timeout."""
    workspace.cache.mkdir(parents=True, exist_ok=True)
    return FileLock(workspace.cache / "trivy.lock")
