"""A small root filesystem of packages that any good vulnerability database reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.vulnerabilities.findings import Report
    from galway.vulnerabilities.policy import Canary


def write(folder: Path, canaries: Sequence[Canary]) -> None:
    """Make the files that a package scanner reads: dpkg's status and Python's metadata; nothing in them can run."""
    system = [canary for canary in canaries if canary.kind == "dpkg"]
    if system:
        release = f'ID=debian\nVERSION_ID="{system[0].release}"\nPRETTY_NAME="Debian {system[0].release}"\n'
        _put(folder / "etc/os-release", release)
        _put(folder / "etc/debian_version", f"{system[0].release}.0\n")
        _put(folder / "var/lib/dpkg/status", "\n".join(_stanza(canary) for canary in system))
    for canary in canaries:
        if canary.kind == "python":
            place = f"usr/lib/python3/dist-packages/{canary.name}-{canary.version}.dist-info/METADATA"
            metadata = f"Metadata-Version: 2.1\nName: {canary.name}\nVersion: {canary.version}\n"
            _put(folder / place, metadata)


def missing(report: Report, canaries: Sequence[Canary]) -> tuple[str, ...]:
    """What a report of that filesystem lacks, as `id of package`."""
    found = {(finding.id, finding.package.lower()) for finding in report.findings}
    return tuple(f"{canary.id} of {canary.name}" for canary in canaries if (canary.id, canary.name) not in found)


def _stanza(canary: Canary) -> str:
    return (
        f"Package: {canary.name}\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\n"
        f"Source: {canary.source}\nVersion: {canary.version}\nMaintainer: nobody\nDescription: canary\n"
    )


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
