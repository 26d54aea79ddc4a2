"""What the examination says about a machine and its pins, and which exit code that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from galway import toolbox
from galway.bases.pins import OfficialBase
from galway.doctor import Check, machine, pins, verdict
from galway.engine import Engine
from galway.errors import MissingToolError, NotEvaluatedError, VerifyError
from galway.process import Completed
from galway.reference import Digest, Platform
from galway.toolbox import web
from galway.toolbox.receipt import Receipt, write
from galway.toolbox.upstream import ActionPin
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
COMMIT = "c" * 40

TABLE = f"""
[saw]
version = "1.0"
summary = "for tests"
[saw.release.linux-amd64]
url = "https://github.com/maker/saw/releases/download/v{{version}}/saw"
sha256 = "{"3" * 64}"
[[saw.fallback]]
kind = "debian"
suite = "trixie"
release = "Debian 13"
package = "saw"
path = "usr/bin/saw"
"""

ENGINE = Engine(
    kind="docker",
    reason="context default",
    version="28.2.2",
    docker="docker",
    env={},
    containerd_store=True,
    builder=None,
    platforms=(Platform("linux", "amd64"),),
)


class FakeProcesses:
    """Programs that print as told; a code of 1 for what is not listed."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, ok: None = None) -> Completed:
        known = " ".join(argv) in self.answers
        stdout = self.answers.get(" ".join(argv), "")
        return Completed(argv=tuple(argv), code=0 if known else 1, stdout=stdout, stderr="", seconds=0)


class FakePublishers:
    """Answers from a table; an exception in it is raised."""

    def __init__(self, **answers: str | Exception | None) -> None:
        self.answers = answers

    def _answer(self, key: str) -> str | None:
        answer = self.answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def file_sha256(self, _url: str) -> str | None:
        return self._answer("file")

    def tag_commit(self, _repository: str, _tag: str) -> str | None:
        return self._answer("commit")

    def image_digest(self, registry: str, repository: str, reference: str) -> str | None:
        return self._answer(f"{registry}/{repository}:{reference[:9]}")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "root" / "docker").mkdir(parents=True)
    (tmp_path / "root" / "docker" / "tools.toml").write_text(TABLE)
    return Workspace(root=tmp_path / "root", cache=tmp_path / "cache")


def base(digest: str = OLD) -> OfficialBase:
    return OfficialBase(
        argument="PYTHON_BASE", name="python:3.11-slim", digest=Digest(digest), recipe_name="", recipes={}, names={}
    )


def test_a_program_gives_its_version() -> None:
    run = FakeProcesses({"/bin/git --version": "git version 2.39.5\n"})

    check = machine.program("git", "/bin/git", run=run, fix="install git")

    assert (check.status, check.version, check.fix) == ("ok", "2.39.5", "")


def test_a_program_that_is_not_there_or_broken_is_missing_with_the_fix() -> None:
    absent = machine.program("git", None, run=FakeProcesses({}), fix="install git")
    broken = machine.program("git", "/bin/git", run=FakeProcesses({}), fix="install git")

    assert [check.status for check in (absent, broken)] == ["missing", "missing"]
    assert absent.fix == broken.fix == "install git"


def test_an_engine_is_named_with_its_plugins(workspace: Workspace) -> None:
    run = FakeProcesses({"docker buildx version": "github.com/docker/buildx v0.36.1\n"})

    checks = {check.name: check for check in machine.engines(workspace, find=lambda _workspace: ENGINE, run=run)}

    assert (checks["engine"].status, checks["engine"].version) == ("ok", "28.2.2")
    assert checks["platforms"].found == "linux/amd64"
    assert checks["buildx"].status == "ok"
    assert checks["compose"].status == "missing"


def test_no_engine_is_a_warning_only_where_the_embedded_one_can_start(workspace: Workspace) -> None:
    def refuse() -> None:
        raise MissingToolError("no engine answers, and the embedded one needs root", hint="start Docker")

    def none(_workspace: Workspace) -> None:
        return None

    (can,) = machine.engines(workspace, find=none, check_host=lambda: None)
    (cannot,) = machine.engines(workspace, find=none, check_host=refuse)

    assert can.status == "warning"
    assert (cannot.status, cannot.fix) == ("missing", "start Docker")


def test_a_tool_that_is_not_installed_yet_is_no_failure(workspace: Workspace) -> None:
    (check,) = machine.tools(workspace)

    assert (check.name, check.status) == ("saw", "warning")
    assert verdict([check]) is None


def test_a_tool_that_only_tests_need_is_nobody_s_to_install(workspace: Workspace) -> None:
    table = workspace.root / "docker" / "tools.toml"
    table.write_text(table.read_text().replace("[saw]\n", "[saw]\nfor_tests = true\n"))

    assert list(machine.tools(workspace)) == []
    assert toolbox.installed(workspace) == {}


def test_an_installed_tool_older_than_its_pin_says_so(workspace: Workspace) -> None:
    home = workspace.cache / "tools" / "saw" / "debian-trixie"
    home.mkdir(parents=True)
    (home / "saw").touch(mode=0o755)
    receipt = Receipt(
        pin="debian trixie saw", version="0.9", source="Debian 13", verified="apt signature", third_party=False
    )
    write(home, receipt)

    (check,) = machine.tools(workspace)

    assert (check.status, check.version, check.source) == ("warning", "0.9", "Debian 13")
    assert "the pin is 1.0" in check.found


def test_the_cache_s_parts_are_measured(workspace: Workspace) -> None:
    (workspace.cache / "tools").mkdir(parents=True)
    (workspace.cache / "tools" / "saw").write_bytes(b"x" * 100_000_000)

    checks = {check.name: check for check in machine.disk(workspace)}

    assert checks["cache"].found == "0.1 GB (tools 0.1)"
    assert "GB free" in checks["disk: checkout"].found


def test_a_server_that_does_not_answer_is_a_warning() -> None:
    with web.session(backoff=0) as session:
        (check,) = machine.reach([("registry", "http://127.0.0.1:9/v2/", "no push")], session)

    assert (check.status, check.fix) == ("warning", "no push")


@pytest.mark.parametrize(
    ("tagged", "pinned", "status", "found"),
    [
        (OLD, OLD, "ok", "matches"),
        (NEW, OLD, "warning", "moved"),
        (None, OLD, "warning", "gone"),
        (NEW, None, "failed", "no longer has"),
    ],
)
def test_a_base_is_judged_by_its_tag_and_its_digest(
    tagged: str | None, pinned: str | None, status: str, found: str
) -> None:
    check = pins.base_pin(base(), tagged=tagged, pinned=pinned)

    assert check.status == status
    assert found in check.found


def test_the_first_registry_that_answers_counts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "choices", lambda _root: {"PYTHON_BASE": [base()]})
    publishers = FakePublishers(
        **{
            "mirror/library/python:3.11-slim": NotEvaluatedError("mirror could not be reached"),
            "hub/library/python:3.11-slim": OLD,
            f"hub/library/python:{OLD[:9]}": OLD,
        }
    )

    (found,) = pins.bases(workspace, publishers, ["mirror", "hub"])
    (unknown,) = pins.bases(workspace, publishers, ["mirror"])

    assert found.status == "ok"
    assert (unknown.status, unknown.found) == ("not_evaluated", "mirror could not be reached")


@pytest.mark.parametrize(
    ("answer", "status"),
    [("3" * 64, "ok"), ("4" * 64, "failed"), (None, "failed"), (NotEvaluatedError("no route"), "not_evaluated")],
)
def test_a_tool_s_hash_is_held_against_the_release(
    workspace: Workspace, answer: str | Exception | None, status: str
) -> None:
    (check,) = pins.tools(workspace, FakePublishers(file=answer))

    assert check.name == "tool saw linux-amd64"
    assert check.status == status


@pytest.mark.parametrize(
    ("version", "commit", "status"),
    [("v7", COMMIT, "ok"), ("v7", "d" * 40, "warning"), ("v7", None, "failed"), ("", None, "warning")],
)
def test_an_action_is_judged_by_the_commit_of_its_version(version: str, commit: str | None, status: str) -> None:
    assert pins.action_pin(ActionPin("actions/checkout", COMMIT, version), commit).status == status


def test_the_workflow_s_actions_are_asked_about(workspace: Workspace) -> None:
    folder = workspace.root / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "ci.yml").write_text(f"- uses: actions/checkout@{COMMIT} # v7\n")

    (known,) = pins.actions(workspace, FakePublishers(commit=COMMIT))
    (unknown,) = pins.actions(workspace, FakePublishers(commit=NotEvaluatedError("no route")))

    assert (known.status, unknown.status) == ("ok", "not_evaluated")


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        (["ok", "warning"], None),
        (["ok", "not_evaluated"], NotEvaluatedError),
        (["not_evaluated", "missing"], MissingToolError),
        (["missing", "failed", "not_evaluated"], VerifyError),
    ],
)
def test_the_gravest_line_decides(statuses: list[str], error: type[Exception] | None) -> None:
    found = verdict([Check(name=status, status=status, found="") for status in statuses])

    assert found is None if error is None else isinstance(found, error)


def test_many_names_are_shortened() -> None:
    error = verdict([Check(name=f"pin {n}", status="not_evaluated", found="") for n in range(27)])

    assert error is not None
    assert error.message == "could not be checked: pin 0, pin 1, pin 2 and 24 more"
