"""The collector's container takes whatever agents send, and gives it back."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Built

FIXTURES = Path(__file__).parents[2] / "src/agent-updates-collector/tests/fixtures"
"""One event of each version of the schema, and one of each shape that an adapter knows, of the crate's own tests."""

HOOKS = (
    "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest",
    "PermissionDenied", "Notification", "SubagentStart", "SubagentStop", "Stop", "StopFailure", "PreCompact",
    "PostCompact", "Elicitation", "SessionEnd", "WorktreeCreate",
)  # fmt: skip
"""The hooks of Claude Code that are stored; MessageDisplay is not, unless it is asked for."""

API = "http://127.0.0.1:8080"
POST = f"""
for file in /bodies/hook-*; do
    curl -sS -o /dev/null -w '%{{http_code}} ' -H 'content-type: application/json' -d "@$file" {API}/v1/hooks/claude
done
for file in /bodies/event-*; do
    curl -sS -o /dev/null -w '%{{http_code}} ' -H 'content-type: application/json' -d "@$file" {API}/v1/events
done
"""


@pytest.fixture
def collector(built: Built) -> Iterator[str]:
    """A running collector's container, with a volume for its data as compose gives it."""
    volume = built.docker("volume", "create").stdout.strip()
    container = built.start("agent-updates-collector", "--volume", f"{volume}:/app/data")
    try:
        yield container
    finally:
        built.docker("rm", "--force", container)
        built.docker("volume", "rm", volume)


def client(built: Built, collector: str, *command: str, mount: Path | None = None) -> str:
    """Run a command of the CI image in the collector's network namespace: no port of the host is taken."""
    mounts = () if mount is None else ("--volume", f"{mount}:/bodies:ro")
    return built.run("ci", *command, options=("--network", f"container:{collector}", *mounts))


def get(built: Built, collector: str, path: str) -> Any:
    return json.loads(client(built, collector, "curl", "-sSf", f"{API}{path}"))


def wait_until_healthy(built: Built, collector: str) -> None:
    state = ""
    for _ in range(90):
        state = built.docker("inspect", "--format", "{{.State.Health.Status}}", collector).stdout.strip()
        if state == "healthy":
            return
        time.sleep(1)
    pytest.fail(f"{state}: {built.docker('logs', collector, ok=None).stderr}")


def test_each_hook_both_versions_and_every_adapter_s_shape_come_back_out(
    built: Built, collector: str, tmp_path: Path
) -> None:
    wait_until_healthy(built, collector)
    hooks = [
        {
            "session_id": "abc12345-1",
            "cwd": "/w",
            "hook_event_name": hook,
            "tool_name": "Bash",
            "tool_use_id": f"toolu_{n}",
        }
        for n, hook in enumerate(HOOKS)
    ]
    shapes = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FIXTURES.glob("*.json"))}
    assert {"event-v1.0", "event-v1.1", "decision", "git-hook", "hook-event", "log-event"} <= set(shapes)
    for number, hook in enumerate(hooks):
        (tmp_path / f"hook-{number:02}.json").write_text(json.dumps(hook))
    for name, shape in shapes.items():
        (tmp_path / f"event-{name}.json").write_text(json.dumps(shape))
    tmp_path.chmod(0o755)

    codes = client(built, collector, "sh", "-euc", POST, mount=tmp_path).split()

    assert codes == ["204"] * len(hooks) + ["200"] * len(shapes)
    stored = [item["event"] for item in get(built, collector, "/v1/events?limit=100")["events"]]
    assert sorted(map(json.dumps, stored)) == sorted(map(json.dumps, (*hooks, *shapes.values())))
    timeline = get(built, collector, "/v1/sessions/abc12345-1/timeline")["events"]
    assert [item["event"]["hook_event_name"] for item in timeline] == list(HOOKS)
    assert get(built, collector, "/v1/agents/session-abc12345")["state"] == "gone"
    decisions = get(built, collector, "/v1/decisions?task=task-12")["events"]
    assert [item["event"] for item in decisions] == [shapes["decision"]]
    assert "# TYPE" in client(built, collector, "curl", "-sSf", "http://127.0.0.1:9090/metrics")
