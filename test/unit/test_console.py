"""The outermost edge: every error is one line, a next step and its class's exit code; nobody meets a traceback."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

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
from galway.tools.buildx import Step

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


def built(compressed: float, *layers: str) -> Record:
    """A record of a build whose layers have these ids, each of a megabyte."""
    made = [{"digest": layer, "compressed": 1_000_000} for layer in layers]
    measures = RECORD.measures | {"layers": made, "compressed": compressed * 1e6}
    return msgspec.structs.replace(RECORD, digest=f"sha256:{'-'.join(layers)}", measures=measures)


def test_a_build_says_what_took_its_time() -> None:
    ran = [Step(name=f"[ci {nth}/9] RUN --mount=type=cache,id=x step {nth}", seconds=nth * 1.5) for nth in range(1, 6)]
    assert list(images.cost([built(84, "a")], {}, ran, 12.4)) == [
        "9 of 10 steps from the cache (90%), 12 s",
        "   7.5 s  [ci 5/9] RUN step 5",
        "   6.0 s  [ci 4/9] RUN step 4",
        "   4.5 s  [ci 3/9] RUN step 3",
    ]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (built(84, "a", "b"), "the same bytes"),
        (msgspec.structs.replace(built(84, "a", "b"), digest="sha256:other"), "the same layers"),
        (
            built(85.25, "a", "c"),
            "compressed +1.2 MB, unpacked +0.0 MB; 1 of 2 layers are new, 1.0 MB to pull",
        ),
        (
            built(83.96, "a", "c"),
            "compressed +0.0 MB, unpacked +0.0 MB; 1 of 2 layers are new, 1.0 MB to pull",
        ),
    ],
)
def test_a_build_says_what_changed_since_the_last(new: Record, said: str) -> None:
    before = {("ci", "linux-amd64"): built(84, "a", "b")}
    assert list(images.cost([new], before, [], 1.0))[1:] == [f"ci linux/amd64, since its last build: {said}"]


def test_the_steps_that_ran_are_kept_each_once() -> None:
    ran: dict[int, Step] = {}
    step = Step(name="[ci 1/2] RUN true", target="ci-amd64")
    with console.following(SimpleNamespace(targets=[SimpleNamespace(name="ci-amd64")]), ran) as observe:  # type: ignore[arg-type]
        observe(step)
        assert ran == {}
        step.seconds = 2.0
        observe(step)
        observe(step)
        observe(Step(name="[ci 2/2] RUN false", target="ci-amd64", cached=True, seconds=0.0))
    assert list(ran.values()) == [step]


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
