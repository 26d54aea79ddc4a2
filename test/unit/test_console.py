"""The outermost edge: every error is one line, a next step and its class's exit code; nobody meets a traceback."""

from __future__ import annotations

import io
import json

import msgspec
import pytest

from galway import console
from galway.errors import (
    BuildError,
    ConfigurationError,
    GalwayError,
    MissingToolError,
    NotEvaluatedError,
    Terminated,
)
from galway.evidence import Record
from galway.report import images

RECORD = Record(
    stage="build",
    image="ci",
    platform="linux-amd64",
    digest="sha256:" + "a" * 64,
    status="passed",
    measures={
        "compressed": 84_000_000,
        "unpacked": 300_000_000,
        "size_budget": 130_000_000,
        "steps": 10,
        "steps_cached": 9,
        "bases": {"UBUNTU_BASE": {"kind": "stand-in"}},
    },
)


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigurationError, 2), (MissingToolError, 4), (BuildError, 5), (NotEvaluatedError, 10)],
)
def test_an_error_ends_with_its_classs_code(
    capsys: pytest.CaptureFixture[str], error: type[GalwayError], code: int
) -> None:
    with pytest.raises(SystemExit) as caught, console.edge():
        raise error("what failed [on ci]", hint="do this")
    assert caught.value.code == code
    assert "what failed [on ci]" in capsys.readouterr().err


@pytest.mark.parametrize(("request_", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_an_interruption_ends_with_128_and_its_signals_number(request_: type[KeyboardInterrupt], code: int) -> None:
    with pytest.raises(SystemExit) as caught, console.edge():
        raise request_
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("terminal", "no_colour", "styled"), [(True, "", True), (True, "1", False), (False, "", False), (False, "1", False)]
)
def test_a_file_and_no_color_get_no_escape_codes(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_colour: str, styled: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_colour)
    console.make(stderr=False).print("[bold red]error[/] in [dim]words[/]")
    assert ("\x1b" in stream.getvalue()) is styled


def test_json_for_programs_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json([RECORD])
    assert json.loads(capsys.readouterr().out)[0]["digest"] == RECORD.digest


def test_the_hit_rate_is_cached_steps_of_all() -> None:
    assert images.hit_rate([RECORD, RECORD]) == "18 of 20 steps from the cache (90%)"


def test_what_is_over_its_budget_is_red() -> None:
    cells = [cell for column in images.build([RECORD]).columns for cell in column.cells]
    assert "[green]84.0 MB[/]" in cells
    fat = msgspec.structs.replace(RECORD, measures=RECORD.measures | {"compressed": 131_000_000})
    assert "[red]131.0 MB[/]" in [cell for column in images.build([fat]).columns for cell in column.cells]


@pytest.mark.parametrize(
    ("program", "hint", "printed"),
    [
        ("/checkout/.venv/bin/inv", "inv build -i ci", "inv build -i ci"),
        ("/checkout/src/galway/commands/entry.py", "inv build -i ci", "scripts/inv build -i ci"),
        (
            "entry.py",
            "run `inv build` first, or scripts/inv scan",
            "run `scripts/inv build` first, or scripts/inv scan",
        ),
        ("entry.py", "inv --list", "scripts/inv --list"),
        ("entry.py", "look into the inventory", "look into the inventory"),
    ],
)
def test_a_next_step_is_said_as_it_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str, hint: str, printed: str
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    with pytest.raises(SystemExit), console.edge():
        raise BuildError("what failed", hint=hint)
    assert capsys.readouterr().err.splitlines()[1] == f"next: {printed}"
