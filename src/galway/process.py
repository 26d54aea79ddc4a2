"""The one place that starts processes: argv in, `Completed` out, streams drained, Ctrl-C ends the child's group."""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from galway.errors import GalwayError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 10.0
"""How long an interrupted child may take to clean up before it is killed."""

TAIL_LINES = 20
"""Lines of a failed child's output kept in an error."""

_TETHER = 'exec 3<&0; (read _ <&3; kill -9 $$) & exec "$@" 3<&- </dev/null'
"""A watcher waits for the end of a pipe that this process alone holds open; the program takes the shell's place."""

_daemons: list[subprocess.Popen[bytes]] = []
"""Kept for as long as this process runs: Popen warns when it is dropped while its child goes on."""


@atexit.register
def _leave() -> None:
    """Take daemons as ended: the interpreter is about to drop their handles, and going on is what they are for."""
    for child in _daemons:
        child.returncode = child.poll() or 0


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A finished child.

    Parameters
    ----------
    argv:
        What was started.
    code:
        Exit code; negative is the signal that ended it.
    stdout, stderr:
        All that was printed, undecodable bytes replaced.
    seconds:
        Wall time.
    """

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def tail(self) -> str:
        """The last lines of what it printed, stderr first choice."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return "\n".join(lines[-TAIL_LINES:])


class ProcessError(GalwayError):
    """A child ended with a code that its caller did not expect."""

    def __init__(self, completed: Completed) -> None:
        super().__init__(
            f"{completed.argv[0]} ended with code {completed.code}: {quote(completed.argv)}", detail=completed.tail
        )
        self.completed = completed


def quote(argv: Sequence[str]) -> str:
    """The command as a person would type it."""
    return shlex.join(argv)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: Iterable[bytes] | None = None,
    ok: Sequence[int] | None = (0,),
    on_stdout: Callable[[str], None] | None = None,
    on_stderr: Callable[[str], None] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a command to its end.

    Parameters
    ----------
    argv:
        Program and arguments, no shell.
    env:
        Variables added to this process's own.
    cwd:
        Its working directory.
    stdin:
        Byte chunks to feed; nothing by default.
    ok:
        Expected exit codes; None accepts any.
    on_stdout, on_stderr:
        Called with each line, without its end, as it comes, from a reader thread.
    timeout:
        Seconds before the group is ended and `ProcessError` raised.

    Raises
    ------
    MissingToolError
        The program is not there.
    ProcessError
        It ended with another code, or ran out of time.
    """
    command = tuple(argv)
    started = time.monotonic()
    child = _start(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
    out: list[str] = []
    err: deque[str] = deque()
    threads = [_drain(child.stdout, out.append, on_stdout), _drain(child.stderr, err.append, on_stderr)]
    if stdin is not None:
        threads.append(_feed(child.stdin, stdin))
    try:
        code = child.wait(timeout)
    except subprocess.TimeoutExpired:
        code = _end(child)
        err.append(f"ended after {timeout:.0f} s without a result")
        ok = ()
    except BaseException:
        _end(child)
        raise
    for thread in threads:
        thread.join()
    completed = Completed(
        argv=command, code=code, stdout="".join(out), stderr="".join(err), seconds=time.monotonic() - started
    )
    if ok is not None and code not in ok:
        raise ProcessError(completed)
    return completed


def spawn(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a daemon that outlives this process, in its own session, its output appended to `log`.

    Raises
    ------
    MissingToolError
        The program is not there.
    """
    with log.open("ab") as sink:
        child = _start(tuple(argv), env=env, cwd=None, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
    _daemons.append(child)
    return child


def accompany(argv: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start a daemon that ends when this process does, even by SIGKILL; its output is appended to `log`.

    It leads a group of its own, to which its watcher belongs: `end` ends both.
    """
    with log.open("ab") as sink:
        command = ("/bin/sh", "-c", _TETHER, "sh", *argv)
        return _start(command, env=None, cwd=None, stdin=subprocess.PIPE, stdout=sink, stderr=sink)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a companion and its watcher at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdin is not None:
        child.stdin.close()


def replace(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Become another program, for interactive commands such as `docker compose logs -f`.

    Raises
    ------
    MissingToolError
        The program is not there.
    """
    try:
        os.execvpe(argv[0], list(argv), {**os.environ, **(env or {})})  # noqa: S606 - argv, no shell
    except FileNotFoundError as error:
        raise _missing(argv[0]) from error


def _missing(program: str) -> MissingToolError:
    return MissingToolError(
        f"{program} is not installed", hint="run `inv doctor` to see what is missing and how to get it"
    )


def _start(
    argv: tuple[str, ...],
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdin: int,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> subprocess.Popen[bytes]:
    merged = {**os.environ, **(env or {})}
    try:
        return subprocess.Popen(
            argv, env=merged, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not cwd.is_dir():
            raise GalwayError(f"cannot run {argv[0]} in {cwd}: no such folder") from error
        raise _missing(argv[0]) from error


def _drain(
    stream: IO[bytes] | None, keep: Callable[[str], None], each: Callable[[str], None] | None
) -> threading.Thread:
    """Read one stream in a thread of its own: a child that fills the other pipe (64 kB) would hang otherwise."""

    def read() -> None:
        if stream is None:
            return
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace")
                keep(line)
                if each is not None:
                    each(line.rstrip("\r\n"))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _feed(stream: IO[bytes] | None, chunks: Iterable[bytes]) -> threading.Thread:
    def write() -> None:
        if stream is None:
            return
        try:
            with stream:
                for chunk in chunks:
                    stream.write(chunk)
        except BrokenPipeError:
            pass  # the child ended first; its exit code tells the story

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def _end(child: subprocess.Popen[bytes]) -> int:
    """End the child politely, then by force, and with it whatever is left of its group.

    A shell's background children pass over SIGINT; one that goes on would hold our ends of its pipes open.
    """
    code = _ask(child)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return code


def _ask(child: subprocess.Popen[bytes]) -> int:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            break
        try:
            return child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    return child.wait()
