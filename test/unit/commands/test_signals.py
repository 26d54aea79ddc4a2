"""Whoever ends `inv` ends what it started."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASKS = """\
import sys
from invoke.tasks import task

CHILD = "import subprocess, time; subprocess.Popen(['sleep', '99'], stdout=open('held', 'w')); time.sleep(99)"

@task
def wait(c):
    from galway import console, process
    with console.edge():
        process.run([sys.executable, "-c", CHILD])
"""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C, and so would all that is started from tests that run in one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.starts_processes
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_children_of_inv_too(sign: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    os.mkfifo(tmp_path / "held")
    command = (sys.executable, "-m", "galway.commands.entry", "wait")
    with (
        subprocess.Popen(command, cwd=tmp_path, text=True, stderr=subprocess.PIPE) as inv,
        (tmp_path / "held").open("rb", buffering=0) as held,  # waits until the child of the child is about to start
    ):
        inv.send_signal(sign)
        _, said = inv.communicate(timeout=60)
        ended, _, _ = select.select([held], [], [], 10)
        assert ended, "the child of a child goes on"
        assert held.read() == b""
    assert (inv.returncode, said) == (code, "interrupted; running the same command again continues\n")
