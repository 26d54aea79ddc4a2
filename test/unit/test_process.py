"""The process seam, against real Python: streams, codes, time-outs, interruption."""

import gc
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from galway import process
from galway.errors import MissingToolError

pytestmark = pytest.mark.starts_processes

FLOOD = "import sys; [(sys.stdout.write('o' * 1000 + '\\n'), sys.stderr.write('e' * 1000 + '\\n')) for _ in range(300)]"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_both_streams_are_drained_past_a_pipes_capacity() -> None:
    done = process.run(python(FLOOD), timeout=30)
    assert (len(done.stdout), len(done.stderr)) == (300 * 1001, 300 * 1001)


def test_lines_arrive_as_they_come() -> None:
    lines: list[str] = []
    process.run(python("print('a'); print('b')"), on_stdout=lines.append)
    assert lines == ["a", "b"]


def test_a_failure_names_command_code_and_last_words() -> None:
    with pytest.raises(process.ProcessError) as caught:
        process.run(python("import sys; sys.stderr.write('why\\n'); sys.exit(3)"))
    assert "code 3" in caught.value.message
    assert caught.value.detail == "why"


def test_a_missing_program_is_a_missing_tool() -> None:
    with pytest.raises(MissingToolError, match="no-such-program"):
        process.run(["no-such-program"])


def test_standard_input_is_fed_and_a_child_that_does_not_read_is_no_error() -> None:
    echo = python("import sys; sys.stdout.write(sys.stdin.read())")
    assert process.run(echo, stdin=[b"one ", b"two"]).stdout == "one two"
    process.run(python("pass"), stdin=(b"x" * 100_000 for _ in range(10)))


def test_a_daemon_may_outlive_whoever_started_it_without_a_warning(tmp_path: Path) -> None:
    pid = process.spawn(python("import time; time.sleep(60)"), log=tmp_path / "log").pid
    gc.collect()
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


def test_a_daemon_is_not_complained_of_when_the_interpreter_exits(tmp_path: Path) -> None:
    spawn = "process.spawn([sys.executable, '-c', 'import time; time.sleep(60)'], log=pathlib.Path(sys.argv[1])).pid"
    code = f"import pathlib, sys; from galway import process; print({spawn})"
    done = process.run([sys.executable, "-W", "default", "-c", code, str(tmp_path / "log")])
    os.kill(int(done.stdout), signal.SIGKILL)
    assert done.stderr == ""


def test_running_out_of_time_ends_the_child_and_its_children(tmp_path: Path) -> None:
    grandchild = tmp_path / "pid"
    with pytest.raises(process.ProcessError):
        process.run(("sh", "-c", 'sleep 60 & echo $! > "$0"; wait', str(grandchild)), timeout=0.5)
    pid = int(grandchild.read_text())
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.05)
    pytest.fail("the grandchild outlived its group")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
