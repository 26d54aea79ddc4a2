"""What the package registries are asked, and how their answers are judged."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from galway.errors import MissingToolError
from galway.process import Completed, ProcessError
from galway.toolbox import registries
from galway.toolbox.download import TamperedError
from galway.toolbox.pins import Debian, GoModule, Pypi
from galway.toolbox.registries import Order

if TYPE_CHECKING:
    from pathlib import Path

WHEEL = Pypi(
    package="tool-bin",
    version="1.2.3.1",
    carries="1.2.3",
    path="bin/tool",
    wheels={"linux-amd64": "a" * 64},
    binary_sha256={"linux-amd64": hashlib.sha256(b"upstream").hexdigest()},
)
MODULE = GoModule(module="example.org/tool", version="1.2.3", package="cmd/tool", checksum="h1:right=")


class FakeProcesses:
    """Answers like pip, uv and go, without starting them."""

    def __init__(self, *, program: bytes = b"upstream", failing: tuple[str, ...] = (), stdout: str = "") -> None:
        self.program = program
        self.failing = failing
        self.stdout = stdout
        self.argv: list[tuple[str, ...]] = []

    def __call__(self, argv, *, env=None, cwd=None, ok=(0,)) -> Completed:
        argv = tuple(argv)
        self.argv.append(argv)
        code = 1 if any(word in argv[0] for word in self.failing) else 0
        completed = Completed(argv=argv, code=code, stdout=self.stdout, stderr="no route\n" * code, seconds=0)
        if code and ok is not None:
            raise ProcessError(completed)
        if "--target" in argv:
            path = argv[argv.index("--target") + 1]
            self._write(path, "bin/tool")
        if env and "GOBIN" in env:
            self._write(env["GOBIN"], "tool")
        return completed

    def _write(self, folder: str, name: str) -> None:
        from pathlib import Path  # noqa: PLC0415 - the fake's own business

        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.program)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with one Python, one Go, and a uv that runs this."""
    folder = tmp_path / "host"
    folder.mkdir()
    for name in ("python3", "go", "uv"):
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("UV", str(folder / "uv"))
    return folder


def order(tmp_path: Path, run: FakeProcesses, key: str = "linux-amd64") -> Order:
    folder = tmp_path / "order"
    folder.mkdir()
    return Order(key=key, folder=folder, shared=tmp_path, run=run)


def test_a_wheel_is_installed_by_its_hash_with_the_host_s_pip(host: Path, tmp_path: Path) -> None:
    run = FakeProcesses()

    made = registries.from_pypi(WHEEL, order(tmp_path, run))

    assert made.path.read_bytes() == b"upstream"
    assert (made.version, made.source, made.verified) == ("1.2.3", "PyPI", "sha256")
    assert run.argv[-1][:4] == (str(host / "python3"), "-m", "pip", "install")
    assert {"--require-hashes", "--no-deps", ":all:"} <= set(run.argv[-1])
    assert (tmp_path / "order" / "requirements.txt").read_text() == f"tool-bin==1.2.3.1 --hash=sha256:{'a' * 64}\n"


def test_uv_installs_it_where_no_pip_is(host: Path, tmp_path: Path) -> None:
    run = FakeProcesses(failing=("python3",))

    registries.from_pypi(WHEEL, order(tmp_path, run))

    assert run.argv[-1][:3] == (str(host / "uv"), "pip", "install")
    assert "--require-hashes" in run.argv[-1]


@pytest.mark.usefixtures("host")
def test_an_index_that_does_not_answer_is_named_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="uv: no route"):
        registries.from_pypi(WHEEL, order(tmp_path, FakeProcesses(failing=("python3", "uv"))))


def test_a_platform_without_a_wheel_is_refused_before_anything_starts(tmp_path: Path) -> None:
    run = FakeProcesses()

    with pytest.raises(MissingToolError, match="no wheel for linux-arm64"):
        registries.from_pypi(WHEEL, order(tmp_path, run, key="linux-arm64"))
    assert run.argv == []


@pytest.mark.usefixtures("host")
def test_a_wheel_with_another_program_inside_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TamperedError, match="not the upstream program"):
        registries.from_pypi(WHEEL, order(tmp_path, FakeProcesses(program=b"patched")))


def test_a_go_module_is_built_only_from_the_pinned_source(host: Path, tmp_path: Path) -> None:
    run = FakeProcesses(stdout=json.dumps({"Sum": "h1:right=", "Dir": "/modules/tool@v1.2.3"}))

    made = registries.from_go(MODULE, order(tmp_path, run))

    assert run.argv == [
        (str(host / "go"), "mod", "download", "-json", "example.org/tool@v1.2.3"),
        (
            *(str(host / "go"), "build", "-C", "/modules/tool@v1.2.3", "-mod=readonly", "-trimpath", "-buildvcs=false"),
            *("-o", str(made.path), "./cmd/tool"),
        ),
    ]
    assert made.verified == "Go checksum"


@pytest.mark.usefixtures("host")
def test_a_go_module_with_another_hash_is_not_built(tmp_path: Path) -> None:
    run = FakeProcesses(stdout=json.dumps({"Sum": "h1:wrong="}))

    with pytest.raises(TamperedError, match="h1:wrong="):
        registries.from_go(MODULE, order(tmp_path, run))
    assert len(run.argv) == 1


def test_without_go_the_source_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingToolError, match="Go is not installed"):
        registries.from_go(MODULE, order(tmp_path, FakeProcesses()))


def test_debian_has_nothing_for_a_mac(tmp_path: Path) -> None:
    entry = Debian(suite="trixie", release="Debian 13", package="tool", path="usr/bin/tool")

    with pytest.raises(MissingToolError, match="Debian 13 has no packages for darwin-arm64"):
        registries.from_debian(entry, order(tmp_path, FakeProcesses(), key="darwin-arm64"))


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("cosign_2.5.0-2+b4_amd64.deb", "2.5.0"),
        ("docker-buildx_0.13.1+ds1-3_amd64.deb", "0.13.1"),
        ("tool_1%3a2.0-1_arm64.deb", "2.0"),
        ("tool_7_all.deb", "7"),
    ],
)
def test_debian_s_own_marks_are_taken_off_the_version(file: str, version: str) -> None:
    assert registries.debian_version(file) == version
