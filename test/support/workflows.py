"""What the project asks of its workflows: checks that name each fault; `inv` and `nox` say which commands exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox
import yaml
from invoke.exceptions import ParseError
from invoke.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/workflows"

PLUMBING = frozenset(
    {
        "exit 1",
        "sudo sysctl --write kernel.apparmor_restrict_unprivileged_userns=0",
        'cat .galway/report/pipeline.md >> "$GITHUB_STEP_SUMMARY"',
        'printf \'%s\\n\' "matrix=$matrix" >> "$GITHUB_OUTPUT"',
        'printf \'%s\\n\' "digest=$digest" >> "$GITHUB_OUTPUT"',
        'printf \'%s\\n\' "matrix=$matrix" "named=$named" >> "$GITHUB_OUTPUT"',
    }
)
"""Lines that are no command of the project: they hand its answers to GitHub, or set its runner up."""

WRITES: dict[str, tuple[str, ...]] = {
    "packages": ("scripts/inv push", "CACHE:", "uses: ./"),
    "id-token": ("scripts/inv sign", "uses: ./"),
    "security-events": ("codeql-action/upload-sarif@", "uses: ./"),
}
"""Permissions to write, each with what in a job may need it; no other is given."""

_COMMAND = re.compile(r"scripts/(inv|nox)\b([^|)\n]*)")
_WORDS = r"[^;&|`<>]*"
_OURS = re.compile(
    rf"scripts/(?:inv|nox) {_WORDS}"
    rf"""|\w+=\$\(scripts/inv {_WORDS}\| jq (?:[\w $"-]|'[^']*')+\)"""
    rf"""|printf -- '--part\\n%s\\n' [\w./*-]+ \| xargs scripts/inv {_WORDS}"""
)
_PIN = re.compile(r"uses: [\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40} # v\d+(?:\.\d+)*$")


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One workflow, as text and as what it means."""

    name: str
    text: str

    @cached_property
    def document(self) -> dict[Any, Any]:
        """The parsed file; YAML 1.1 reads the key `on` as true."""
        return dict(yaml.safe_load(self.text))

    @property
    def triggers(self) -> dict[str, Any]:
        """What starts it, with the settings of each."""
        return dict(self.document[True])

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Its jobs by their names."""
        return dict(self.document["jobs"])

    def lines(self) -> Iterator[str]:
        """Each command line of each step; lines that end with a pipe are joined."""
        for job in self.jobs.values():
            for step in job.get("steps", ()):
                yield from re.sub(r"\|\n\s*", "| ", step.get("run", "")).strip().splitlines()


def everything() -> tuple[Workflow, ...]:
    """The repository's workflows."""
    return tuple(Workflow(name=path.name, text=path.read_text()) for path in sorted(FOLDER.glob("*.yml")))


def load(file: str) -> ModuleType:
    """A module of the repository's top folder."""
    spec = importlib.util.spec_from_file_location(f"_{file}", ROOT / f"{file}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def sessions() -> frozenset[str]:
    """The sessions that the noxfile registers."""
    nox.registry.reset()
    load("noxfile")
    return frozenset(nox.registry.get())


@cache
def tasks() -> Parser:
    """Invoke's own parser of the project's tasks."""
    return Parser(contexts=load("tasks").namespace.to_contexts())


def steps(workflow: Workflow) -> list[str]:
    """A step runs the project's commands, and otherwise only what is listed here."""
    return [f"runs {line!r}" for line in workflow.lines() if line not in PLUMBING and not _OURS.fullmatch(line)]


def commands(workflow: Workflow) -> list[str]:
    """Every task, option and session exists."""
    faults = []
    for line in workflow.lines():
        for program, rest in _COMMAND.findall(line):
            words = shlex.split(re.sub(r"\$\{\w+:\+([^}]*)\}", r"\1", rest))
            faults += sessions_named(words) if program == "nox" else inv(words)
    return faults


def inv(words: list[str]) -> list[str]:
    """What is wrong with the words of one `inv` command; they are parsed and not run."""
    try:
        found = [context.name for context in tasks().parse_argv(words) if context.name]
    except ParseError as error:
        return [f"inv {shlex.join(words)}: {error}"]
    return [] if len(found) == 1 else [f"inv {shlex.join(words)}: not one task but {found}"]


def sessions_named(words: list[str]) -> list[str]:
    """What is wrong with the words of one `nox` command."""
    named = words[: words.index("--")] if "--" in words else words
    if named[:1] != ["-s"]:
        return [f"nox {shlex.join(words)}: names no session"]
    return [f"nox has no session {name}" for name in named[1:] if name not in sessions()]


def pins(workflow: Workflow) -> list[str]:
    """An action is named by its commit, with the version in a comment, as Renovate reads and writes it."""
    used = [line.strip().removeprefix("- ") for line in workflow.text.splitlines() if re.match(r"\s*(- )?uses:", line)]
    faults = [f"not by commit and version: {line}" for line in used if "./" not in line and not _PIN.fullmatch(line)]
    local = [line.removeprefix("uses: ./") for line in used if "./" in line]
    return faults + [f"there is no {path}" for path in local if not (ROOT / path).is_file()]


def permissions(workflow: Workflow) -> list[str]:
    """Nothing at the top, and in a job to write only what something in it needs."""
    faults = [] if workflow.document.get("permissions") == {} else ["permissions at the top are not {}"]
    for name, job in workflow.jobs.items():
        given = job.get("permissions")
        if not isinstance(given, dict):
            faults.append(f"{name} does not say its permissions")
            continue
        text = yaml.safe_dump(job, width=10_000)
        for scope, access in given.items():
            if access == "write" and not any(reason in text for reason in WRITES.get(scope, ())):
                faults.append(f"{name} needs no {scope}: write")
    return faults


def limits(workflow: Workflow) -> list[str]:
    """Every job that runs on a machine ends by itself, and a workflow that starts by itself has a group."""
    faults = [
        f"{name} has no timeout-minutes"
        for name, job in workflow.jobs.items()
        if "steps" in job and not job.get("timeout-minutes")
    ]
    if set(workflow.triggers) != {"workflow_call"} and "concurrency" not in workflow.document:
        faults.append("has no concurrency group")
    return faults


def secrets(workflow: Workflow) -> list[str]:
    """Values reach a command by its environment, secrets never its arguments, and git's settings keep no token."""
    faults = [f"an expression in a command: {line}" for line in workflow.lines() if "${{" in line]
    for name, job in workflow.jobs.items():
        for step in job.get("steps", ()):
            keeps = step.get("with", {}).get("persist-credentials") is not False
            if step.get("uses", "").startswith("actions/checkout@") and keeps:
                faults.append(f"{name} leaves its token in the checkout")
            named = {
                key for key, value in step.get("env", {}).items() if "secrets." in str(value) or ".token" in str(value)
            }
            faults += [
                f"{name} puts ${key} into a command" for key in sorted(named) if f"${key}" in step.get("run", "")
            ]
    return faults


def calls(workflow: Workflow) -> list[str]:
    """What is passed to a workflow is what it takes, and all that it requires."""
    faults = []
    for name, job in workflow.jobs.items():
        if not str(job.get("uses", "")).startswith("./"):
            continue
        path = ROOT / job["uses"]
        takes = Workflow(name=path.name, text=path.read_text()).triggers["workflow_call"]
        for kind, given in (("inputs", job.get("with", {})), ("secrets", job.get("secrets", {}))):
            known = takes.get(kind, {})
            faults += [f"{name}: {path.name} has no {key} among its {kind}" for key in given if key not in known]
            needed = [key for key, each in known.items() if each.get("required") and key not in given]
            faults += [f"{name}: {path.name} requires {key}" for key in needed]
    return faults


def paths(workflow: Workflow) -> list[str]:
    """Each path filter matches a file."""
    filters = (workflow.triggers.get("push") or {}).get("paths", ())
    return [f"nothing is at {pattern}" for pattern in filters if not any(ROOT.glob(pattern))]


RULES: tuple[Callable[[Workflow], list[str]], ...] = (
    steps,
    commands,
    pins,
    permissions,
    limits,
    secrets,
    calls,
    paths,
)
