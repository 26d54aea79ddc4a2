"""Every metric of the specification has a line, and breaking one turns exactly that line red."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest
from scored import AT, World, build

from galway import facts, scorecard
from galway.history import Build, Figures, Pull, Release, Target
from galway.report import scorecard as report
from galway.scorecard import TITLES, Scorecard
from galway.scorecard.rates import needed
from galway.vulnerabilities.gate import Thresholds

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(root=tmp_path)


def lines(card: Scorecard, status: str) -> set[tuple[str, str]]:
    return {(line.metric, line.platform) for line in card.lines if line.status == status}


def reason(card: Scorecard, metric: str) -> str:
    return next(line.reason for line in card.lines if line.metric == metric)


def test_every_metric_passes_where_nothing_is_broken(world: World) -> None:
    card = world.card()
    assert {line.metric for line in card.lines} == set(TITLES)
    assert {line.status for line in card.lines} == {"passed"}
    assert all(line.value and line.bar for line in card.lines)
    assert scorecard.verdict(card) is None


def cold_cache(world: World) -> None:
    world.change("linux-amd64", "build", steps_cached=0)


def slow_with_cache(world: World) -> None:
    world.builds.append(build(181, "linux-amd64", cached=9, at="2026-11-30T00:00:00Z"))


def slow_cold(world: World) -> None:
    world.builds.append(build(600, "linux-amd64", cached=0, at="2026-11-30T00:00:00Z"))


def critical(world: World) -> None:
    findings = [{"id": "CVE-1", "severity": "CRITICAL"}]
    world.change("linux-amd64", "scan", counts={"CRITICAL": 1, "HIGH": 4}, findings=findings)


def high(world: World) -> None:
    world.change("linux-amd64", "scan", counts={"HIGH": 5})


def unsigned(world: World) -> None:
    world.records["index", "sign"] = world.records["index", "verify"] = {}


def wrong_signature(world: World) -> None:
    world.records["index", "verify"]["status"] = "failed"
    world.change(
        "index", "verify", proofs=[{"platform": "index", "name": "signature", "status": "failed", "detail": "x"}]
    )


def other_bytes(world: World) -> None:
    world.records["linux-arm64", "reproduce"] = {"status": "failed", "reason": "not the same bytes", "measures": {}}


def failed_builds(world: World) -> None:
    world.builds += [build(1, "linux-amd64", cached=0, ok=False)] * 5


def failed_pulls(world: World) -> None:
    world.pulls += [Pull(at=AT, reference="ghcr.io/x@sha256:0", ok=False, reason="it does not answer")] * 4


@pytest.mark.parametrize(
    ("breaking", "metric", "platform", "told"),
    [
        (cold_cache, "cache-hits", "linux/amd64", "0 of 10 steps"),
        (slow_with_cache, "build-cached", "linux/amd64", "9 of 10 steps"),
        (slow_cold, "build-cold", "linux/amd64", "0 of 10 steps"),
        (critical, "critical", "linux/amd64", "CVE-1"),
        (high, "high", "linux/amd64", ""),
        (unsigned, "signed", "", "ci: no record of sign"),
        (wrong_signature, "signed", "", "ci: index: x"),
        (other_bytes, "reproducible", "", "ci linux/arm64: not the same bytes"),
        (failed_builds, "build-success", "", "5 failed, lately ci: RUN false"),
        (failed_pulls, "pull-success", "", "4 failed, lately ghcr.io/x: it does not answer"),
    ],
)
def test_breaking_one_thing_turns_exactly_its_line_red(
    world: World, breaking, metric: str, platform: str, told: str
) -> None:
    breaking(world)
    card = world.card()
    assert lines(card, "failed") == {(metric, platform)}
    assert not lines(card, "not_evaluated")
    (line,) = (line for line in card.lines if line.status == "failed")
    assert line.reason.startswith(told)
    assert line.value
    error = scorecard.verdict(card)
    assert error is not None
    assert error.exit_code == 7


def test_a_fat_layer_turns_exactly_the_size_red_and_is_named(world: World) -> None:
    world.content = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(200))  # does not compress
    card = world.card()
    assert lines(card, "failed") == {("size", "linux/amd64"), ("size", "linux/arm64")}
    assert "its largest layer has 0.0 MB: COPY <big> /" in reason(card, "size")


def test_a_record_of_another_digest_counts_as_none(world: World) -> None:
    world.records["linux-amd64", "scan"]["digest"] = "sha256:" + "0" * 64
    card = world.card()
    assert lines(card, "not_evaluated") == {("critical", "linux/amd64"), ("high", "linux/amd64")}
    assert reason(card, "critical").startswith("the record of scan speaks of sha256:000")
    error = scorecard.verdict(card)
    assert error is not None
    assert error.exit_code == 10


def test_second_builds_are_counted_and_one_of_other_bytes_counts_as_none(world: World) -> None:
    line = next(line for line in world.card().lines if line.metric == "reproducible")
    assert (line.value, line.status) == ("2 of 2", "passed")
    world.records["linux-amd64", "reproduce"]["digest"] = "sha256:" + "0" * 64
    line = next(line for line in world.card().lines if line.metric == "reproducible")
    assert (line.value, line.status, line.reason) == ("1 of 1", "passed", "1 more not built again")
    world.records["linux-arm64", "reproduce"]["digest"] = "sha256:" + "0" * 64
    card = world.card()
    assert lines(card, "skipped") == {("reproducible", "")}
    assert reason(card, "reproducible").startswith("the record of reproduce speaks of sha256:000")
    assert scorecard.verdict(card) is None


def test_no_database_is_not_evaluated_rather_than_clean(world: World) -> None:
    world.change("linux-arm64", "scan", objection="there was no database", counts={})
    card = world.card()
    assert lines(card, "not_evaluated") == {("critical", "linux/arm64"), ("high", "linux/arm64")}


def test_an_image_that_is_not_built_has_no_verdict_and_the_command_that_gives_one(world: World) -> None:
    world.known()
    shutil.rmtree(world.workspace.layout("ci"))
    known = facts.read(world.workspace, world.image, judges={})
    card = scorecard.score([known], world.log(), thresholds=Thresholds(), at=AT)
    line = next(line for line in card.lines if line.metric == "size")
    assert (line.status, line.reason) == ("not_evaluated", "it is not built")
    assert line.hint.startswith("inv build -i ci")


def test_a_rate_says_of_how_many_runs_it_is_and_too_few_prove_nothing(world: World) -> None:
    world.pulls = world.pulls[:2999]
    card = world.card()
    assert lines(card, "not_evaluated") == {("pull-success", "")}
    assert reason(card, "pull-success") == "not enough data: 2,999 of about 3,000 pulls; none failed"
    assert next(line.runs for line in card.lines if line.metric == "pull-success") == 2999


@pytest.mark.parametrize(("bar", "count"), [(0.99, 300), (0.999, 3000)])
def test_enough_is_what_the_rule_of_three_asks_for(bar: float, count: int) -> None:
    assert needed(bar) == count


def test_a_share_that_is_below_its_bar_is_red_however_few_runs_there_are(world: World) -> None:
    world.builds = [build(30, "linux-amd64", cached=10), build(30, "linux-amd64", cached=0, ok=False)]
    assert ("build-success", "") in lines(world.card(), "failed")


def test_pulls_from_this_machine_are_called_that(world: World) -> None:
    world.pulls = [Pull(at=AT, reference="127.0.0.1:5000/x@sha256:0", ok=True)]
    assert "1 of them from a registry on this machine" in reason(world.card(), "pull-success")


def test_a_run_of_several_targets_proves_speed_but_not_slowness(world: World) -> None:
    world.builds = [
        build(30, "linux-amd64", "linux-arm64", cached=10),
        build(700, "linux-amd64", "linux-arm64", cached=0),
    ]
    card = world.card()
    assert {m for m, _ in lines(card, "not_evaluated")} >= {"build-cold"}
    assert ("build-cached", "linux/amd64") in lines(card, "passed")
    assert "build-cold" not in {m for m, _ in lines(card, "failed")}


def released(**figures: object) -> Release:
    return Release(
        at="2026-10-01T00:00:00Z",
        image="ci",
        version="0.0.9",
        registry="ghcr.io",
        digest="sha256:1",
        platforms={"linux-amd64": Figures(digest="sha256:2", **figures)},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("figures", "what"),
    [
        ({"compressed": 50}, "size"),
        ({"seconds": 10.0, "cold": False}, "build time, with cache"),
        ({"critical": 0, "high": 3}, "high vulnerabilities"),
    ],
)
def test_what_got_worse_since_the_release_is_named(world: World, figures: dict[str, object], what: str) -> None:
    world.entries = [released(**figures)]
    (found,) = world.card().regressions
    assert (found.what, found.image, found.platform) == (what, "ci", "linux/amd64")
    assert found.release == "0.0.9 at ghcr.io of 2026-10-01"


def test_what_is_the_same_as_in_the_release_is_no_regression(world: World) -> None:
    size = world.known().manifests[0].size
    world.entries = [released(compressed=size, seconds=31.0, cold=False, critical=0, high=4)]
    assert world.card().regressions == ()


def test_a_cold_build_is_not_compared_with_one_that_had_a_cache(world: World) -> None:
    world.entries = [released(seconds=1.0, cold=True)]
    assert world.card().regressions == ()


def test_markdown_keeps_text_from_outside_in_its_cell(world: World) -> None:
    targets = (Target(image="ci", platform="linux-amd64"),)
    world.builds = [Build(at=AT, seconds=1, ok=False, reason="| <script> [x](y)", targets=targets)]
    text = report.markdown(world.card())
    assert r"\| \<script\> \[x\](y)" in text
    assert "❌ failed Build success rate" in text
