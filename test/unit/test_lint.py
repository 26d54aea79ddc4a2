"""Which linters run over which files, and what their answers amount to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galway.engine import Engine
from galway.errors import ImageTestError, MissingToolError, NotEvaluatedError
from galway.process import Completed
from galway.stages import lint
from galway.toolbox import Tool
from galway.toolbox.download import TamperedError
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.stages.lint import Result

TOOLS = {"hadolint": Path("/tools/hadolint"), "actionlint": Path("/tools/actionlint")}


@pytest.fixture
def checkout(tmp_path: Path) -> Workspace:
    """A checkout with one file of each kind."""
    files = {
        ".github/workflows/ci.yml": "on: push\n",
        "docker/Dockerfile.ci": "FROM scratch\n",
        "docker/Dockerfile.ci.dockerignore": "*\n",
        "docker/tools.toml": "a = 1\n",
        "docker-compose.yml": "services: {}\n",
        "scripts/inv": "#!/bin/sh\nexec true\n",
        "scripts/with-bash": "#!/usr/bin/env bash\n",
        "scripts/report": "#!/usr/bin/env python3\n",
        "scripts/notes.md": "no shebang, sh is only a word\n",
        "src/collector/Dockerfile": "FROM scratch\n",
        "src/collector/target/debug/build.sh": "#!/bin/sh\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Workspace(root=tmp_path, cache=tmp_path / "cache")


class FakeProcesses:
    """Notes what would start; the programs named in `failing` find problems, those in `absent` are not there."""

    def __init__(self, *, failing: Sequence[str] = (), absent: Sequence[str] = ()) -> None:
        self.failing = failing
        self.absent = absent
        self.started: list[str] = []

    def __call__(self, argv: Sequence[str], *, cwd: Path, ok: None) -> Completed:
        program = Path(argv[0]).name
        self.started.append(program)
        if program in self.absent:
            raise MissingToolError(f"{program} is not installed")
        code = 1 if program in self.failing else 0
        return Completed(argv=tuple(argv), code=code, stdout="", stderr="a problem\n" * code, seconds=0.5)


def installed(_workspace: Workspace, name: str, *, say: Callable[[str], None]) -> Tool:
    return Tool(name=name, version="1", path=TOOLS[name], source="PyPI", verified="sha256", third_party=False)


def nobody(_workspace: Workspace) -> Engine | None:
    """No engine answers."""
    return None


def argv_of(checkout: Workspace, name: str) -> tuple[str, ...]:
    (found,) = (linter for linter in lint.linters(checkout, tools=TOOLS) if linter.name == name)
    return found.argv


def by_name(results: Sequence[Result]) -> dict[str, Result]:
    return {result.name: result for result in results}


def test_scripts_are_found_by_their_first_line_and_build_output_is_left_out(checkout: Workspace) -> None:
    names = [path.relative_to(checkout.root).as_posix() for path in lint.shell_scripts(checkout.root)]

    assert names == ["scripts/inv", "scripts/with-bash"]


def test_hadolint_reads_every_dockerfile_and_no_ignore_file(checkout: Workspace) -> None:
    argv = argv_of(checkout, "hadolint")

    assert argv[0] == "/tools/hadolint"
    assert argv[-4:] == ("--ignore", "DL3008", "docker/Dockerfile.ci", "src/collector/Dockerfile")


def test_workflows_are_audited_without_a_network(checkout: Workspace) -> None:
    argv = argv_of(checkout, "zizmor")

    assert "--offline" in argv
    assert argv[-1] == ".github/workflows/ci.yml"


def test_schemas_are_those_that_come_with_the_checker(checkout: Workspace) -> None:
    assert argv_of(checkout, "schema github-workflows")[-3:] == (
        "--builtin-schema",
        "vendor.github-workflows",
        ".github/workflows/ci.yml",
    )
    assert argv_of(checkout, "schema compose-spec")[-1] == "docker-compose.yml"


def test_a_kind_of_file_that_is_not_there_is_skipped_with_its_reason(checkout: Workspace) -> None:
    result = by_name(lint.run(checkout, find=nobody, ensure=installed, execute=FakeProcesses()))["schema renovate"]

    assert (result.status, result.reason) == ("skipped", "no file of its kind")


def test_a_failing_linter_stops_no_other(checkout: Workspace) -> None:
    processes = FakeProcesses(failing=("ruff", "zizmor"))
    seen: list[str] = []

    results = lint.run(
        checkout, find=nobody, ensure=installed, execute=processes, on_result=lambda result: seen.append(result.name)
    )

    statuses = {name: result.status for name, result in by_name(results).items()}
    assert statuses["ruff check"] == statuses["ruff format"] == statuses["zizmor"] == "failed"
    assert statuses["shellcheck"] == statuses["hadolint"] == statuses["actionlint"] == statuses["toml"] == "passed"
    assert by_name(results)["zizmor"].output == "a problem"
    assert seen == [result.name for result in results]
    error = lint.verdict(results)
    assert isinstance(error, ImageTestError)
    assert "ruff check, ruff format, zizmor" in error.message


def test_a_broken_table_is_named_with_its_line(checkout: Workspace) -> None:
    (checkout.root / "docker" / "tools.toml").write_text("a = \n")

    result = by_name(lint.run(checkout, find=nobody, ensure=installed, execute=FakeProcesses()))["toml"]

    assert result.status == "failed"
    assert result.output.startswith("docker/tools.toml: ")
    assert "line 1" in result.output


def test_actionlint_that_cannot_be_had_is_said_and_fails_nothing(checkout: Workspace) -> None:
    def without(workspace: Workspace, name: str, *, say: Callable[[str], None]) -> Tool:
        if name == "actionlint":
            raise MissingToolError("actionlint could not be installed: no network")
        return installed(workspace, name, say=say)

    results = lint.run(checkout, find=nobody, ensure=without, execute=FakeProcesses())

    result = by_name(results)["actionlint"]
    assert (result.status, result.required) == ("not_evaluated", False)
    assert "no network" in result.reason
    assert lint.verdict(results) is None


def test_hadolint_that_cannot_be_had_leaves_the_lint_not_evaluated(checkout: Workspace) -> None:
    def without(_workspace: Workspace, name: str, *, say: Callable[[str], None]) -> Tool:
        raise MissingToolError(f"{name} could not be installed")

    error = lint.verdict(lint.run(checkout, find=nobody, ensure=without, execute=FakeProcesses()))

    assert isinstance(error, NotEvaluatedError)
    assert "hadolint" in error.message
    assert error.exit_code == 10


def test_a_missing_program_of_the_environment_is_not_a_pass(checkout: Workspace) -> None:
    results = lint.run(checkout, find=nobody, ensure=installed, execute=FakeProcesses(absent=("shellcheck",)))

    assert by_name(results)["shellcheck"].status == "not_evaluated"
    assert isinstance(lint.verdict(results), NotEvaluatedError)


def test_a_tampered_tool_stops_everything(checkout: Workspace) -> None:
    def tampered(_workspace: Workspace, name: str, *, say: Callable[[str], None]) -> Tool:
        raise TamperedError(f"{name} is not the pinned file")

    with pytest.raises(TamperedError):
        lint.run(checkout, find=nobody, ensure=tampered, execute=FakeProcesses())


class FakeBuildkit:
    """An engine whose BuildKit prints what it is told to."""

    def __init__(self, stdout: str, code: int) -> None:
        self.answer = (stdout, code)
        self.checks: list[tuple[str, ...]] = []

    def find(self, _workspace: Workspace) -> Engine:
        """The engine that answers."""
        return Engine(
            kind="docker",
            reason="",
            version="28",
            docker="docker",
            env={},
            containerd_store=True,
            builder=None,
            platforms=(),
        )

    def execute(self, argv: Sequence[str], *, cwd: Path, ok: None, env: object = None) -> Completed:
        """Stands in for `process.run`."""
        stdout, code = self.answer if argv[0] == "docker" else ("", 0)
        if argv[0] == "docker":
            self.checks.append(tuple(argv))
        return Completed(argv=tuple(argv), code=code, stdout=stdout, stderr="", seconds=0)

    def lint(self, checkout: Workspace) -> Result:
        """What its checks amount to."""
        return by_name(lint.run(checkout, ensure=installed, execute=self.execute, find=self.find))["buildkit checks"]


def test_buildkits_checks_need_no_base_image(checkout: Workspace) -> None:
    (checkout.root / "src/collector/Dockerfile").write_text("ARG RUST_BASE=rust@sha256:12\nFROM ${RUST_BASE}\n")
    buildkit = FakeBuildkit("Check complete, no warnings found.\n", 0)
    assert buildkit.lint(checkout).status == "passed"
    assert buildkit.checks[0][-3:] == ("--file", "docker/Dockerfile.ci", ".")
    expected = ("--build-arg", "RUST_BASE=scratch", "--file", "src/collector/Dockerfile", "src/collector")
    assert buildkit.checks[1][-5:] == expected


def test_a_warning_of_buildkit_fails_the_lint(checkout: Workspace) -> None:
    text = (Path(__file__).parents[1] / "data/buildx/check.txt").read_text()
    result = FakeBuildkit(text, 1).lint(checkout)
    assert result.status == "failed"
    assert "InvalidDefaultArgInFrom" in result.output


def test_an_engine_without_checks_is_not_a_pass_and_fails_nothing(checkout: Workspace) -> None:
    result = FakeBuildkit("", 1).lint(checkout)
    assert (result.status, result.required) == ("not_evaluated", False)
    results = lint.run(checkout, find=nobody, ensure=installed, execute=FakeProcesses())
    assert by_name(results)["buildkit checks"].reason == "no Docker engine answers"
    assert lint.verdict(results) is None
