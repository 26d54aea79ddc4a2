"""What compose says of services is read, and judged, as people would."""

import json
from pathlib import Path

import pytest

from galway import process
from galway.compose import Compose, run, state
from galway.engine import Engine
from galway.errors import BuildError, ConfigurationError, GalwayError, ImageTestError, NotEvaluatedError
from galway.reference import ImageRef

COLLECTOR = {"Service": "agent-collector", "State": "running", "Health": "healthy", "ExitCode": 0, "Name": "x"}
SCANNER = {"Service": "security-scanner", "State": "exited", "Health": "", "ExitCode": 1, "Name": "y"}
ENGINE = Engine(
    kind="docker",
    reason="",
    version="",
    docker="docker",
    env={},
    containerd_store=True,
    builder=None,
    platforms=(),
)
IMAGES = {"agent-collector": ImageRef.parse("ghcr.io/jpoley/agent-updates-collector:0.1.0")}
THERE = Path(__file__).parent
PORTS = {"GALWAY_API_PORT": "8080", "GALWAY_METRICS_PORT": "9091"}


class Docker:
    """Answers compose from a script: the states of each look, the last one again and again."""

    def __init__(self, *looks: list[dict[str, object]], there: bool = True, up: tuple[int, str] = (0, "")) -> None:
        self.looks, self.there, self.answer = list(looks), there, up
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, argv: tuple[str, ...], **_: object) -> process.Completed:
        self.asked.append(argv)
        code, out, err = 0, "", ""
        if "inspect" in argv:
            code = 0 if self.there else 1
        elif "up" in argv:
            code, err = self.answer
        elif "ps" in argv:
            look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            out = "\n".join(map(json.dumps, look))
        elif "logs" in argv:
            out = "agent-collector | disk full"
        return process.Completed(argv=argv, code=code, stdout=out, stderr=err, seconds=0)


def up(
    monkeypatch: pytest.MonkeyPatch, docker: Docker, *, results: Path = THERE, timeout: float = 60
) -> dict[str, state.State]:
    monkeypatch.setattr(process, "run", docker)
    monkeypatch.setattr(run, "PERIOD", 0)
    compose = Compose(docker="docker", root=Path("/c"))
    return run.up(compose, ENGINE, IMAGES, ports=PORTS, results=results, timeout=timeout, say=lambda _: None)


def test_lines_and_an_array_are_the_same() -> None:
    rows = [COLLECTOR, SCANNER]
    assert state.parse("\n".join(map(json.dumps, rows))) == state.parse(json.dumps(rows))
    assert state.parse("") == {}


def test_up_waits_for_health_and_for_the_end_of_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    starting, scanning = COLLECTOR | {"Health": "starting"}, SCANNER | {"State": "running", "ExitCode": 0}
    docker = Docker([starting, scanning], [COLLECTOR, scanning], [starting, SCANNER], [COLLECTOR, SCANNER])
    found = up(monkeypatch, docker)
    assert (str(found["agent-collector"]), str(found["security-scanner"])) == ("running (healthy)", "exited with 1")
    assert sum("ps" in argv for argv in docker.asked) == 4


@pytest.mark.parametrize("change", [{"Health": "unhealthy"}, {"State": "exited", "ExitCode": 3}])
def test_a_collector_that_fails_is_one_line_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    with pytest.raises(ImageTestError, match="agent-collector is") as caught:
        up(monkeypatch, Docker([COLLECTOR | change, SCANNER]))
    assert caught.value.detail == "agent-collector | disk full"


def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageTestError, match="not ready after 0 s"):
        up(monkeypatch, Docker([COLLECTOR, SCANNER | {"State": "running"}]), timeout=0)


def test_an_image_that_is_missing_is_named_with_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker([], there=False)
    with pytest.raises(BuildError, match="is not in the engine") as caught:
        up(monkeypatch, docker)
    assert caught.value.hint == "inv build -i agent-updates-collector"
    assert not any("up" in argv for argv in docker.asked)


@pytest.mark.parametrize(
    ("words", "port", "variable"),
    [
        ("Bind for 127.0.0.1:8080 failed: port is already allocated", "8080", "GALWAY_API_PORT"),
        ("listen tcp4 127.0.0.1:9091: bind: address already in use", "9091", "GALWAY_METRICS_PORT"),
        ("address already in use", "8080, 9091", "GALWAY_API_PORT or GALWAY_METRICS_PORT"),
    ],
)
def test_a_taken_port_is_said_with_the_variable_that_moves_it(
    monkeypatch: pytest.MonkeyPatch, words: str, port: str, variable: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"port {port} has another owner") as caught:
        up(monkeypatch, Docker([], up=(1, f"Container x Starting\nError response from daemon: {words}")))
    assert f"another one in {variable}, or" in caught.value.hint


def test_another_refusal_keeps_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImageTestError, match="no such runtime"):
        up(monkeypatch, Docker([], up=(1, "Error: no such runtime")))


@pytest.mark.parametrize(
    ("code", "kind"), [(0, None), (1, None), (2, ConfigurationError), (3, NotEvaluatedError), (137, NotEvaluatedError)]
)
def test_findings_are_no_failure_but_a_scan_without_verdict_is(code: int, kind: type[GalwayError] | None) -> None:
    verdict = state.verdict(code)
    assert (type(verdict) if verdict else None) is kind


def test_a_folder_that_is_not_there_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker([])
    with pytest.raises(ConfigurationError, match=r"cannot make .*nowhere/results: No such file") as raised:
        up(monkeypatch, docker, results=THERE / "nowhere" / "results")
    assert "GALWAY_SCAN" in raised.value.hint
    assert not any("up" in argv for argv in docker.asked)
