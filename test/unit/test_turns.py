"""One command at a time, and the next one says that it waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from galway.turns import turn

if TYPE_CHECKING:
    from pathlib import Path


def test_the_second_says_whom_it_waits_for_and_comes_after_the_first(tmp_path: Path) -> None:
    lock, order, waits = tmp_path / "new" / "lock", list[str](), threading.Event()

    def say(line: str) -> None:
        order.append(line)
        waits.set()

    def second() -> None:
        with turn(lock, "the first", say=say):
            order.append("second")

    with turn(lock, "nobody", say=order.append):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(10)
        order.append("first")
    other.join(10)

    assert order == ["waiting for the first", "first", "second"]


def test_a_turn_that_fails_is_over(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ZeroDivisionError), turn(tmp_path / "lock", "nobody", say=said.append):
        raise ZeroDivisionError
    with turn(tmp_path / "lock", "the one that failed", say=said.append):
        assert said == []
