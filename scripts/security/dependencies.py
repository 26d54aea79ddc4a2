"""Dependencies: which manifests the project has, and the plain statement that this version judges none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MANIFESTS = (
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt", "pyproject.toml",
)  # fmt: skip
NO_ADVISORIES = "no_advisories"
"""pip-audit compares versions with advisories; with no network and no snapshot there are none, and what it prints then
(a traceback, or `No known vulnerabilities found`) is no verdict."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The verdict on dependencies; there is no status here that could be taken for a pass."""

    status: str
    reason: str
    manifests: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """As it stands in `dependencies.json` and in the summary."""
        return {"status": self.status, "reason": self.reason, "manifests": list(self.manifests)}


def judge(root: Path) -> Dependencies:
    """Look for manifests at the project's root."""
    found = tuple(name for name in MANIFESTS if (root / name).is_file() and not (root / name).is_symlink())
    return Dependencies(status="not_evaluated", reason=NO_ADVISORIES, manifests=found)
