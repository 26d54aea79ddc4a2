"""A command line that cannot be read is told in one line, for every task, and shells complete what can be written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from invoke.collection import Collection
from invoke.loader import FilesystemLoader

from galway.commands import completion, entry, listing

if TYPE_CHECKING:
    from invoke.parser.context import ParserContext

ROOT = Path(__file__).parents[3]
NAMESPACE = Collection.from_module(FilesystemLoader(start=str(ROOT)).load("tasks")[0])
NUMBERS = [
    (context.name, f"--{argument.name}")
    for context in NAMESPACE.to_contexts()
    for argument in context.args.values()
    if argument.kind is int
]
INV = f'{sys.executable} -m galway.commands.entry "$@"'


def run(*arguments: str) -> int:
    """Run a command line in this process; its exit code."""
    with pytest.raises(SystemExit) as ended:
        entry.main(["inv", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_there_are_options_that_take_numbers() -> None:
    assert ("inspect", "--top") in NUMBERS


@pytest.mark.parametrize(("task", "option"), NUMBERS)
@pytest.mark.parametrize("form", ["{option} x", "{option}=1.5"])
def test_a_word_for_a_number_is_a_usage_error(
    task: str, option: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = form.format(option=option).split()
    assert run(task, *words) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"error: {' '.join(words).replace('=', ' ')}: no whole number",
        "next: scripts/inv --help TASK",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--command-timeout", "soon", "build"), "--command-timeout soon: no whole number"),
        (("up", "--timeout", "soon"), "--timeout soon: no number of seconds"),
        (("nothing-like-it",), "unknown task 'nothing-like-it'"),
        (("build", "--nonsense"), "unknown option '--nonsense' of build"),
        (("inspect", "--top"), "--top needs a value"),
        (("completion",), "completion needs its SHELL"),
        (("completion", "tcsh"), "no completion for 'tcsh'"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {said}")
    assert [line[:6] for line in rest] == ["next: "]


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("bulid",), "did you mean scripts/inv build? "),
        (("scan_source",), "did you mean scripts/inv scan-source? "),
        (("engine", "stop"), "did you mean scripts/inv engine.stop? "),
        (("build", "--imag", "ci"), "did you mean --image? "),
        (("test", "--dryy"), "did you mean --dry? "),
        (("build", "security-scanner"), "for the image of that name: scripts/inv build -i security-scanner; "),
    ],
)
def test_the_nearest_thing_to_a_mistyped_word_is_named(
    arguments: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err.splitlines()[1].startswith(f"next: {meant}")


@pytest.mark.parametrize("context", NAMESPACE.to_contexts(), ids=lambda context: context.name)
def test_a_letter_for_a_dry_run_or_help_is_never_another_option(context: ParserContext) -> None:
    assert {letter: context.flags[letter].name for letter in ("-d", "-h") if letter in context.flags} in (
        {},
        {"-d": "dry"},
    )


LISTS = [
    (str(context.name), f"--{argument.name.replace('_', '-')}")
    for context in NAMESPACE.to_contexts()
    for argument in context.args.values()
    if argument.kind is list
]


@pytest.mark.parametrize(("task", "option"), LISTS)
def test_a_list_without_a_value_is_not_everything(task: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    needed = {"merge": ["ci"], "bundle.load": ["b.tar"]}.get(task, [])
    assert run(task, *needed, option) == 2
    assert run(task, *needed, option, "--json") == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {option} needs a value"


def test_the_list_has_every_task_once_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(name for names in listing.GROUPS.values() for name in names) == sorted(NAMESPACE.task_names)
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(":") and line[0] != " "] == [f"{one}:" for one in listing.GROUPS]
    listed = [line.split()[0] for line in lines if re.match(r"  \S", line)]
    assert listed == [name for names in listing.GROUPS.values() for name in names]


@pytest.mark.parametrize(("root", "task"), [("engine", ".stop"), ("bundle", ".load")])
def test_a_part_of_the_tasks_is_listed_too(root: str, task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--list", root) == 0
    assert task in capsys.readouterr().out


@pytest.mark.starts_processes
def test_a_reader_that_goes_away_sees_no_traceback() -> None:
    done = subprocess.run(
        ("bash", "-c", f"{sys.executable} -m galway.commands.entry --list | head -1"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("From sources to a release:", "")


@pytest.mark.starts_processes
@pytest.mark.parametrize(
    ("command", "words", "found"),
    [
        ("inv", ["bu"], {"build", "bundle", "bundle.bundle", "bundle.load"}),
        ("inv", ["bundle.load", "--dr"], {"--dry"}),
        ("scripts/inv", ["--li"], {"--list", "--list-format", "--list-depth"}),
        ("inv", ["no-such-thing"], set()),
    ],
)
def test_bash_completes_tasks_and_options(command: str, words: list[str], found: set[str], tmp_path: Path) -> None:
    program = tmp_path / command
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\ncd {ROOT} && exec {INV}\n")
    program.chmod(0o755)
    script = (ROOT / "src/galway/commands/completions/inv.bash").read_text()
    quoted = " ".join(f"'{word}'" for word in (str(program), *words))
    tab = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _galway_inv '{program}' '{words[-1]}'"
    done = subprocess.run(
        ("bash", "--norc", "-euc", f"{script}\n{tab}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\ncomplete -p inv"),
        capture_output=True,
        text=True,
        check=True,
    )
    *candidates, registered = done.stdout.splitlines()
    assert set(filter(None, candidates)) == found
    assert registered == "complete -o default -F _galway_inv inv"


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shells_script_is_printed_and_asks_invoke(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("completion", shell) == 0
    assert "--complete -- inv" in capsys.readouterr().out
