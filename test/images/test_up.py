"""The services of docker-compose.yml run what `inv build` made, answer, leave their results and go away again."""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import requests

from galway import compose, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from conftest import Built

PROJECT = "galway-test-up"
"""Compose's name for these containers, network and volume, so that those of a person's own `inv up` are left alone."""

SOURCE = "import subprocess\n\n\ndef run(command):\n    subprocess.call(command, shell=True)\n"

SECONDS = 300.0

STRANGER = 4711
"""A uid and gid that nobody has, neither the images' nor the caller's."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return found


@dataclass(frozen=True, kw_only=True)
class Local:
    """The compose project of one test: its folder to scan and its ports.

    Parameters
    ----------
    scanned:
        What the scanner reads.
    api, metrics:
        Where the collector is published.
    """

    built: Built
    scanned: Path
    api: int
    metrics: int
    env: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        chosen = {"GALWAY_API_PORT": str(self.api), "GALWAY_METRICS_PORT": str(self.metrics)}
        place = {"COMPOSE_PROJECT_NAME": PROJECT, "GALWAY_SCAN": str(self.scanned)}
        object.__setattr__(self, "env", {**chosen, **place})

    def inv(self, *words: str, ok: tuple[int, ...] = (0,)) -> process.Completed:
        """Run one of the project's commands as a person does, in a process of its own."""
        command = (sys.executable, "-m", "galway.commands.entry", *words)
        return process.run(command, env=self.env, cwd=self.built.workspace.root, ok=ok, timeout=SECONDS)

    def left(self, kind: str) -> list[str]:
        """The names of this project's containers, networks or volumes that are there."""
        every = ("--all",) if kind == "container" else ()
        label = f"label=com.docker.compose.project={PROJECT}"
        shown = "{{.Names}}" if kind == "container" else "{{.Name}}"
        return self.built.docker(kind, "ls", *every, "--filter", label, "--format", shown).stdout.split()

    def running(self) -> dict[str, str]:
        """The digest of the manifest that each service was made from."""
        show = '{{index .Config.Labels "com.docker.compose.service"}} {{.Image}}'
        lines = self.built.docker("inspect", "--format", show, *self.left("container")).stdout.splitlines()
        return dict(line.split() for line in lines)

    def wanted(self) -> dict[str, str]:
        """The digest of the manifest that the build left for each service."""
        pinned = compose.pin(self.built.workspace, self.built.images)
        return {service: str(reference.digest) for service, reference in pinned.items()}

    def answers(self) -> None:
        """Hold both ports to what they are for."""
        for port, path, said in ((self.api, "readyz", ""), (self.metrics, "metrics", "# TYPE ")):
            answer = requests.get(f"http://127.0.0.1:{port}/{path}", timeout=10)
            assert (answer.status_code, said in answer.text) == (200, True), answer.text

    def summary(self) -> tuple[dict[str, Any], int, int]:
        """What the scan came to, and who owns the file."""
        path = self.scanned / "results" / "summary.json"
        return json.loads(path.read_text()), path.stat().st_uid, path.stat().st_gid


@pytest.fixture
def local(built: Built, tmp_path: Path) -> Iterator[Local]:
    """A project that is taken down at the end, whatever became of it."""
    scanned = tmp_path / "scanned"
    scanned.mkdir()
    (scanned / "app.py").write_text(SOURCE)
    api, metrics = free_ports(2)
    made = Local(built=built, scanned=scanned, api=api, metrics=metrics)
    try:
        yield made
    finally:
        made.inv("down", "--volumes")


def test_up_waits_for_both_services_and_down_leaves_the_data_until_it_is_told(local: Local) -> None:
    shown = json.loads(local.inv("up", "--json").stdout)
    services = {name: (each["state"], each["health"]) for name, each in shown["services"].items()}
    assert services["agent-collector"] == ("running", "healthy")
    assert services["security-scanner"][0] == "exited"
    local.answers()
    found, *owner = local.summary()
    assert found["status"] != "incomplete"
    assert owner == [os.getuid(), os.getgid()]
    assert local.running() == local.wanted()
    local.inv("down")
    assert [local.left(kind) for kind in ("container", "network", "volume")] == [[], [], [f"{PROJECT}_agent-data"]]
    local.inv("down", "--volumes")
    assert local.left("volume") == []


def test_pinned_services_are_named_by_digest(local: Local) -> None:
    shown = local.inv("up", "--pinned").stdout
    names = local.built.docker("inspect", "--format", "{{.Config.Image}}", *local.left("container")).stdout.split()
    assert sorted(name.rpartition("@")[2] for name in names) == sorted(local.wanted().values())
    assert all(f"image: {name}" in shown for name in names)
    local.answers()


def test_plain_docker_compose_works_too_and_gives_the_results_to_whom_it_is_told(local: Local) -> None:
    results = local.scanned / "results"
    results.mkdir()
    os.chown(results, STRANGER, STRANGER)
    local.scanned.chmod(0o755)
    for folder in local.scanned.parents[:3]:  # pytest makes its folders for their owner alone
        folder.chmod(folder.stat().st_mode | 0o011)
    # The ids are set after engine.env, which exports the caller's.
    env = 'eval "$("$0" -m galway.commands.entry engine.env)"; export GALWAY_UID=$1 GALWAY_GID=$1'
    command = ("sh", "-ec", f"{env}; docker-compose up -d", sys.executable, str(STRANGER))
    process.run(command, env=local.env, cwd=local.built.workspace.root, timeout=SECONDS)
    assert local.built.docker("wait", f"{PROJECT}-security-scanner-1").stdout.split() in (["0"], ["1"])
    found, *owner = local.summary()
    assert found["status"] != "incomplete"
    assert owner == [STRANGER, STRANGER]
    local.answers()


def test_a_port_with_another_owner_is_named_with_its_variable(local: Local) -> None:
    with socket.create_server(("127.0.0.1", local.metrics)):
        done = local.inv("up", ok=(2,))
    assert f"error: port {local.metrics} has another owner: agent-collector was not started" in done.stderr
    assert "next: choose another one in GALWAY_METRICS_PORT, or stop" in done.stderr
    assert "Traceback" not in done.stderr
