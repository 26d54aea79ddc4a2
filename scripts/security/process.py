"""The one place that starts processes: argv in, `Completed` out, a clean environment, a deadline."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from security.errors import EngineError
from security.reports.display import display

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OUT_OF_MEMORY = 128 + 9


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A finished child; `stdout` stays bytes because semgrep prints paths and code as they are, in any encoding."""

    name: str
    code: int
    stdout: bytes
    stderr: str

    @property
    def tail(self) -> str:
        """The last line of stderr that says something; semgrep's warning about its own options does not."""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip() and "[WARNING]: !!!" not in line]
        return lines[-1] if lines else ""


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A point in time after which the run gives up, shared by all engines."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(at=time.monotonic() + seconds)

    def within(self, seconds: float) -> Deadline:
        """The earlier of this and so many seconds from now."""
        return Deadline(at=min(self.at, time.monotonic() + seconds))

    @property
    def left(self) -> float:
        """Seconds, never negative."""
        return max(0.0, self.at - time.monotonic())


def environment(parent: Mapping[str, str]) -> dict[str, str]:
    """What a child may know: nothing by which the caller's settings could change a verdict."""
    return {
        "PATH": parent.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TMPDIR": parent.get("TMPDIR", "/tmp"),  # noqa: S108 - the run profile's only writable place besides the results
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
    }


def run(argv: Sequence[str], *, deadline: Deadline, debug: bool = False, name: str = "") -> Completed:
    """Run a child in `/`, so that it finds no configuration by chance, and wait for its end.

    Its name in messages is the program's unless another is given.

    Raises
    ------
    EngineError
        It could not be started, or the deadline passed (it is killed then).
    """
    name = name or argv[0]
    if debug:
        sys.stderr.write(display(f"+ {shlex.join(argv)[:2000]}\n"))
    try:
        # A session of its own, so that the time limit ends the child's children too.
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment(os.environ),
            start_new_session=True,
        )
    except OSError as error:
        raise EngineError(f"{name} could not be started: {error.strerror or error}") from error
    try:
        stdout, stderr = child.communicate(timeout=deadline.left)
    except subprocess.TimeoutExpired as error:
        end(child)
        raise EngineError(f"{name} was stopped at the time limit", fix="give it longer with TIMEOUT") from error
    except BaseException:
        end(child)
        raise
    completed = Completed(
        name=name,
        # The shell's convention: a signal is 128 and its number.
        code=child.returncode if child.returncode >= 0 else 128 - child.returncode,
        stdout=stdout,
        stderr=stderr.decode("utf-8", "replace"),
    )
    if debug and completed.stderr:
        sys.stderr.write(display(completed.stderr))
    return completed


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and its children, and take what they still print."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def largest() -> int:
    """Resident bytes of the largest child that has ended so far (Linux counts kilobytes)."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def cpu_seconds() -> float:
    """Processor time of all children that have ended so far; unlike wall time the same on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def refused(completed: Completed) -> EngineError:
    """The error for a child that ended with a code that means no report."""
    name = completed.name
    if completed.code == OUT_OF_MEMORY:
        return EngineError(f"{name} was killed, most likely out of memory", fix="give the container more --memory")
    return EngineError(f"{name} ended with code {completed.code}: {completed.tail[:300] or 'it said nothing'}")
