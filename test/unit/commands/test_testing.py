"""`inv test` where nothing is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bundles
import pytest
from invoke.context import Context

from galway import prepare
from galway.commands import testing
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


def test_where_nothing_is_built_there_is_an_error_and_no_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    workspace = Workspace(root=bundles.checkout(tmp_path / "checkout").root, cache=tmp_path / "cache")
    monkeypatch.setattr(Workspace, "here", lambda: workspace)
    monkeypatch.setattr(prepare, "session", lambda *_, **__: pytest.fail("a tool was fetched for nothing"))
    with pytest.raises(SystemExit) as ended:
        testing.run_tests(Context(), image=[], platform=[])
    assert ended.value.code == 5
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1].startswith("next: run `scripts/inv build` first")
