"""The rule files: their names, and the checksum by which a run says which rules it used."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RECORDED = "rules.sha256"
RULE_ID = re.compile(r"^\s*- id:\s*(\S+)\s*$", re.MULTILINE)


def files(folder: Path) -> list[Path]:
    """Every rule file, sorted by path."""
    return sorted(folder.rglob("*.yaml"))


def names(folder: Path) -> frozenset[str]:
    """Identifiers of all rules."""
    return frozenset(name for file in files(folder) for name in RULE_ID.findall(file.read_text(encoding="utf-8")))


def checksum(folder: Path) -> str:
    """SHA-256 over one line `<sha256>  <path>` per file: what `sha256sum *.yaml | sha256sum` prints in the folder."""
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in files(folder)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def recorded(config_dir: Path) -> str:
    """The checksum that the image's build wrote down; empty in a source checkout."""
    path = config_dir / RECORDED
    return path.read_text(encoding="utf-8").split()[0] if path.is_file() else ""
