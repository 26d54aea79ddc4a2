"""Which engine is chosen, with a docker command that only pretends."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from galway import process
from galway.engine import builders, choice, embedded, find, removal
from galway.engine.model import DOCKER
from galway.engine.places import Places
from galway.errors import ConfigurationError, MissingToolError
from galway.process import Completed, ProcessError
from galway.reference import Platform
from galway.workspace import Workspace

DATA = Path(__file__).parent / "data"
CONTAINERD = (DATA / "info-containerd.json").read_text()
CONTAINER = (DATA / "inspect-container.txt").read_text()
CLASSIC = CONTAINERD.replace("io.containerd.snapshotter.v1", "overlay2")
NOBODY = (DATA / "info-no-daemon.json").read_text()
NAME = builders.name_for(None, "desktop")
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


@dataclass
class FakeDocker:
    """Answers like a docker command: one daemon (or none) and some builders, in the folder `home` if it is given."""

    info: str = NOBODY
    buildx: bool = True
    builders: dict[str, str] = field(default_factory=dict)
    pulls: bool = True
    home: str = ""
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, argv: Any, *, env: Any, ok: Any = (0,), **_: Any) -> Completed:
        """Stands in for `process.run`."""
        words = tuple(argv)[1:]
        self.asked.append(words)
        elsewhere = words[:2] == ("buildx", "inspect") and self.home not in ("", env.get("BUILDX_CONFIG"))
        code, out = (1, "") if elsewhere else self._answer(words)
        completed = Completed(argv=tuple(argv), code=code, stdout=out, stderr="", seconds=0)
        if ok is not None and code not in ok:
            raise ProcessError(completed)
        return completed

    def _answer(self, words: tuple[str, ...]) -> tuple[int, str]:
        match words:
            case ("info", *_):
                return (1 if self.info == NOBODY else 0), self.info
            case ("context", "show"):
                return 0, "desktop\n"
            case ("buildx", *rest) if self.buildx:
                return self._buildx(tuple(rest))
        return 1, ""

    def _buildx(self, words: tuple[str, ...]) -> tuple[int, str]:
        out = ""
        match words:
            case ("version",):
                pass
            case ("create", "--name", name, *options):
                image = next(word.removeprefix("image=") for word in options if word.startswith("image="))
                self.builders[name] = CONTAINER.replace("site/buildkit:v0.33.1", image)
            case ("inspect", "--bootstrap", name) if self.pulls:
                if "Platforms:" not in self.builders[name]:
                    self.builders[name] = (DATA / "inspect-default.txt").read_text()
            case ("inspect", name) if name in self.builders:
                out = self.builders[name]
            case ("rm", *_, name) if name in self.builders:
                del self.builders[name]
            case _:
                return 1, ""
        return 0, out


def silent(_line: str) -> None:
    """Takes what the engine says."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, cache=tmp_path / "cache")


def use(fake: FakeDocker, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    monkeypatch.setattr(process, "run", fake.run)
    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/bin/{name}")
    for name in ("DOCKER_HOST", "DOCKER_CONFIG", "BUILDX_BUILDER", "BUILDKIT_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    fake.builders.setdefault("desktop", (DATA / "inspect-default.txt").read_text())
    return fake


def test_a_docker_that_answers_is_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(info=CONTAINERD), monkeypatch)
    engine = choice.ensure(workspace, say=silent)
    assert (engine.kind, engine.docker, engine.builder) == (DOCKER, "/bin/docker", None)
    assert engine.platforms == (AMD64, ARM64)
    assert engine.env == {"BUILDX_BUILDER": "desktop"}, "the context's own builder, whatever `buildx use` says"
    assert engine.reason == "your Docker 26.1.5+dfsg1 answers (context desktop, containerd image store)"


def test_a_docker_command_without_a_daemon_is_no_engine(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(), monkeypatch)
    assert find(workspace) is None


def test_find_makes_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = use(FakeDocker(info=CLASSIC), monkeypatch)
    engine = find(workspace)
    assert engine is not None
    assert engine.builder is None
    assert not any("create" in words or "--bootstrap" in words for words in fake.asked)
    assert not workspace.cache.exists()


def test_a_classic_image_store_gets_a_builder_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = use(FakeDocker(info=CLASSIC), monkeypatch)
    first, second = (choice.ensure(workspace, say=silent) for _ in range(2))
    assert first.builder == second.builder == builders.name_for(None, "desktop")
    assert sum("create" in words for words in fake.asked) == 1


def test_a_builder_that_cannot_be_pulled_names_the_way_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(FakeDocker(info=CLASSIC, pulls=False), monkeypatch)
    with pytest.raises(MissingToolError, match="could not be started") as caught:
        choice.ensure(workspace, say=silent)
    assert "BUILDKIT_IMAGE" in caught.value.hint


def test_a_builder_that_could_not_be_started_is_not_left_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(FakeDocker(info=CLASSIC, pulls=False), monkeypatch)
    with pytest.raises(MissingToolError):
        choice.ensure(workspace, say=silent)
    assert list(fake.builders) == ["desktop"]
    monkeypatch.setenv("BUILDKIT_IMAGE", "site/buildkit:1")
    fake.pulls = True
    choice.ensure(workspace, say=silent)
    assert 'image="site/buildkit:1"' in fake.builders[NAME], "what the hint says has to help"


def test_another_image_makes_the_builder_anew_and_keeps_its_cache(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = use(FakeDocker(info=CLASSIC), monkeypatch)
    choice.ensure(workspace, say=silent)
    monkeypatch.setenv("BUILDKIT_IMAGE", "site/buildkit:1")
    choice.ensure(workspace, say=silent)
    assert ("buildx", "rm", "--keep-state", NAME) in fake.asked
    monkeypatch.delenv("BUILDKIT_IMAGE")
    asked = len(fake.asked)
    assert choice.ensure(workspace, say=silent).builder == NAME
    assert not any("rm" in words for words in fake.asked[asked:]), "an image once named stays"


def test_only_the_builder_that_was_made_is_removed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = use(FakeDocker(info=CLASSIC), monkeypatch)
    assert removal(workspace) is None
    choice.ensure(workspace, say=silent)
    monkeypatch.setenv("BUILDX_BUILDER", "farm")
    assert removal(workspace) == (("/bin/docker", "buildx", "rm", NAME), {"BUILDX_BUILDER": "desktop"})
    use(FakeDocker(info=CONTAINERD, builders=fake.builders), monkeypatch)
    assert removal(workspace) is None


def test_a_docker_without_buildx_says_how_to_get_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(info=CONTAINERD, buildx=False), monkeypatch)

    def refuse(*_: Any, **__: Any) -> None:
        raise MissingToolError("this machine has no apt-get")

    monkeypatch.setattr(embedded, "install_client", refuse)
    with pytest.raises(MissingToolError, match="buildx") as caught:
        choice.ensure(workspace, say=silent)
    assert caught.value.hint == choice.BUILDX_HINT


def test_a_named_builder_needs_no_daemon(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(builders={"farm": (DATA / "inspect-default.txt").read_text()}), monkeypatch)
    engine = find(workspace, builder="farm")
    assert engine is not None
    assert (engine.builder, engine.version, engine.platforms) == ("farm", "", (AMD64, ARM64))


def test_a_builder_named_by_variable_counts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(info=CLASSIC, builders={"farm": (DATA / "inspect-default.txt").read_text()}), monkeypatch)
    monkeypatch.setenv("BUILDX_BUILDER", "farm")
    assert choice.ensure(workspace, say=silent).builder == "farm"


def test_a_builder_that_sleeps_is_started(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(info=CONTAINERD, builders={"farm": (DATA / "inspect-inactive.txt").read_text()}), monkeypatch)
    assert choice.ensure(workspace, builder="farm", say=silent).platforms == (AMD64, ARM64)


def test_a_builder_made_in_the_embedded_engines_shell_is_found_everywhere(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places.of(workspace)
    (places.home / "programs-1" / "usr").mkdir(parents=True)
    fake = use(FakeDocker(builders={"farm": CONTAINER}, home=str(places.client / "buildx")), monkeypatch)
    engine = find(workspace, builder="farm")
    assert engine is not None
    assert engine.env["BUILDX_CONFIG"] == fake.home


def test_an_unknown_builder_is_a_configuration_error(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    use(FakeDocker(info=CONTAINERD), monkeypatch)
    with pytest.raises(ConfigurationError, match="'nowhere'"):
        find(workspace, builder="nowhere")
