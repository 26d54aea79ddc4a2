"""What a person sees: one console for reports, one for progress, errors in one line, and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from rich.console import Console
from rich.markup import escape

from galway.errors import INTERRUPTED, TERMINATED, GalwayError, Terminated
from galway.process import quote
from galway.progress import BuildProgress, PipelineProgress
from galway.report import next_step, pipeline as pipeline_report, typed
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.table import Table

    from galway.pipeline import Outcome
    from galway.plan import Plan
    from galway.tools.buildx import Step

PLAIN_WIDTH = 160
"""Columns where the output is a file or a pipe, so that tables are not folded at 80."""


def make(*, stderr: bool) -> Console:
    """A console for a terminal or for a file; where no terminal is and for NO_COLOR it is plain, without bold too."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(
        stderr=stderr,
        highlight=False,
        emoji=False,
        soft_wrap=not terminal,
        width=None if terminal else PLAIN_WIDTH,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


out = make(stderr=False)
"""Reports."""

err = make(stderr=True)
"""Progress and errors."""


def say(text: str) -> None:
    """One plain line of progress."""
    err.print(escape(typed(text)), style="dim")


@contextlib.contextmanager
def edge() -> Iterator[None]:
    """The outermost edge of a command: turns errors into one line, a hint and the class's exit code."""
    try:
        yield
    except GalwayError as error:
        fail(error)
    except KeyboardInterrupt as request:
        interrupted(request)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:  # the last resort, so that nobody meets a traceback
        crash(error)


def fail(error: GalwayError) -> NoReturn:
    """Print an error as people should meet it, and exit with its code."""
    if error.detail:
        err.print(escape(error.detail), style="dim")
    err.print(f"[bold red]error[/]: {escape(error.message)}")
    if error.hint:
        err.print(next_step(error.hint))
    sys.exit(error.exit_code)


def interrupted(request: KeyboardInterrupt) -> NoReturn:
    """End as Ctrl-C or SIGTERM asked, after what was running has ended."""
    err.print("interrupted; running the same command again continues", style="yellow")
    sys.exit(TERMINATED if isinstance(request, Terminated) else INTERRUPTED)


def conclude(verdict: GalwayError | None) -> None:
    """End with a verdict that was reached, after its report was printed."""
    if verdict is not None:
        raise verdict


def crash(error: Exception) -> NoReturn:
    """Keep the traceback of a bug in a file and say where it is."""
    report = Workspace.here().state / "crash.txt"
    with contextlib.suppress(OSError):
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    err.print(f"[bold red]error[/]: a bug in galway: {escape(type(error).__name__)}: {escape(str(error))}")
    err.print(f"[bold]next[/]: please report it with {report}")
    sys.exit(GalwayError.exit_code)


def print_json(value: Any) -> None:
    """A value for programs: two-space JSON on standard output, never wrapped or coloured."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def dry_run(head: Table | str, commands: Iterable[Sequence[str]]) -> None:
    """What would be done, as commands that a person can type, below what they are about."""
    out.print(escape(head) if isinstance(head, str) else head, soft_wrap=isinstance(head, str))
    for argv in commands:
        out.print(escape(quote(argv)), soft_wrap=True)


@contextlib.contextmanager
def following(plan: Plan, ran: dict[int, Step] | None = None) -> Iterator[Callable[[Step], None]]:
    """Show the steps of a build while it runs; those that no cache had are in `ran` afterwards, each once."""
    with BuildProgress(err, tuple(target.name for target in plan.targets)) as progress:

        def observe(step: Step) -> None:
            progress.observe(step)
            if (
                ran is not None
                and step.is_instruction
                and step.seconds is not None
                and not (step.cached or step.is_cancelled)
            ):
                ran[id(step)] = step

        yield observe


@contextlib.contextmanager
def pipeline() -> Iterator[tuple[Callable[[Step], None], Callable[[Outcome], None]]]:
    """Show the stages of a pipeline while it runs: what to tell of BuildKit's steps, and of each change."""
    with PipelineProgress(err, pipeline_report.grid) as progress:
        yield progress.observe, progress.changed
