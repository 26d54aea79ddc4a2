"""What a build says while it runs, where no terminal can redraw a table."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console
from rich.table import Table

from galway import progress
from galway.pipeline import Cell, Outcome
from galway.report import images
from galway.tools.buildx import Step

MOUNTS = "--mount=type=cache,id=ci-apt-amd64,target=/var/cache/apt --mount=type=secret,id=ca,target=/run/ca"


def said(step: Step) -> str:
    """The plain lines about one step of a build."""
    console = plain()
    with progress.BuildProgress(console, ("ci-amd64",)) as shown:
        shown.observe(step)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            f"[ci-amd64 stage-1 1/6] RUN {MOUNTS} apt-get\n  install git",
            "[ci-amd64 stage-1 1/6] RUN apt-get install git",
        ),
        (f"[ci-amd64 builder 4/5] RUN {MOUNTS} --network=none <<'SH' (set -eu...)", None),
        ("[ci-amd64 stage-1 5/6] WORKDIR /workspace", "[ci-amd64 stage-1 5/6] WORKDIR /workspace"),
    ],
)
def test_a_step_is_told_by_what_it_runs(name: str, line: str | None) -> None:
    expected = line or "[ci-amd64 builder 4/5] RUN <<'SH' (set -eu...)"
    assert said(Step(name=name, target="ci-amd64", seconds=1.25)) == f"{expected}: 1.2 s\n"


def test_a_cached_and_a_failed_step_say_so() -> None:
    name = "[ci-amd64 1/1] RUN true"
    assert said(Step(name=name, target="ci-amd64", cached=True)) == f"{name}: cached\n"
    assert said(Step(name=name, target="ci-amd64", seconds=1.0, error="exit code: 2")) == f"{name}: FAILED\n"


def test_a_long_step_is_cut_visibly() -> None:
    line = said(Step(name=f"[ci-amd64 1/1] RUN {'x' * 300}", target="ci-amd64", seconds=1.0))
    assert line.endswith("x…: 1.0 s\n")
    assert len(line.partition(":")[0]) == images.WORDS


def drawn(width: int, *steps: Step) -> list[str]:
    """What a terminal shows of a build after these steps, without the clock."""
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=True, color_system=None)
    with progress.BuildProgress(console, ("ci-amd64", "agent-updates-collector-amd64")) as shown:
        for step in steps:
            shown.observe(step)
    assert isinstance(console.file, io.StringIO)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()).splitlines()
    last = max(at for at, line in enumerate(lines) if line.startswith("ci-amd64"))
    return [line.rstrip() for line in lines[last:] if line.strip() and not re.match(r"\d+ s", line)]


RUNNING = Step(name="[ci-amd64 stage-1 1/6] RUN apt-get update", target="ci-amd64")


def test_a_narrow_terminal_shows_whole_names_and_the_step_below() -> None:
    assert drawn(40, RUNNING) == [
        "ci-amd64",
        "  0 steps, 0 cached",
        "  [ci-amd64 stage-1 1/6] RUN apt-get up…",
        "agent-updates-collector-amd64",
        "  0 steps, 0 cached",
        "  waiting",
    ]


@pytest.mark.parametrize(("seconds", "now"), [(None, "compressing and writing layers"), (20.0, "written")])
def test_the_work_after_the_last_step_is_named(seconds: float | None, now: str) -> None:
    export = Step(name="[ci-amd64] exporting to oci image format", seconds=seconds)
    assert drawn(100, RUNNING, export)[0].endswith(f"  {now}")


def plain() -> Console:
    """A console that is no terminal."""
    return Console(file=io.StringIO(), width=160, soft_wrap=True, highlight=False)


def lines(console: Console, *, of: int) -> list[str]:
    """The first lines that were said, once there are as many."""
    assert isinstance(console.file, io.StringIO)
    until = time.monotonic() + 10
    while console.file.getvalue().count("\n") < of and time.monotonic() < until:
        time.sleep(0.01)
    return console.file.getvalue().splitlines()[:of]


def test_a_long_step_says_that_it_runs_where_no_terminal_shows_it() -> None:
    console = plain()
    with progress.BuildProgress(console, ("ci-amd64",), quiet=0.05) as shown:
        shown.observe(RUNNING)
        said_twice = lines(console, of=2)
    assert said_twice == ["[ci-amd64 stage-1 1/6] RUN apt-get update: running for 0 s"] * 2


def test_what_is_over_runs_no_longer() -> None:
    console = plain()
    step = Step(name=RUNNING.name, target="ci-amd64")
    with progress.BuildProgress(console, ("ci-amd64",), quiet=0.05) as shown:
        shown.observe(step)
        step.seconds = 1.0
        shown.observe(step)
        time.sleep(0.3)
    assert lines(console, of=1) == [f"{RUNNING.name}: 1.0 s"]
    assert isinstance(console.file, io.StringIO)
    assert "running" not in console.file.getvalue()


def test_a_long_stage_of_a_pipeline_says_that_it_runs() -> None:
    console = plain()
    outcome = Outcome(started="", cells={"ci": {"test": Cell(state="running")}})
    with progress.PipelineProgress(console, lambda _: Table.grid(), quiet=0.05) as shown:
        shown.changed(outcome)
        said_so = lines(console, of=2)
    assert said_so == ["test of ci: running", "test of ci: running for 0 s"]


def test_a_file_has_the_time_of_that_work() -> None:
    assert said(Step(name="exporting to oci image format", seconds=20.0)) == "exporting to oci image format: 20.0 s\n"
