"""Shows builds and pipelines as they run: live on a terminal, in plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from galway.report.images import told

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console

    from galway.pipeline import Outcome
    from galway.tools.buildx import Step


NARROW = 70
"""Columns below which a step stands under its target: beside it, neither could be read."""

EXPORT = "exporting to "
"""How BuildKit's name for the last of its work begins, which may take longer than the steps."""

QUIET = 60.0
"""Seconds without a line, after which it is said what runs: some CI services end a job that is silent for ten minutes,
and a compiler's step may take longer."""


class _Display:
    """What redraws a table on a terminal for the time of a `with` block, and says plain lines elsewhere.

    Parameters
    ----------
    console:
        Where to show it.
    render:
        Makes the table of now.
    quiet:
        Seconds without a line, after which a line tells what runs.
    """

    def __init__(self, console: Console, render: Callable[[], Table], quiet: float = QUIET) -> None:
        self._console = console
        self._live = Live(get_renderable=render, console=console, refresh_per_second=4, transient=True)
        self._quiet = quiet
        self._said = time.monotonic()
        self._steps: dict[int, tuple[str, float]] = {}  # what runs, and since when
        self._over = threading.Event()
        self._pulse = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()
        else:
            self._over.set()
            self._pulse.join()

    def _say(self, line: str) -> None:
        self._console.print(escape(line))
        self._said = time.monotonic()

    def _note(self, step: Step) -> None:
        """Keep a step for as long as it runs."""
        if step.cached or step.seconds is not None:
            self._steps.pop(id(step), None)
        elif step.is_instruction or EXPORT in step.name:
            self._steps.setdefault(id(step), (told(step.name), time.monotonic()))

    def _running(self) -> list[tuple[str, float]]:
        return list(self._steps.values())

    def _beat(self) -> None:
        while not self._over.wait(max(0.01, self._said + self._quiet - time.monotonic())):
            now = time.monotonic()
            if now - self._said >= self._quiet:
                self._said = now
                for text, since in self._running():
                    self._say(f"{text}: running for {now - since:.0f} s")


class PipelineProgress(_Display):
    """Shows the stages of a pipeline: one live table on a terminal, a line for each change elsewhere.

    Parameters
    ----------
    console:
        Where to show them.
    render:
        Makes the table of an outcome.
    quiet:
        Seconds without a line, after which a line tells what runs.
    """

    def __init__(self, console: Console, render: Callable[[Outcome], Table], quiet: float = QUIET) -> None:
        self._render = render
        self._outcome: Outcome | None = None
        self._states: dict[tuple[str, str], tuple[str, float]] = {}  # of each stage of an image, and since when
        super().__init__(console, self._table, quiet)  # asks for the table at once

    def changed(self, outcome: Outcome) -> None:
        """Take note of a stage that began or ended."""
        self._outcome = outcome
        for name, cells in outcome.cells.items() if not self._console.is_terminal else ():
            for stage, cell in cells.items():
                if cell.state not in ("waiting", self._states.get((name, stage), ("", 0.0))[0]):
                    self._states[name, stage] = cell.state, time.monotonic()
                    reason = f": {cell.reason}" if cell.reason else ""
                    self._say(f"{stage} of {name}: {cell.state.replace('_', ' ')}{reason}")

    def _running(self) -> list[tuple[str, float]]:
        """Steps of a build, or else the stages."""
        seen = list(self._states.items())  # whole, while others add to it
        return super()._running() or [
            (f"{stage} of {name}", at) for (name, stage), (now, at) in seen if now == "running"
        ]

    def observe(self, step: Step) -> None:
        """Take note of BuildKit's step that began or ended; on a terminal the table is enough."""
        self._note(step)
        over = step.cached or step.seconds is not None
        if over and step.is_instruction and not step.is_cancelled and not step.cached and not self._console.is_terminal:
            self._say(f"{told(step.name)}: {step.seconds:.1f} s")

    def _table(self) -> Table:
        return self._render(self._outcome) if self._outcome else Table.grid()


class BuildProgress(_Display):
    """Follows the steps of a bake call.

    Parameters
    ----------
    console:
        Where to show them.
    targets:
        Names of the bake targets, in the order of their lines.
    quiet:
        Seconds without a line, after which a line tells what runs.
    """

    def __init__(self, console: Console, targets: tuple[str, ...], quiet: float = QUIET) -> None:
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._now: dict[str, str] = dict.fromkeys(targets, "waiting")
        self._done: dict[str, int] = dict.fromkeys(targets, 0)
        self._cached: dict[str, int] = dict.fromkeys(targets, 0)
        self._counted: set[int] = set()
        super().__init__(console, self._render, quiet)

    def observe(self, step: Step) -> None:
        """Take note of a step that began or ended."""
        self._note(step)
        if EXPORT in step.name:
            self._export(step)
        if not step.is_instruction or step.is_cancelled or step.target not in self._now:
            return
        with self._lock:
            text = told(step.name)
            over = step.cached or step.seconds is not None
            if not over:
                self._now[step.target] = text
            elif id(step) not in self._counted:
                self._counted.add(id(step))
                self._done[step.target] += 1
                self._cached[step.target] += step.cached
                self._plain(step, text)

    def _export(self, step: Step) -> None:
        """Layers are compressed and written: of the one target, or of the one that is named in brackets."""
        named = step.name.partition("]")[0].removeprefix("[")
        for name in self._now:
            if name == named or len(self._now) == 1:
                with self._lock:
                    self._now[name] = "compressing and writing layers" if step.seconds is None else "written"
        if step.seconds is not None and not step.error:
            self._plain(step, step.name)

    def _plain(self, step: Step, text: str) -> None:
        if self._console.is_terminal:
            return
        took = "cached" if step.cached else f"{step.seconds:.1f} s"
        self._say(f"{text}: {'FAILED' if step.error else took}")

    def _render(self) -> Table:
        narrow = self._console.width < NARROW
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True, overflow="ellipsis")
        if not narrow:
            grid.add_column(justify="right", no_wrap=True)
            grid.add_column(no_wrap=True, overflow="ellipsis")
        with self._lock:
            for name, now in self._now.items():
                count = f"{self._done[name]} steps, {self._cached[name]} cached"
                if narrow:
                    for line in (escape(name), f"[not bold]  {count}[/]", f"[not bold]  {escape(now)}[/]"):
                        grid.add_row(line)
                else:
                    grid.add_row(escape(name), count, escape(now))
        grid.add_row(f"{time.monotonic() - self._begun:.0f} s", style="dim")
        return grid
