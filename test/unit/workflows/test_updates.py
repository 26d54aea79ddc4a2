"""The updater moves the workflows' pins, and a base's fixes do not wait."""

from __future__ import annotations

import json
from typing import Any

from workflows import ROOT

CONFIG: dict[str, Any] = json.loads((ROOT / ".github/renovate.json").read_text())


def settings(*, datasource: str, manager: str, update: str) -> dict[str, Any]:
    """What holds for an update: the general settings, then each rule that matches, in order; later ones win."""
    held = dict(CONFIG)
    facts = {"matchDatasources": datasource, "matchManagers": manager, "matchUpdateTypes": update}
    for rule in CONFIG["packageRules"]:
        asked = {key: value for key, value in rule.items() if key.startswith("match")}
        if asked and all(key in facts and facts[key] in value for key, value in asked.items()):
            held |= rule
    return held


def test_a_bases_new_digest_waits_for_nothing() -> None:
    digest = settings(datasource="docker", manager="custom.regex", update="digest")
    assert digest["minimumReleaseAge"] is None
    assert digest["schedule"] == ["at any time"]
    assert digest["groupName"] == "base images"


def test_an_action_waits_for_a_week_and_keeps_its_commit() -> None:
    action = settings(datasource="github-tags", manager="github-actions", update="minor")
    assert action["minimumReleaseAge"] == "7 days"
    assert action["groupName"] == "actions"
    assert "helpers:pinGitHubActionDigests" in CONFIG["extends"]
