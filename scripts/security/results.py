"""Writes reports so that a reader never sees half of one: aside first, then renamed."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from security.errors import UsageError

NAMES = ("summary.json", "semgrep.json", "bandit.json", "dependencies.json", "sbom.json")
"""Every file that a run may write."""


def display(text: str) -> str:
    """Text for any terminal, log or JSON reader: control characters and bytes that are no UTF-8 become escapes."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode("ascii") for c in readable)


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
        for name in NAMES:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{error.filename} of an earlier run cannot be removed", fix="remove it") from error


def write(folder: Path, name: str, document: object) -> None:
    """One JSON file; readable by everyone, as the umask of a container is not the reader's business."""
    text = json.dumps(document, indent=2, sort_keys=False, ensure_ascii=True) + "\n"
    try:
        handle, aside = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(aside).chmod(0o644)
        Path(aside).replace(folder / name)
    except OSError as error:
        raise UsageError(f"{folder / name} cannot be written: {error.strerror}", fix="make room or allow it") from error
