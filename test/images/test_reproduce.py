"""Builds a small image twice through the real engine: the same bytes pass, others are named by layer and file."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from galway import baking, bases, engine, plan as planning, prepare, sources
from galway.layout import Layout
from galway.reference import Platform
from galway.stages import build, reproduce
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from galway.bases import Base
    from galway.engine import Engine
    from galway.evidence import Record

BASE = "RUNTIME_BASE"
HEAD = f"ARG {BASE}\nFROM ${{{BASE}}}\n"


def say(text: str) -> None:
    """Progress, which pytest shows after a failure."""
    sys.stderr.write(text + "\n")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """An engine, a base, and a checkout with nothing but a Dockerfile."""

    workspace: Workspace
    engine: Engine
    bases: dict[str, Base]

    def request(self, dockerfile: str) -> baking.Request:
        """What builds one image of the Dockerfile."""
        (self.workspace.root / "Dockerfile").write_text(HEAD + dockerfile)
        table = prepare.load_catalog(Workspace.here(), environment={})
        (real,) = (image for image in table.images if BASE in dict(image.bases))
        chosen = tuple(pair for pair in real.bases if pair[0] == BASE)
        image = dataclasses.replace(real, name="small", dockerfile="Dockerfile", context=".", needs=(), bases=chosen)
        source = prepare.plan(Workspace.here(), names=[real.name], environment={})
        labels = {"org.opencontainers.image.source": table.source}
        target = planning.Target(image=image, platform=Platform.of_host(), labels=labels)
        made = dataclasses.replace(source, images=(image,), targets=(target,), contents={"small": dockerfile})
        return baking.Request(plan=made, bases=self.bases, secrets={}, engine=self.engine)

    def twice(self, dockerfile: str) -> Record:
        """Build, build again and compare."""
        request = self.request(dockerfile)
        build.run(self.workspace, request, observe=lambda _: None, say=print)
        layout = self.workspace.layout("small")
        record = self.workspace.evidence / "small" / Platform.of_host().slug / "build.json"
        before = ((layout / "index.json").read_bytes(), record.read_bytes())
        look = sources.Sources(workspace=Workspace.here(), say=say)  # whose table of tools it needs
        (found,) = reproduce.run(self.workspace, request, reproduce.Hooks(say=say, packages=look.packages_in))
        assert before == ((layout / "index.json").read_bytes(), record.read_bytes())
        Layout(layout).verify()
        assert not (self.workspace.state / "reproduce" / "out").exists()
        assert reproduce.judge(self.workspace, found)[0] == found.status
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """On the engine that answers."""
    here = Workspace.here()
    return Bench(
        workspace=dataclasses.replace(here, root=tmp_path),
        engine=engine.ensure(here, say=say),
        bases=bases.resolve(here, [BASE], [Platform.of_host()], say=say),
    )


def test_the_same_bytes_pass_though_every_step_was_executed_again(bench: Bench) -> None:
    (bench.workspace.root / "file").write_text("copied")
    found = bench.twice(
        "RUN mkdir -p /made && date +%Y > /dev/null && echo x > /made/file\nCOPY file /copied\nWORKDIR /w\n"
    )
    assert (found.status, found.reason) == ("passed", "")
    assert found.measures["made"] == found.digest
    assert found.measures["steps"] == 3


def test_a_file_that_chance_made_is_named_with_its_layer(bench: Bench) -> None:
    found = bench.twice("RUN echo same > /same && head -c 9 /dev/urandom > /srv/chance\n")
    assert found.status == "failed"
    assert "/srv/chance" in found.measures["layers"][0]["instruction"]
    files = {file["path"]: file["detail"] for file in found.measures["layers"][0]["files"]}
    assert files == {"srv/chance": "content"}
    assert "srv/chance (content)" in found.reason


def test_a_package_whose_version_moved_in_between_is_named(bench: Bench) -> None:
    """Stands for an archive that published an update: the same step, executed later, finds another version."""
    found = bench.twice(
        'RUN sed -i "/^Package: zlib1g$/,/^$/s/^Version: .*/Version: 1:9.$(date +%s%N)/" /var/lib/dpkg/status\n'
    )
    assert found.status == "failed"
    (moved,) = found.measures["packages"]["changed"]
    assert (moved["kind"], moved["name"]) == ("dpkg", "zlib1g")
    assert found.reason.startswith("the archive has moved on: zlib1g 1:9.")


def test_a_build_of_other_files_is_not_compared(bench: Bench) -> None:
    request = bench.request("RUN echo one > /one\n")
    build.run(bench.workspace, request, observe=lambda _: None, say=print)
    look = sources.Sources(workspace=bench.workspace, say=say)
    with pytest.raises(Exception, match="from other files, bases or settings"):
        reproduce.run(
            bench.workspace, bench.request("RUN echo two > /one\n"), reproduce.Hooks(packages=look.packages_in)
        )
    shutil.rmtree(bench.workspace.state)
