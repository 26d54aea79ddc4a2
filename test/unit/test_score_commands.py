"""`inv scorecard`, `inv checklist` and the end of `inv pipeline`: files, last lines and exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from invoke.context import Context
from shop import ROOT

from galway import catalog, checklist, history, pipeline as whole
from galway.commands import pipeline as pipeline_command, score
from galway.errors import NotEvaluatedError
from galway.pipeline import STAGES, Cell, Outcome
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = catalog.load(ROOT).images


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A checkout without anything built."""
    for name in ("docker", "src", "test"):
        (tmp_path / name).symlink_to(ROOT / name)
    made = Workspace(root=tmp_path, cache=tmp_path / "cache")
    monkeypatch.setattr(Workspace, "here", lambda: made)
    return made


def test_a_scorecard_of_nothing_reports_and_ends_well(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    score.scorecard.body(Context(), [])
    lines = 6 * len(IMAGES) + 4  # a metric is about each image or about all of them together
    said = f"0 of {lines} lines pass, 0 fail, {lines - 1} not evaluated, 1 skipped"
    assert said in capsys.readouterr().out
    assert not workspace.state.exists()


def test_the_gate_ends_with_10_where_nothing_was_judged(workspace: Workspace) -> None:
    assert workspace
    for command in (score.scorecard, score.checklist):
        with pytest.raises(SystemExit) as ended:
            command.body(Context(), [], gate=True)
        assert ended.value.code == 10


def test_the_last_line_names_the_files(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    page, card = workspace.root / "out" / "card.html", workspace.root / "out" / "card.md"
    score.scorecard.body(Context(), ["ci"], html=str(page), markdown=str(card), json=True)
    streams = capsys.readouterr()
    assert json.loads(streams.out)["lines"]
    assert streams.err.splitlines()[-1] == f"written: {card}, {page}"
    assert page.read_text().startswith("<!doctype html>")


def test_a_dry_run_writes_and_forgets_nothing(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    history.append(workspace, history.Pull(at="2020-01-01T00:00:00Z", reference="r/x", ok=True))
    score.scorecard.body(Context(), [], html=str(workspace.root / "x.html"), dry=True)
    score.scorecard.body(Context(), [], prune="1", dry=True)
    assert not (workspace.root / "x.html").exists()
    assert len(history.read(workspace).pulls) == 1
    assert "would write" in capsys.readouterr().err
    score.scorecard.body(Context(), [], prune="1")
    assert history.read(workspace).pulls == []


def test_a_checklist_has_every_item_for_every_image(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert workspace
    score.checklist.body(Context(), [], json=True)
    found = json.loads(capsys.readouterr().out)
    wanted = [(image.name, item) for image in IMAGES for _, item, _ in checklist.ITEMS]
    assert [(row["image"], row["item"]) for row in found] == wanted


class Ran:
    """A pipeline that came to its end."""

    def __init__(self, **_: object) -> None:
        cells = {stage: Cell(state="passed", seconds=1.0) for stage in STAGES}
        self.outcome = Outcome(started="2026-11-25T00:00:00Z", cells={"ci": cells})
        self.verdict = NotEvaluatedError("scan of ci: there was no database", hint="inv scan --database X")

    def run(self) -> Outcome:
        return self.outcome


def run(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(whole, "Pipeline", Ran)
    with pytest.raises(SystemExit) as ended:
        pipeline_command.pipeline.body(Context(), ["ci"], [], [])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_pipeline_leaves_its_report_names_it_and_ends_with_its_verdict(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 10
    folder = workspace.state / "report"
    assert sorted(path.name for path in folder.iterdir()) == ["pipeline.json", "pipeline.md", "report.html"]
    lines = capsys.readouterr().err.splitlines()
    assert lines[-3:] == [
        f"written: {folder / 'pipeline.json'}, {folder / 'pipeline.md'}, {folder / 'report.html'}",
        "error: scan of ci: there was no database",
        "next: scripts/inv scan --database X",
    ]


def test_a_report_that_cannot_be_written_hides_no_verdict(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.state.mkdir()
    (workspace.state / "report").write_text("in the way")
    assert run(monkeypatch) == 10
    assert "no report was written" in capsys.readouterr().err
