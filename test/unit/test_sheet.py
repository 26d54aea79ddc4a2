"""A narrow terminal shows what a wide one does, in words that can be read."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from galway.report import next_step, status, table

REFERENCE = "ghcr.io/jpoley/jp-spec-kit-security:0.0.250"


def shown(width: int) -> list[str]:
    """A report's lines on a terminal of so many columns, without their ends."""
    made = table("image", "platform", "status", "reference", "budget", numbers=("budget",))
    made.add_row("security-scanner", "linux/amd64", status("not_evaluated"), REFERENCE, "100.0 MB")
    made.add_row("", "", "", next_step("inv build"), "")
    made.add_row("ci", "linux/arm64", status("passed"), "", "1 MB")
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, color_system=None)
    console.print(made)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_where_there_is_room_it_is_a_table() -> None:
    head, _, first, *_ = [line for line in shown(120) if line]
    assert head.split() == ["image", "platform", "status", "reference", "budget"]
    assert first.split() == ["security-scanner", "linux/amd64", "not", "evaluated", REFERENCE, "100.0", "MB"]


def test_a_narrow_terminal_gets_a_block_for_each_row() -> None:
    assert shown(60) == [
        "",
        "security-scanner",
        " platform   linux/amd64",
        " status     not evaluated",
        f" reference  {REFERENCE}",
        " budget     100.0 MB",
        " reference  next: scripts/inv build",
        "",
        "ci",
        " platform   linux/arm64",
        " status     passed",
        " budget     1 MB",
        "",
    ]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 160])
def test_no_width_loses_a_letter_or_breaks_an_ordinary_word(width: int) -> None:
    lines = shown(width)
    assert max(map(len, lines)) <= width
    text = "".join("".join(lines).split())
    assert all(letters in text for letters in ("linux/amd64", "notevaluated", "100.0MB", "linux/arm64", "passed"))
    assert any("evaluated" in line for line in lines)


def test_a_list_of_two_columns_stays_one() -> None:
    made = table("engine", "")
    made.add_row("why", "the embedded engine runs from /root/.cache/galway/engine")
    console = Console(file=io.StringIO(), width=30, color_system=None)
    console.print(made)
    assert isinstance(console.file, io.StringIO)
    assert "why" in console.file.getvalue().splitlines()[3]
