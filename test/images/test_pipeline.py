"""All stages in one go on the real images: everything passes where a database is given, and says so where none is."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
import trivy_db

from galway import evidence, pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Built


def run(built: Built, *databases: str) -> pipeline.Pipeline:
    made = pipeline.Pipeline(
        workspace=built.workspace,
        wish=pipeline.Wish(databases=databases),
        say=lambda _line: None,
        observe=lambda _step: None,
        changed=lambda _outcome: None,
    )
    made.run()
    return made


@pytest.fixture
def known(tmp_path: Path) -> str:
    """A small genuine database, made now."""
    return str(trivy_db.write(tmp_path / "db", datetime.datetime.now(datetime.UTC)))


def test_every_stage_passes_on_every_image_with_a_database(built: Built, known: str) -> None:
    done = run(built, known)
    states = {
        (name, stage): (cell.state, cell.reason)
        for name, cells in done.outcome.cells.items()
        for stage, cell in cells.items()
        if cell.state != "passed"
    }
    assert states == {}
    assert done.verdict is None
    for name in built.images:
        record = evidence.read(built.workspace.evidence, name, evidence.INDEX, "verify")
        assert record is not None
        assert record.status == "passed"


def test_without_a_database_the_rest_is_done_and_the_end_is_no_verdict(built: Built) -> None:
    done = run(built, "127.0.0.1:9/trivy-db:2")
    for name, cells in done.outcome.cells.items():
        assert cells["scan"].state == "not_evaluated", name
        assert cells["publish"].state == "not_evaluated", name
        assert cells["verify"].state == "passed", name
    assert done.verdict is not None
    assert done.verdict.exit_code == 10
    assert "scan" in done.verdict.message


def test_nothing_of_the_throw_away_registry_and_key_is_left(built: Built) -> None:
    assert not (built.workspace.state / "pipeline").exists()
