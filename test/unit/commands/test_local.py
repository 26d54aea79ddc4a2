"""The tasks around docker-compose.yml say so when there is nothing to show."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from invoke.context import Context

from galway import engine, process
from galway.commands import local


@pytest.mark.parametrize(
    ("states", "said", "replaced"),
    [
        ("", "no service of docker-compose.yml is there; scripts/inv up starts them\n", False),
        ('{"Service": "agent-collector", "State": "running"}\n', "", True),
    ],
)
def test_logs_of_nothing_are_not_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], states: str, said: str, replaced: bool
) -> None:
    became: list[tuple[str, ...]] = []
    monkeypatch.setattr(engine, "find", lambda *_: SimpleNamespace(docker="docker", env={}))
    monkeypatch.setattr(process, "run", lambda *_, **__: SimpleNamespace(stdout=states))
    monkeypatch.setattr(process, "replace", lambda argv, **_: became.append(argv))
    local.logs(Context(), service=[])
    assert capsys.readouterr().err == said
    assert [argv[-1] for argv in became] == (["logs"] if replaced else [])
