"""The bill of materials of a requirements file, made by cyclonedx-py."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from security.errors import EngineError
from security.process import run

if TYPE_CHECKING:
    from pathlib import Path

    from security.process import Deadline

PROGRAM = "cyclonedx-py"
SOURCE = "requirements.txt"
INCLUDE = re.compile(r"^\s*(-r|-c|--requirement|--constraint)\b", re.MULTILINE)
"""The tool opens what these lines name, wherever it lies; the scanned project decides what stands there."""


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """`status` is `written`, `not_applicable` (no such file), `not_evaluated` or `failed`."""

    status: str
    reason: str
    components: int
    document: dict[str, Any] | None

    def entry(self) -> dict[str, object]:
        """As it stands in the summary."""
        return {"status": self.status, "reason": self.reason, "components": self.components}


def without(status: str, reason: str) -> Sbom:
    """No document, and why."""
    return Sbom(status=status, reason=reason, components=0, document=None)


def command(path: Path) -> tuple[str, ...]:
    """Reproducible, and validated against the schema by the tool itself."""
    return (
        PROGRAM, "requirements", str(path), "--output-format", "JSON", "--spec-version", "1.6", "--output-reproducible",
        "--validate", "--output-file", "-",
    )  # fmt: skip


def make(root: Path, deadline: Deadline, *, debug: bool = False) -> Sbom:
    """Read `requirements.txt` at the project's root, if it has one."""
    path = root / SOURCE
    if path.is_symlink() or not path.is_file():
        return without("not_applicable", f"no {SOURCE}")
    try:
        if INCLUDE.search(path.read_text(encoding="utf-8", errors="replace")):
            return without("not_evaluated", f"{SOURCE} includes other files, which this version does not follow")
        done = run(command(path), deadline=deadline, debug=debug)
    except OSError as error:
        return without("failed", f"{SOURCE}: {error.strerror}")
    except EngineError as error:
        return without("failed", error.message)
    return read(done.stdout, code=done.code, tail=done.tail)


def read(stdout: bytes, *, code: int, tail: str) -> Sbom:
    """What the tool printed; a bill of nothing is none, although the tool exits 0."""
    if code != 0:
        tail = tail or "it said nothing"
        return without("failed", f"{PROGRAM} ended with code {code}: {tail[:300]}")
    try:
        document = json.loads(stdout)
        components = len(document.get("components", []))
    except (ValueError, AttributeError, TypeError):
        return without("failed", f"{PROGRAM} printed something that is no bill of materials")
    if not components:
        return without("not_evaluated", f"{SOURCE} names no component")
    return Sbom(status="written", reason="", components=components, document=document)
