"""Whoever ends `inv` ends what it started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TASKS = """\
import sys
from invoke.tasks import task

CHILD = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '99']).pid, flush=True); time.sleep(99)"

@task
def wait(c):
    from galway import console, process
    with console.edge():
        process.run([sys.executable, "-c", CHILD], on_stdout=lambda line: print(line, flush=True))
"""


def runs(pid: int) -> bool:
    """Whether a process is there and more than an entry that waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.starts_processes
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc to look into")
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_children_of_inv_too(sign: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    command = (sys.executable, "-m", "galway.commands.entry", "wait")
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, text=True, **streams) as inv:  # type: ignore[call-overload]
        grandchild = int(inv.stdout.readline())
        inv.send_signal(sign)
        _, said = inv.communicate(timeout=60)
    assert (inv.returncode, said) == (code, "interrupted; running the same command again continues\n")
    for _ in range(100):
        if not runs(grandchild):
            return
        time.sleep(0.05)
    pytest.fail("the child of a child goes on")
