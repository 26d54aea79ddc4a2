"""A whole pipeline killed in one stage after another leaves no process and no tag that was not gated, and goes on."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trivy_db

from galway import evidence, release
from galway.layout import Layout

if TYPE_CHECKING:
    from conftest import Built
    from galway.workspace import Workspace

NAME = "agent-updates-collector"
PROGRAM = "galway.commands.entry"
SEED = int(os.environ.get("SEED", "5"))

STAGES = ("test", "scan", "publish", "sign", "verify")
"""Those that a run is killed in."""

STAGE_SECONDS = 240.0
LEFT_SECONDS = 30.0
"""How long a stage is waited for, and until what a killed run had started has to be over."""


@dataclass
class Run:
    """`scripts/inv pipeline` of one image, with a small genuine database."""

    workspace: Workspace
    database: Path
    log: Path

    def __post_init__(self) -> None:
        argv = ("scripts/inv", "pipeline", "-i", NAME, "--database", str(self.database))
        with self.log.open("wb") as sink:
            self.child = subprocess.Popen(
                argv,
                cwd=self.workspace.root,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def reach(self, stage: str, state: str = "running") -> float:
        """Wait until a stage has begun, or has passed; when that was."""
        until = time.monotonic() + STAGE_SECONDS
        while f"{stage} of {NAME}: {state}" not in self.log.read_text(errors="replace"):
            assert self.child.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < until, f"{stage} is not {state}"
            time.sleep(0.02)
        return time.monotonic()

    def times(self) -> dict[str, float]:
        """How long each stage takes on this machine, in seconds, of a run to its end."""
        took = {stage: -self.reach(stage) + self.reach(stage, "passed") for stage in STAGES}
        assert self.child.wait(STAGE_SECONDS) == 0, self.log.read_text(errors="replace")
        return took

    def kill(self) -> None:
        """Kill the program itself, which can clean up nothing then; what started it ends by itself."""
        found = [pid for pid in below(self.child.pid) if PROGRAM in words(pid) and "python" in words(pid)[0]]
        assert len(found) == 1, f"it ended before it was killed:\n{self.log.read_text()}"
        (pid,) = found
        os.kill(pid, signal.SIGKILL)
        assert self.child.wait(30) != 0


def words(pid: int) -> list[str]:
    """A process's command line; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def everything() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def below(pid: int) -> list[int]:
    """A process and all that descends from it."""
    parents = {}
    for each in everything():
        with contextlib.suppress(OSError):
            parents[each] = int(Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def left(state: Path) -> list[str]:
    """Command lines of processes that work in a checkout's `.galway`, or on a path in it."""
    found = []
    for pid in everything():
        with contextlib.suppress(OSError):
            where = str(Path(f"/proc/{pid}/cwd").readlink())
            line = " ".join(words(pid))
            if line and (where.startswith(str(state)) or f"{state}/" in line):
                found.append(line)
    return found


def tags(storage: Path) -> dict[str, str]:
    """What the killed registry's files call images; Cosign's tags, which name a digest, are left out."""
    folder = storage / f"docker/registry/v2/repositories/jpoley/{NAME}/_manifests/tags"
    found = {path.parents[1].name: path.read_text() for path in folder.glob("*/current/link")}
    return {tag: digest for tag, digest in found.items() if not tag.startswith("sha256-")}


def gated(workspace: Workspace) -> dict[tuple[str, str], evidence.Record]:
    """The records of gates about the layout as it is."""
    found = {}
    for manifest in Layout(workspace.layout(NAME)).manifests():
        for stage in release.GATES:
            record = evidence.read(workspace.evidence, NAME, manifest.platform.slug, stage)
            if record is not None and record.digest == str(manifest.digest):
                found[manifest.platform.slug, stage] = record
    return found


def done(records: dict[tuple[str, str], evidence.Record]) -> dict[tuple[str, str], evidence.Record]:
    """Those that another run may not make again; BuildKit is asked at each run, and answers from its cache."""
    return {(platform, stage): record for (platform, stage), record in records.items() if stage != "build"}


def forget(workspace: Workspace, storage: Path) -> None:
    """Take away what runs before this one have shown and published."""
    for path in (workspace.evidence / NAME).glob("*/*.json"):
        if path.name in ("test.json", "sbom.json", "scan.json", "publish.json", "sign.json", "verify.json"):
            path.unlink()
    shutil.rmtree(storage, ignore_errors=True)


@pytest.mark.slow
def test_a_pipeline_killed_in_each_stage_leaves_nothing_ungated_and_goes_on(built: Built, tmp_path: Path) -> None:
    workspace = built.workspace
    layout = Layout(workspace.layout(NAME))
    storage = workspace.state / "pipeline" / "registry" / "storage"
    database = trivy_db.write(tmp_path / "db", datetime.datetime.now(datetime.UTC))
    forget(workspace, storage)
    took = Run(workspace, database, tmp_path / "whole.log").times()
    forget(workspace, storage)
    chance = random.Random(SEED)  # noqa: S311 - a seed that a failure can be repeated with
    before: dict[tuple[str, str], evidence.Record] = {}
    for number, (stage, seconds) in enumerate(took.items()):
        moment = chance.uniform(0, 0.8 * seconds)
        sys.stderr.write(f"seed {SEED}: killed {moment:.2f} s into {stage}\n")
        run = Run(workspace, database, tmp_path / f"{number}.log")
        run.reach(stage)
        time.sleep(moment)
        run.kill()
        until = time.monotonic() + LEFT_SECONDS
        while (found := left(workspace.state)) and time.monotonic() < until:
            time.sleep(0.1)
        assert found == []
        after = gated(workspace)
        wanted = {(m.platform.slug, gate) for m in layout.manifests() for gate in release.GATES}
        for tag, digest in tags(storage).items():
            assert (tag, digest) == (tag, str(layout.digest))
            assert after.keys() == wanted
            assert {record.status for record in after.values()} == {"passed"}
        for key, record in before.items():
            assert after[key].started == record.started, key
        before = done(after)
    last = Run(workspace, database, tmp_path / "last.log")
    assert last.child.wait(STAGE_SECONDS) == 0, last.log.read_text(errors="replace")
    for key, record in before.items():
        assert gated(workspace)[key].started == record.started, key
    seen = evidence.read(workspace.evidence, NAME, evidence.INDEX, "verify")
    assert seen is not None
    assert (seen.status, seen.digest) == ("passed", str(layout.digest))
    assert left(workspace.state) == []
    assert not (workspace.state / "pipeline").exists()
    assert [str(path) for path in workspace.state.glob("*/.scratch-*")] == []
