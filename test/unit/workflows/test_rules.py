"""The workflows keep the project's rules, and each rule notices when one does not."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
import workflows
from workflows import RULES, Workflow

from galway import catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[Workflow], list[str]]

ALL = {workflow.name: workflow for workflow in workflows.everything()}

BROKEN: tuple[tuple[Rule, str, str, str, str], ...] = (
    (workflows.steps, "ci.yml", "run: scripts/inv doctor", "run: docker build .", "docker build"),
    (workflows.steps, "ci.yml", "run: scripts/inv doctor", "run: curl x | xargs scripts/inv doctor", "curl"),
    (workflows.steps, "ci.yml", "run: scripts/inv doctor", "run: scripts/inv doctor && curl x", "curl"),
    (workflows.steps, "image.yml", "|\n            jq -c", "| curl x | jq -c", "curl"),
    (workflows.commands, "ci.yml", "scripts/inv doctor", "scripts/inv doktor", "doktor"),
    (workflows.commands, "image.yml", "scan --image", "scan --picture", "--picture"),
    (workflows.commands, "image.yml", "${KEYLESS:+--keyless}", "${KEYLESS:+--key-less}", "--key-less"),
    (workflows.commands, "image.yml", "xargs scripts/inv merge --image", "xargs scripts/inv merge --name", "--name"),
    (workflows.commands, "ci.yml", "nox -s collector", "nox -s crate", "no session crate"),
    (workflows.commands, "ci.yml", "nox -s collector", "nox", "names no session"),
    (
        workflows.pins,
        "ci.yml",
        "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
        "a/b@v7",
        "a/b@v7",
    ),
    (workflows.pins, "ci.yml", " # v7.0.1", "", "not by commit and version"),
    (workflows.pins, "build-ci.yml", "workflows/image.yml\n    perm", "workflows/none.yml\n    perm", "none.yml"),
    (workflows.permissions, "ci.yml", "permissions: {}\n\nconcurrency", "concurrency", "at the top"),
    (workflows.permissions, "ci.yml", "contents: read", "contents: write", "contents: write"),
    (workflows.permissions, "ci.yml", "contents: read", "packages: write", "packages: write"),
    (workflows.permissions, "image.yml", "    permissions:\n      contents: read # checkout\n", "", "does not say"),
    (workflows.limits, "ci.yml", "    timeout-minutes: 20\n", "", "timeout-minutes"),
    (workflows.limits, "build-ci.yml", "concurrency:", "env:", "concurrency"),
    (workflows.secrets, "image.yml", '--image "$IMAGE"', "--image ${{ inputs.image }}", "expression"),
    (
        workflows.secrets,
        "image.yml",
        "run: scripts/inv sign",
        "run: scripts/inv sign --key $COSIGN_PASSWORD",
        "COSIGN_PASS",
    ),
    (workflows.secrets, "ci.yml", "persist-credentials: false", "persist-credentials: true", "token in the checkout"),
    (workflows.calls, "build-ci.yml", "publish: $", "publishes: $", "publishes"),
    (workflows.calls, "build-ci.yml", "      image: ci\n", "", "requires image"),
    (workflows.calls, "build-ci.yml", "cosign-key:", "key:", "no key among"),
    (workflows.paths, "build-ci.yml", "docker/Dockerfile.ci'", "docker/Dockerfile.gone'", "Dockerfile.gone"),
)


@pytest.mark.parametrize("workflow", ALL.values(), ids=ALL)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_workflow_keeps_every_rule(rule: Rule, workflow: Workflow) -> None:
    assert rule(workflow) == []


@pytest.mark.parametrize(("rule", "name", "old", "new", "fault"), BROKEN)
def test_a_broken_rule_is_noticed(rule: Rule, name: str, old: str, new: str, fault: str) -> None:
    text = ALL[name].text
    assert old in text
    assert fault in "\n".join(rule(Workflow(name=name, text=text.replace(old, new, 1))))


def test_every_rule_was_broken_once() -> None:
    assert {case[0] for case in BROKEN} == set(RULES)


def test_no_action_has_two_commits() -> None:
    used = {
        line.split("uses: ")[1].split(" #")[0]
        for workflow in ALL.values()
        for line in workflow.text.splitlines()
        if "uses: " in line and "@" in line
    }
    assert len(used) == len({action.split("@")[0] for action in used})


def test_every_image_has_a_workflow_that_publishes_it() -> None:
    passed = {job["with"]["image"] for workflow in ALL.values() for job in workflow.jobs.values() if "with" in job}
    assert passed >= {image.name for image in catalog.load(workflows.ROOT).images}


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("build-security-scanner.yml", {"docker/Dockerfile.security-scanner", "scripts/security/**"}),
        ("build-agent-collector.yml", {"src/agent-updates-collector/**"}),
    ],
)
def test_a_build_starts_when_the_specification_says(name: str, filters: set[str]) -> None:
    push = ALL[name].triggers["push"]
    assert push["branches"] == ["main"]
    assert filters <= set(push["paths"])
    assert "v*" in push["tags"]


def test_the_collectors_script_calls_a_task_that_exists() -> None:
    script = (workflows.ROOT / "scripts/docker/build-agent-collector.sh").read_text()
    call = script.rstrip().splitlines()[-1].split("scripts/inv")[1].removeprefix('"').removesuffix('"$@"')
    words = shlex.split(call)
    assert words[:3] == ["build", "--image", "agent-updates-collector"]
    assert workflows.inv(words) == []
