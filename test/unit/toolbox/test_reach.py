"""What is remembered of servers that did not answer, and how progress is shown."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from galway.toolbox import progress
from galway.toolbox.reach import MINUTES, Reach

if TYPE_CHECKING:
    from pathlib import Path


def test_a_silent_server_is_left_alone_for_some_minutes(tmp_path: Path) -> None:
    clock = [1000.0]
    reach = Reach(tmp_path / "cache" / "unreachable.json", now=lambda: clock[0])
    reach.note_down("https://example.org/a")

    assert reach.is_down("https://example.org/b")
    assert not reach.is_down("https://example.com/a")
    clock[0] += 60 * MINUTES
    assert not reach.is_down("https://example.org/b")


def test_forgetting_asks_everyone_again(tmp_path: Path) -> None:
    reach = Reach(tmp_path / "unreachable.json")
    reach.note_down("https://example.org/a")

    reach.forget()

    assert not reach.is_down("https://example.org/a")


def test_a_clock_set_back_and_a_damaged_file_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "unreachable.json"
    Reach(file, now=lambda: 2000.0).note_down("https://example.org/a")
    assert not Reach(file, now=lambda: 1000.0).is_down("https://example.org/a")

    file.write_text("{")
    assert not Reach(file).is_down("https://example.org/a")


def test_a_log_gets_a_line_for_each_quarter() -> None:
    sink = io.StringIO()
    with progress.on(Console(file=sink))("trivy", 0, 4_000_000) as advance:
        for _ in range(40):
            advance(100_000)

    assert sink.getvalue().splitlines() == [
        "trivy: 4.0 MB",
        "trivy: 25 %",
        "trivy: 50 %",
        "trivy: 75 %",
        "trivy: 100 %",
    ]


def test_a_terminal_gets_a_bar() -> None:
    sink = io.StringIO()
    with progress.on(Console(file=sink, force_terminal=True, width=100))("trivy", 0, None) as advance:
        advance(100)

    assert "trivy" in sink.getvalue()
