"""What the runner changes about bandit, with a stand-in where bandit's own modules would be."""

from __future__ import annotations

import gc
import runpy
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from security.engines import bandit

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, ...]]]:
    """How often garbage is looked for when bandit's command begins; this process gets its own settings back."""
    before, noted = gc.get_threshold(), []
    names = (
        "cli",
        "cli.main",
        "core",
        "core.manager",
        "core.node_visitor",
        "core.tester",
        "core.utils",
        "core.context",
    )
    modules = {name: ModuleType(f"bandit.{name}") for name in names}
    modules["cli.main"].main = lambda: noted.append((*gc.get_threshold(), gc.get_freeze_count()))  # type: ignore[attr-defined]
    modules["core.tester"].BanditTester = object  # type: ignore[attr-defined]
    modules["core.node_visitor"].BanditNodeVisitor = object  # type: ignore[attr-defined]
    modules["core.manager"].b_node_visitor = ModuleType("visitor")  # type: ignore[attr-defined]
    modules["core.context"].Context = object  # type: ignore[attr-defined]
    for name in ("manager", "node_visitor", "tester", "utils"):
        setattr(modules["core"], name, modules[f"core.{name}"])
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"bandit.{name}", module)
    monkeypatch.setitem(sys.modules, "bandit", ModuleType("bandit"))
    yield noted
    gc.set_threshold(*before)
    gc.unfreeze()


def test_garbage_is_looked_for_seldom_but_not_never(
    seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bandit_runner.py", "--ignore-nosec"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(bandit.RUNNER), run_name="__main__")
    ((youngest, *_, frozen),) = seen
    assert 10_000 <= youngest <= 100_000  # 0 would be never: a large tree's garbage takes more than the container has
    assert frozen > 0


def test_a_run_that_would_read_inline_comments_is_refused(
    seen: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bandit_runner.py"])
    with pytest.raises(SystemExit, match="--ignore-nosec"):
        runpy.run_path(str(bandit.RUNNER), run_name="__main__")
    assert seen == []
