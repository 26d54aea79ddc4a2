"""What each image is for, tried once under its run profile: a small folder, a small project, one event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from galway.errors import ImageTestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from galway.checks.containers import Containers

FLAW = b"import subprocess\n\n\ndef run(command):\n    subprocess.call(command, shell=True)\n"
"""bandit's B602 and a rule of ours."""

PROJECT: Mapping[str, bytes | None] = {
    "sums.py": b'"""Sums."""\n\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n',
    "test_sums.py": b"from sums import add\n\n\ndef test_add() -> None:\n    assert add(1, 2) == 3\n",
}

EVENT = {
    "version": "1.0.0",
    "event_type": "lifecycle.started",
    "timestamp": "2026-01-02T03:04:05Z",
    "agent_id": "@image-test@galway",
}

_ASK = r"""
exec 3<>/dev/tcp/127.0.0.1/"$1" || exit 1
printf '%s' "$2" >&3
while IFS= read -r line <&3 || [ -n "$line" ]; do printf '%s\n' "$line"; done
"""
"""An HTTP client of bash alone: no program is started, no port of the host is taken, no other image is needed."""


class JobFailedError(ImageTestError):
    """The image did not do what it is for."""


def scan(containers: Containers, _container: str) -> str:
    """The scanner finds a planted flaw, without a network, the folder read-only and the results in a volume of theirs.

    Raises
    ------
    JobFailedError
        No finding, or another exit code than that for findings.
    """
    with containers.volume({"app.py": FLAW, "results": None}) as source, containers.volume({}) as results:
        mounts = ("--mount", f"type=volume,src={source},dst=/scan,readonly")
        target = ("--mount", f"type=volume,src={results},dst=/scan/results")
        done = containers.run(extra=(*mounts, *target))
        if done.code != 1:
            raise JobFailedError(f"a scan of a planted flaw ended with code {done.code}: {_end(done.tail)}")
        summary = containers.run("/scan/results/summary.json", extra=(*mounts, *target), entrypoint="cat").stdout
    if "app.py" not in summary or json.loads(summary).get("status") == "incomplete":
        raise JobFailedError("the scan's summary does not name the planted flaw")
    return "it found the planted flaw"


def develop(containers: Containers, _container: str) -> str:
    """The CI image lints and tests a small project.

    Raises
    ------
    JobFailedError
        ruff or pytest refused it.
    """
    with containers.volume(PROJECT) as project:
        extra = ("--mount", f"type=volume,src={project},dst=/workspace")
        done = containers.run("sh", "-ec", "ruff check --quiet . && pytest -q", extra=extra)
    if done.code != 0 or "1 passed" not in done.stdout:
        raise JobFailedError(f"ruff and pytest on a small project ended with code {done.code}: {_end(done.tail)}")
    return "ruff and pytest passed on a small project"


def collect(containers: Containers, container: str) -> str:
    """The collector takes an event, gives it back and counts it.

    Raises
    ------
    JobFailedError
        It did not.
    """
    body = json.dumps(EVENT)
    taken = _ask(containers, container, 8080, "POST /v1/events", body)
    given = _ask(containers, container, 8080, "GET /v1/events?limit=5")
    if EVENT["agent_id"] not in given:
        raise JobFailedError(f"it did not give back the event that it took: {_end(taken)}")
    if "# TYPE" not in _ask(containers, container, 9090, "GET /metrics"):
        raise JobFailedError("its metrics port answers without metrics")
    return "it took an event, gave it back and counted it"


JOBS: Mapping[str, Callable[[Containers, str], str]] = {
    "security-scanner": scan,
    "ci": develop,
    "agent-updates-collector": collect,
}
"""By name in the catalog. A service gets its running container, a batch image runs one of its own."""


def _ask(containers: Containers, container: str, port: int, what: str, body: str = "") -> str:
    head = [f"{what} HTTP/1.1", "Host: localhost", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
    request = "\r\n".join([*head, "", body])
    return containers.inside(container, "bash", "-c", _ASK, "bash", str(port), request).stdout


def _end(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "it said nothing"
