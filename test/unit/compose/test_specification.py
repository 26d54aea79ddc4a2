"""docker-compose.yml says what the specification's listing says, but for a table of deviations; nothing is weakened."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from galway import catalog
from galway.compose import FILE, SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/tasks/local.md").read_text()

Fact = tuple[str, str]
"""A place in the file, and one value that stands there."""

SPECIFICATION = {
    "version": "3.8",
    "services": {
        "security-scanner": {
            "image": "ghcr.io/jpoley/jp-spec-kit-security:0.0.250",
            "build": {"context": ".", "dockerfile": "docker/Dockerfile.security-scanner"},
            "volumes": ["./:/scan:ro", "./results:/scan/results:rw"],
            "environment": ["SCAN_TYPE=full", "DEBUG=true"],
            "deploy": {
                "resources": {
                    "limits": {"cpus": "0.5", "memory": "512M"},
                    "reservations": {"cpus": "0.25", "memory": "256M"},
                }
            },
        },
        "agent-collector": {
            "build": {"context": "src/agent-updates-collector", "dockerfile": "Dockerfile"},
            "ports": ["8080:8080", "9090:9090"],
            "volumes": ["agent-data:/app/data"],
            "environment": ["DATABASE_URL=sqlite:///app/data/agent-updates.db", "LOG_LEVEL=debug"],
        },
    },
    "volumes": {"agent-data": None},
}
"""The listings of "Docker Compose for Local Development" and of "Resource Limits", as one file."""

DEVIATIONS: Mapping[Fact, Fact | None] = {
    ("version", "3.8"): None,
    ("services.agent-collector.ports", "8080:8080"): ("services.agent-collector.ports", "127.0.0.1:8080:8080"),
    ("services.agent-collector.ports", "9090:9090"): ("services.agent-collector.ports", "127.0.0.1:9090:9090"),
}
"""What does not stand in our file, and what stands instead; docs/tasks/local.md has the reasons."""


def facts(value: object, path: str = "") -> Iterator[Fact]:
    """Each value of a file with its place; variables as they are where nobody sets them, folders in one spelling."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from facts(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from facts(inner, path)
    else:
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", "" if value is None else str(value))
        source, colon, target = text.partition(":")
        yield path, f"{os.path.normpath(source)}:{target}" if path.endswith("volumes") and colon else text


OURS = yaml.safe_load((ROOT / FILE).read_text())


def test_what_the_specification_has_is_there_or_in_the_table() -> None:
    assert set(facts(SPECIFICATION)) - set(facts(OURS)) == set(DEVIATIONS)


@pytest.mark.parametrize(("theirs", "instead"), DEVIATIONS.items(), ids=lambda fact: fact and fact[1])
def test_a_deviation_says_what_stands_instead_and_the_page_says_why(theirs: Fact, instead: Fact | None) -> None:
    found = set(facts(OURS))
    assert instead in found if instead else theirs[0] not in dict(found)
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and theirs[1] in line]
    assert len(rows) == 1, f"docs/tasks/local.md has no row with {theirs[1]}"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_under_its_images_run_profile(service: str) -> None:
    (run,) = (image.run for image in catalog.load(ROOT).images if image.name == SERVICES[service])
    ours = OURS["services"][service]
    limits = ours["deploy"]["resources"]["limits"]
    assert (ours["read_only"], tuple(ours["tmpfs"])) == (run.read_only, run.tmpfs)
    assert (float(limits["cpus"]), limits["memory"].lower()) == (run.cpus, run.memory)
    assert ours["memswap_limit"] == limits["memory"]
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true", f"seccomp:{run.seccomp}"]
    assert [int(port.rpartition(":")[2]) for port in ours.get("ports", ())] == list(run.ports)


def test_nobody_is_given_what_the_specification_does_not_give() -> None:
    widening = ("privileged", "cap_add", "pid", "ipc", "devices", "userns_mode", "env_file")
    assert [path for path, _ in facts(OURS) if path.rpartition(".")[2] in widening] == []
