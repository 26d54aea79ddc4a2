"""What GitHub shows to people names commands and paths that exist."""

from __future__ import annotations

import re
import shlex

import pytest
import workflows
import yaml
from workflows import ROOT, Workflow

PAGES = ("docs/ci.md", ".github/pull_request_template.md")
OWNERS = ROOT / ".github/CODEOWNERS"
WORKFLOWS = {workflow.name: workflow for workflow in workflows.everything()}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_names_commands_that_exist(name: str) -> None:
    named = re.findall(r"`scripts/(inv|nox) ([^`]+)`", (ROOT / name).read_text())
    assert named
    for program, rest in named:
        check = workflows.sessions_named if program == "nox" else workflows.inv
        assert check(shlex.split(rest)) == []


def test_an_owned_path_is_there() -> None:
    patterns = [line.split()[0] for line in OWNERS.read_text().splitlines() if line and not line.startswith("#")]
    assert patterns[0] == "*"
    for pattern in patterns[1:]:
        assert (ROOT / pattern.strip("/")).exists(), pattern


def test_forms_ask_for_what_a_report_needs() -> None:
    bug = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    required = {field["id"] for field in bug["body"] if field.get("validations", {}).get("required")}
    assert required == {"what", "doctor", "reference"}


def test_the_page_names_every_workflow_and_every_secret_and_variable() -> None:
    page = (ROOT / "docs/ci.md").read_text()
    used = {
        name for workflow in WORKFLOWS.values() for name in re.findall(r"(?:secrets|vars)\.([A-Z_]+)", workflow.text)
    }
    for name in {*WORKFLOWS, *used}:
        assert f"`{name}`" in page, name


def test_identities_that_are_trusted_are_those_of_the_workflow_that_signs() -> None:
    """Sigstore's certificate names the called workflow: the one with the step, not its caller."""
    signing = (ROOT / "docker/signing.toml").read_text()
    pattern = re.search(r"identity = '(.+)'", signing)
    assert pattern
    signers = [name for name, workflow in WORKFLOWS.items() if _signs(workflow)]
    assert signers == ["image.yml"]
    place = "https://github.com/jpoley/galway/.github/workflows"
    assert re.fullmatch(pattern[1], f"{place}/image.yml@refs/tags/v0.1.0")
    assert re.fullmatch(pattern[1], f"{place}/image.yml@refs/heads/main")
    assert not re.fullmatch(pattern[1], f"{place}/image.yml@refs/heads/other")


def _signs(workflow: Workflow) -> bool:
    return any(line.startswith("scripts/inv sign") for line in workflow.lines())
