"""Which files and lines differ from a base commit, without running git or anything that the scanned tree configures."""

from __future__ import annotations

import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from security.changes.repository import UnknownError
from security.errors import EngineError
from security.process import run

if TYPE_CHECKING:
    from security.process import Deadline
    from security.settings import Settings
    from security.targets import Targets

SECONDS = 120.0
COMMAND = "changed-files"
PACKAGES = os.fspath(Path(__file__).resolve().parents[2])
START = f"import sys; sys.path.insert(0, {PACKAGES!r}); from security.cli import main; sys.exit(main(sys.argv[1:]))"
"""Isolated like the image's entrypoint: nothing of the environment or the scanned folder adds modules to it."""

MEMORY = 600_000_000
"""Bytes of address space, of which a quarter is the interpreter and its libraries."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The outcome of the comparison.

    Parameters
    ----------
    reason:
        Why it is not known what changed; empty where it is. Then everything is scanned.
    base:
        The commit that was compared with.
    hunks:
        Changed lines (first, last) by file; a file that is not named did not change, None is all of a file.
    """

    reason: str = ""
    base: str = ""
    hunks: dict[str, tuple[tuple[int, int], ...] | None]

    def touches(self, path: str, first: int, last: int) -> bool:
        """Whether lines of a file changed."""
        if path not in self.hunks:
            return False
        hunks = self.hunks[path]
        return hunks is None or any(begin <= last and first <= end for begin, end in hunks)


def ask(settings: Settings, targets: Targets, deadline: Deadline) -> Changes:
    """Compare in a process of its own: a hostile object store may cost that one its memory or its time, and no more."""
    argv = (
        sys.executable, "-IBc", START, COMMAND, "--scan-path", str(settings.scan_path),
        "--output-dir", str(settings.output_dir),
        "--base-ref", settings.base_ref, "--exclude", ",".join(settings.exclude),
    )  # fmt: skip
    try:
        done = run(argv, deadline=deadline.within(SECONDS), debug=settings.debug)
    except EngineError as error:
        return Changes(reason=error.message, hunks={})
    return read(done.stdout, code=done.code, tail=done.tail, files=(*targets.files, *targets.manifests))


def read(stdout: bytes, *, code: int, tail: str, files: tuple[str, ...]) -> Changes:
    """What the process printed; anything else than its document means that nothing is known."""
    try:
        document = json.loads(stdout)
        known = set(files)
        hunks = {
            name: None if lines is None else tuple((int(first), int(last)) for first, last in lines)
            for name, lines in document["hunks"].items()
            if name in known
        }
        return Changes(reason=document["reason"], base=document["base"], hunks=hunks)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Changes(reason=f"the comparison ended with code {code}: {tail[:200] or 'it said nothing'}", hunks={})


def limit() -> None:
    """Bound the memory of this process: a few kilobytes of a hostile object unpack to any size."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def compute(settings: Settings, targets: Targets) -> Changes:
    """The comparison itself."""
    from security.changes import compare, repository  # noqa: PLC0415 - dulwich is loaded only here

    try:
        opened = repository.find(settings.scan_path)
        base = opened.base(settings.base_ref)
        return Changes(base=base.decode("ascii"), hunks=compare.hunks(opened, base, targets))
    except UnknownError as error:
        return Changes(reason=str(error), hunks={})
    except Exception as error:
        return Changes(reason=f"the repository cannot be read: {type(error).__name__}", hunks={})
