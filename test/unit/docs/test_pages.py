"""Every command, option, session and link that a page names exists; README's table has every task and no other."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pages
import pytest
import workflows
from invoke.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = {str(page.relative_to(pages.ROOT)): page for page in pages.everything()}
TOP = ("docker", "docs", "scripts", "src", "test", "benches", r"\.github")
"""Folders whose names at the start of a word in code mean this repository's."""

MADE = {"docker/cosign.pub"}
"""Files that a command makes once for a site: `inv keygen`."""

_COMMAND = re.compile(r"(?:^|[\s\"$(])(?:scripts/)?(inv|nox)((?: [^|;&)\"`]*)?)")


def commands(page: str) -> Iterator[tuple[str, list[str]]]:
    """Each `inv` and `nox` command of a page's sh blocks, as its words."""
    for block in pages.blocks(page):
        for line in pages.lines(block) if block.language == "sh" else ():
            for program, rest in _COMMAND.findall(line):
                yield program, shlex.split(rest)


def faults(page: str) -> list[str]:
    """What is wrong with the commands of a page; they are parsed by Invoke and nox, and not run."""
    found = []
    for program, words in commands(page):
        if program == "nox":
            found += workflows.sessions_named(words) if words else []
        elif words not in ([], ["--list"]):
            found += workflows.inv(words)
    return found


def absent(page: str) -> list[str]:
    """The paths of this repository that a page names and that match nothing; what the page itself makes is left out."""
    made = MADE | {step.path for step in pages.steps(page) if isinstance(step, pages.Write)}
    named = re.findall(rf"`((?:{'|'.join(TOP)})/[\w.*/-]*)`", page)
    return [path for path in named if path not in made and not any(pages.ROOT.glob(path.rstrip("/")))]


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_exist(name: str) -> None:
    assert faults(PAGES[name].read_text()) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_links_of_a_page_lead_somewhere(name: str) -> None:
    page: Path = PAGES[name]
    assert [link for link in pages.links(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_paths_of_a_page_are_there(name: str) -> None:
    assert absent(PAGES[name].read_text()) == []


def test_a_path_that_is_not_there_is_named() -> None:
    assert absent("`docker/images.toml`, `docker/imagse.toml`, `src/galway/*`, `test/nothing/*`") == [
        "docker/imagse.toml",
        "test/nothing/*",
    ]


def test_a_command_that_is_not_there_is_named() -> None:
    page = "```sh\nscripts/inv biuld\nscripts/inv build --colour  # no such option\nscripts/nox -s nosuch\n```\n"
    assert len(faults(page)) == 3


def test_the_readme_has_every_task_and_no_other() -> None:
    readme = (pages.ROOT / "README.md").read_text()
    table = readme.partition("## Commands")[2].partition("Settings come")[0]
    named = set(re.findall(r"`(?:inv )?([a-z][a-z.-]*)`", table))
    parser = workflows.tasks()
    tasks = {str(name) for name in parser.contexts}
    assert {name for name in tasks if name not in named and name not in {"bundle.bundle", "engine.show"}} == set()
    in_first_column = set(re.findall(r"`inv ([a-z.-]+)`", table))
    assert in_first_column <= tasks | {alias for one in parser.contexts.values() for alias in one.aliases}


@pytest.mark.starts_processes
@pytest.mark.parametrize("line", ["plan", "plan --json", "tags --explain", "tags --json", "up --dry", "clean --dry"])
def test_what_needs_no_engine_runs_as_the_pages_say(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    program = Program(namespace=workflows.load("tasks").namespace, name="inv", binary="inv")
    program.run(["inv", *line.split()], exit=False)
    printed, complaints = capfd.readouterr()
    assert "error:" not in complaints
    if line.endswith("--json"):
        json.loads(printed)


def test_help_is_there_for_every_task(capfd: pytest.CaptureFixture[str]) -> None:
    program = Program(namespace=workflows.load("tasks").namespace, name="inv", binary="inv")
    for name in workflows.tasks().contexts:
        program.run(["inv", "--help", str(name)], exit=False)
        assert "Docstring:" in capfd.readouterr().out, name
