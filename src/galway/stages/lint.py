"""Runs every linter over the checkout and returns what each one said; none stops the others."""

from __future__ import annotations

import os
import re
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galway import engine, process, toolbox
from galway.errors import GalwayError, ImageTestError, MissingToolError, NotEvaluatedError
from galway.toolbox.download import TamperedError
from galway.tools import buildx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from galway.engine import Engine
    from galway.workspace import Workspace

PASSED, FAILED, SKIPPED, NOT_EVALUATED = "passed", "failed", "skipped", "not_evaluated"

HADOLINT_IGNORED = ("DL3008",)
"""DL3008 wants versions of apt packages: Debian drops old ones, so such pins break the build. The base is pinned by
digest and the SBOM records what was installed."""

RENOVATE = ("renovate.json", ".github/renovate.json")

_BASE = re.compile(r"^ARG (\w+_BASE)=", re.MULTILINE)
_SHEBANG = re.compile(rb"#![ \t]*\S*/(?:env[ \t]+(?:-S[ \t]+)?)?(?:ba|da|k)?sh\b")
_SCRIPT_FOLDERS = (".ci", "docker", "scripts", "src", "test")
_NOT_OURS = frozenset({"target", "node_modules", "__pycache__"})


@dataclass(frozen=True, kw_only=True)
class Linter:
    """One check.

    Parameters
    ----------
    name:
        What a person calls it.
    argv:
        The command; empty for a check made here.
    check:
        A check made here: it returns a line for each problem, or raises `MissingToolError` where it cannot be made.
    nothing:
        Why there is nothing to do, for instance no file of the kind; empty otherwise.
    missing:
        Why the tool could not be had; empty otherwise.
    required:
        Whether the lint as a whole is not evaluated without it.
    """

    name: str
    argv: tuple[str, ...] = ()
    check: Callable[[], list[str]] | None = None
    nothing: str = ""
    missing: str = ""
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one linter said.

    Parameters
    ----------
    status:
        `passed`, `failed`, `skipped` (no file of its kind) or `not_evaluated` (it could not run).
    reason:
        One line for the last two.
    seconds:
        Wall time.
    output:
        All that it printed.
    required:
        See `Linter`.
    """

    name: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    output: str = ""
    required: bool = True


def run(
    workspace: Workspace,
    *,
    say: Callable[[str], None] = lambda _line: None,
    on_result: Callable[[Result], None] = lambda _result: None,
    ensure: Callable[..., toolbox.Tool] = toolbox.ensure,
    execute: Callable[..., process.Completed] = process.run,
    find: Callable[[Workspace], Engine | None] = engine.find,
) -> tuple[Result, ...]:
    """Run all linters, one after the other.

    Parameters
    ----------
    say:
        Told when a tool is installed.
    on_result:
        Called with each result as it comes.
    ensure, execute, find:
        Install a tool, start a process and find the engine that answers; the real ones by default.
    """
    results = []
    for linter in (
        *linters(workspace, tools=_tools(workspace, ensure, say)),
        _buildkit(workspace, find, execute),
    ):
        result = _run(linter, workspace.root, execute)
        on_result(result)
        results.append(result)
    return tuple(results)


def verdict(results: Sequence[Result]) -> GalwayError | None:
    """The error that the results amount to; None where nothing is wrong.

    A linter that is not required and could not run does not fail the lint; its result still says so.
    """
    failed = [result.name for result in results if result.status == FAILED]
    if failed:
        return ImageTestError(f"lint: {', '.join(failed)} found problems", hint="what each one said stands above")
    missing = [result.name for result in results if result.status == NOT_EVALUATED and result.required]
    if missing:
        return NotEvaluatedError(f"lint: {', '.join(missing)} could not run", hint="see `scripts/inv doctor`")
    return None


def linters(workspace: Workspace, *, tools: Mapping[str, Path | str]) -> tuple[Linter, ...]:
    """All linters over the files that are there.

    Parameters
    ----------
    tools:
        For hadolint and actionlint the program, or the reason why there is none.
    """
    root = workspace.root
    workflows = sorted((root / ".github" / "workflows").glob("*.yml"))
    return (
        Linter(name="ruff check", argv=(_own("ruff"), "check", "--no-fix", ".")),
        Linter(name="ruff format", argv=(_own("ruff"), "format", "--check", ".")),
        Linter(name="import-linter", argv=(_own("lint-imports"), "--no-logo")),
        _over("shellcheck", (_own("shellcheck"), "--external-sources"), shell_scripts(root), root),
        _hadolint(root, tools["hadolint"]),
        _over("zizmor", (_own("zizmor"), "--offline", "--quiet", "--no-progress", "--color=never"), workflows, root),
        _actionlint(workflows, root, tools["actionlint"]),
        *_schemas(root, workflows),
        Linter(name="toml", check=lambda: toml_faults(sorted(root.glob("docker/*.toml")), root)),
    )


def shell_scripts(root: Path) -> list[Path]:
    """The scripts that a shell runs, by their first line: most of ours have no file extension."""
    found = []
    for top in _SCRIPT_FOLDERS:
        for folder, folders, files in os.walk(root / top):
            folders[:] = [name for name in folders if name not in _NOT_OURS and not name.startswith(".")]
            found += [path for name in files if _is_shell(path := Path(folder) / name)]
    return sorted(found)


def toml_faults(files: Sequence[Path], root: Path) -> list[str]:
    """A line for each table that is not TOML; what the tables mean is checked by those who read them."""
    faults = []
    for file in files:
        try:
            tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(f"{file.relative_to(root)}: {error}")
    return faults


def _is_shell(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _SHEBANG.match(stream.readline(128)) is not None


def _own(program: str) -> str:
    """A program of the environment that runs this, whatever PATH says."""
    return str(Path(sys.executable).parent / program)


def _over(name: str, argv: tuple[str, ...], files: Sequence[Path], root: Path, *, required: bool = True) -> Linter:
    """A linter that takes its files as arguments."""
    if not files:
        return Linter(name=name, nothing="no file of its kind", required=required)
    return Linter(name=name, argv=(*argv, *(str(file.relative_to(root)) for file in files)), required=required)


def _dockerfiles(root: Path) -> list[Path]:
    found = sorted([*root.glob("docker/Dockerfile.*"), *root.glob("src/*/Dockerfile")])
    return [file for file in found if file.suffix != ".dockerignore"]


def _buildkit(
    workspace: Workspace, find: Callable[[Workspace], Engine | None], execute: Callable[..., process.Completed]
) -> Linter:
    """BuildKit's own checks, by the engine that answers already: none is started for them."""

    def faults() -> list[str]:
        answering = find(workspace)
        if answering is None:
            raise MissingToolError("no Docker engine answers")
        found = []
        for file in _dockerfiles(workspace.root):
            text = file.read_text(encoding="utf-8")
            argv = buildx.check(
                answering.docker,
                str(file.relative_to(workspace.root)),
                "." if file.parent.name == "docker" else str(file.parent.relative_to(workspace.root)),
                bases=_BASE.findall(text),
                builder=answering.builder,
            )
            done = execute(argv, env=answering.env, cwd=workspace.root, ok=None)
            if not buildx.checked(done.stdout):
                raise MissingToolError("no checks in this engine: they need buildx 0.15 and Docker 27")
            if done.code != 0:
                found.append(done.stdout.rstrip())
        return found

    return Linter(name="buildkit checks", check=faults, required=False)


def _hadolint(root: Path, tool: Path | str) -> Linter:
    if isinstance(tool, str):
        return Linter(name="hadolint", missing=tool)
    files = _dockerfiles(root)
    ignored = [flag for rule in HADOLINT_IGNORED for flag in ("--ignore", rule)]
    return _over("hadolint", (str(tool), "--no-color", *ignored), files, root)


def _actionlint(workflows: Sequence[Path], root: Path, tool: Path | str) -> Linter:
    if isinstance(tool, str):
        return Linter(name="actionlint", missing=tool, required=False)
    argv = (str(tool), "-no-color", "-shellcheck", _own("shellcheck"), "-pyflakes", "")
    return _over("actionlint", argv, workflows, root, required=False)


def _schemas(root: Path, workflows: Sequence[Path]) -> Iterator[Linter]:
    """Published schemas, as check-jsonschema carries them; nothing is downloaded."""
    kinds = {
        "vendor.github-workflows": workflows,
        "vendor.compose-spec": sorted(root.glob("docker-compose*.yml")),
        "vendor.renovate": [path for name in RENOVATE if (path := root / name).is_file()],
    }
    for schema, files in kinds.items():
        argv = (_own("check-jsonschema"), "--color", "never", "--builtin-schema", schema)
        yield _over(f"schema {schema.removeprefix('vendor.')}", argv, files, root)


def _tools(
    workspace: Workspace, ensure: Callable[..., toolbox.Tool], say: Callable[[str], None]
) -> dict[str, Path | str]:
    found: dict[str, Path | str] = {}
    for name in ("hadolint", "actionlint"):
        try:
            found[name] = ensure(workspace, name, say=say).path
        except TamperedError:
            raise
        except MissingToolError as error:
            found[name] = error.message
    return found


def _run(linter: Linter, root: Path, execute: Callable[..., process.Completed]) -> Result:
    def result(status: str, **fields: Any) -> Result:
        return Result(name=linter.name, status=status, required=linter.required, **fields)

    if linter.missing:
        return result(NOT_EVALUATED, reason=linter.missing)
    if linter.nothing:
        return result(SKIPPED, reason=linter.nothing)
    if linter.check is not None:
        started = time.monotonic()
        try:
            faults = linter.check()
        except MissingToolError as error:
            return result(NOT_EVALUATED, reason=error.message)
        seconds = time.monotonic() - started
        return result(FAILED if faults else PASSED, seconds=seconds, output="\n".join(faults))
    try:
        done = execute(linter.argv, cwd=root, ok=None)
    except MissingToolError as error:
        return result(NOT_EVALUATED, reason=error.message)
    output = "\n".join(text for text in (done.stdout.rstrip(), done.stderr.rstrip()) if text)
    return result(PASSED if done.code == 0 else FAILED, seconds=done.seconds, output=output)
