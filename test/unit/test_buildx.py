"""Reading BuildKit's progress, on output captured from buildx 0.13."""

import json
from pathlib import Path

from galway.errors import INTERRUPTED, GalwayError
from galway.tools import buildx, failure
from galway.tools.buildx import Trace

DATA = Path(__file__).parents[1] / "data" / "buildx"


def read(name: str, *targets: str) -> Trace:
    trace = Trace(targets)
    for line in (DATA / name).read_text().splitlines():
        for step in trace.feed(line):
            assert step.name
    return trace


def explain(trace: Trace) -> GalwayError:
    return failure.explain(trace, destination=".galway/build", engines_disk="buy a disk")


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
    error = explain(trace)
    assert error.exit_code == 5
    assert error.message.startswith("x-amd64 failed at [1/1] COPY nothing /a")
    assert ">>> COPY nothing /a" in error.detail


def test_a_disk_that_fills_up_in_the_middle_of_a_step_is_recognised_by_what_the_step_said() -> None:
    error = explain(read("disk-full.rawjson", "x-amd64", "y-amd64"))
    assert error.exit_code == 5
    assert error.message == (
        "the disk of the build engine is full: x-amd64 at [x-amd64 1/2] RUN head -c 900000000 /dev/urandom >/big"
    )
    assert "inv clean --cache" in error.hint
    assert "buy a disk" in error.hint
    assert "No space left on device" in error.detail


def test_the_disk_of_the_checkout_is_told_from_the_engines() -> None:
    trace = Trace(["a"])
    list(trace.feed("ERROR: failed to solve: write .galway/build/a/ingest/1/data: no space left on device: unknown"))
    assert explain(trace).message.startswith("the disk of this checkout is full")


def test_a_layer_that_could_not_be_written_is_a_disk_that_is_likely_full() -> None:
    trace = Trace(["a"])
    words = "unsupported diff media type: application/vnd.oci.image.layer.v1.tar+zstd: not implemented"
    list(trace.feed(f"ERROR: failed to solve: {words}"))
    error = explain(trace)
    assert "most likely full" in error.message
    assert words in error.detail


def test_a_long_script_does_not_make_a_long_message() -> None:
    trace = Trace(["ci-amd64"])
    script = "set -eu\\n" * 100
    failed = f'process "/bin/sh -c {script}" did not complete successfully: exit code: 1'
    vertex = {"digest": "sha256:1", "name": "[2/3] RUN " + "set -eu\n" * 100, "error": failed}
    list(trace.feed(f"ERROR: failed to solve: {failed}"))
    list(trace.feed(json.dumps({"vertexes": [vertex]})))
    error = explain(trace)
    assert error.message.endswith("…: exit code: 1")
    assert len(error.message) < 200
    assert "\n" not in error.message
    assert error.detail == "exit code: 1"


def test_a_build_that_did_not_run_says_so() -> None:
    trace = Trace(["a"])
    list(trace.feed("ERROR: Cannot connect to the Docker daemon"))
    assert "Cannot connect" in explain(trace).message


def test_a_build_that_was_interrupted_blames_no_line_of_a_dockerfile() -> None:
    killed = 'process "/bin/sh -c sleep 99" did not complete successfully: exit code: 137: context canceled'
    trace = Trace(["a", "b"])
    for number, why in enumerate((killed, "context canceled")):
        step = {"digest": str(number), "name": f"[a {number}/2] RUN sleep 99", "error": why}
        list(trace.feed(json.dumps({"vertexes": [step]})))
    error = explain(trace)
    assert (error.exit_code, error.message) == (INTERRUPTED, "the build was interrupted at [a 0/2] RUN sleep 99")
    assert "Dockerfile" not in error.hint


def test_a_build_that_was_interrupted_before_its_first_step_says_so() -> None:
    trace = Trace(["a"])
    list(trace.feed("ERROR: failed to solve: Canceled: context canceled"))
    assert (explain(trace).exit_code, explain(trace).message) == (INTERRUPTED, "the build was interrupted")


def test_what_failed_before_the_others_were_cancelled_is_what_broke_the_build() -> None:
    trace = Trace(["a"])
    for number, why in enumerate(("context canceled", "exit code: 1")):
        step = {"digest": str(number), "name": f"[a {number}/2] RUN false", "error": why}
        list(trace.feed(json.dumps({"vertexes": [step]})))
    assert explain(trace).message == "a failed at [a 1/2] RUN false: exit code: 1"


def test_a_builder_is_named_only_when_asked_for() -> None:
    plain = buildx.bake("docker", Path("bake.json"), metadata=Path("m.json"))
    assert plain[:5] == ("docker", "buildx", "bake", "--file", "bake.json")
    named = buildx.bake("docker", Path("bake.json"), metadata=Path("m.json"), builder="farm")
    assert named[3:5] == ("--builder", "farm")
