"""Reading BuildKit's progress, on output captured from buildx 0.13."""

from pathlib import Path

from galway.stages import build
from galway.tools import buildx
from galway.tools.buildx import Trace

DATA = Path(__file__).parents[1] / "data" / "buildx"


def read(name: str, *targets: str) -> Trace:
    trace = Trace(targets)
    for line in (DATA / name).read_text().splitlines():
        for step in trace.feed(line):
            assert step.name
    return trace


def test_steps_belong_to_their_targets() -> None:
    trace = read("two-targets.rawjson", "x-amd64", "y-amd64")
    assert sorted((step.target, step.name.partition("] ")[2]) for step in trace.instructions) == [
        ("x-amd64", "COPY --from=one /a /b"),
        ("x-amd64", "COPY a /a"),
        ("x-amd64", "COPY a /c"),
        ("y-amd64", "COPY a /a"),
    ]
    assert all(step.seconds is not None for step in trace.instructions)
    assert trace.failed is None


def test_events_on_one_line_are_read_like_those_on_several() -> None:
    trace = Trace(["ci-amd64"])
    line = (
        '{"vertexes":[{"digest":"sha256:1","name":"[builder 2/3] RUN make","started":"2026-01-01T00:00:00Z",'
        '"completed":"2026-01-01T00:00:01.123456789Z","cached":true}]}'
    )
    (step,) = trace.feed(line)
    assert (step.target, step.cached, step.seconds) == ("ci-amd64", True, 1.123456)


def test_an_instruction_that_buildkit_named_anew_counts_once_as_executed() -> None:
    trace = Trace(["ci-amd64"])
    times = '"started":"2026-01-01T00:00:00Z","completed":"2026-01-01T00:00:01Z"'
    for extra in (
        '"digest":"sha256:1","error":"context canceled"',
        '"digest":"sha256:2"',
        '"digest":"sha256:3","cached":true',
    ):
        list(trace.feed('{"vertexes":[{"name":"[builder 1/2] RUN make",' + times + "," + extra + "}]}"))
    (step,) = trace.instructions
    assert not step.cached
    assert trace.failed is not None
    assert trace.failed.is_cancelled


def test_a_failed_step_is_named_with_its_place_in_the_dockerfile() -> None:
    trace = read("failed.rawjson", "x-amd64")
    error = build.explain(trace)
    assert error.exit_code == 5
    assert error.message.startswith("x-amd64 failed at [1/1] COPY nothing /a")
    assert ">>> COPY nothing /a" in error.detail


def test_a_full_disk_is_recognised() -> None:
    trace = Trace(["a"])
    list(trace.feed("ERROR: failed to solve: write /x: no space left on device"))
    assert "disk" in build.explain(trace).message


def test_a_build_that_did_not_run_says_so() -> None:
    trace = Trace(["a"])
    list(trace.feed("ERROR: Cannot connect to the Docker daemon"))
    assert "Cannot connect" in build.explain(trace).message


def test_a_builder_is_named_only_when_asked_for() -> None:
    plain = buildx.bake("docker", Path("bake.json"), metadata=Path("m.json"))
    assert plain[:5] == ("docker", "buildx", "bake", "--file", "bake.json")
    named = buildx.bake("docker", Path("bake.json"), metadata=Path("m.json"), builder="farm")
    assert named[3:5] == ("--builder", "farm")
