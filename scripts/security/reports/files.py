"""Writes reports so that a reader never sees half of one: aside first, then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from security.errors import UsageError

NAMES = (
    "summary.json", "results.sarif", "semgrep.sarif", "bandit.json", "dependencies.json", "sbom.json", "report.md",
    "report.html", "baseline.json",
)  # fmt: skip
"""Every file that a run may write."""

PREFIX = ".security-scan-"
"""Of files that are being written; a run that was killed leaves one, the next takes it away."""


def check_mounts(scan_path: Path, output_dir: Path) -> None:
    """Refuse early, with the command that helps.

    Raises
    ------
    UsageError
        The project or the results folder is missing, or the latter cannot be written by this user.
    """
    if not scan_path.is_dir():
        raise UsageError(f"there is no folder {scan_path} to scan", fix='mount the project: -v "$(pwd)":/scan:ro')
    mount = f'-v "$(pwd)/results":{output_dir}:rw'
    if not output_dir.is_dir():
        raise UsageError(f"there is no folder {output_dir} for the reports", fix=f"mkdir -p results, then add {mount}")
    try:
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise UsageError(
            f"user {os.getuid()} cannot write to {output_dir}: {error.strerror}",
            fix=f'let your own user write it: mkdir -p results, then add {mount} --user "$(id -u):$(id -g)"',
        ) from error


def clear(folder: Path) -> None:
    """Take away what an earlier run left, so that no report of it lies beside a summary that never mentions it."""
    try:
        for path in (*(folder / name for name in NAMES if name != "summary.json"), *folder.glob(f"{PREFIX}*")):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename} of an earlier run cannot be removed", fix="remove it") from error


def disown(folder: Path) -> None:
    """Remove an earlier run's summary where this one cannot begin, so that nobody takes it for this one's."""
    with contextlib.suppress(OSError):
        (folder / "summary.json").unlink(missing_ok=True)


def write(folder: Path, name: str, document: object) -> None:
    """One JSON file; text of the scanned tree is escaped in it, whatever its bytes are."""
    write_text(folder, name, json.dumps(document, indent=2, sort_keys=False, ensure_ascii=True) + "\n")


def write_text(folder: Path, name: str, text: str) -> None:
    """One file, aside first; readable by everyone, as the umask of a container is not the reader's business."""
    aside = ""
    try:
        handle, aside = tempfile.mkstemp(dir=folder, prefix=PREFIX)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(folder / name)
    except OSError as error:
        if aside:
            Path(aside).unlink(missing_ok=True)
        raise UsageError(f"{folder / name} cannot be written: {error.strerror}", fix="make room or allow it") from error
