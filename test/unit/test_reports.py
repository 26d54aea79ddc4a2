"""The report of a pipeline is three whole files, and whatever comes from outside stays text in each of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from scored import AT, World, build

from galway.errors import ConfigurationError, NotEvaluatedError
from galway.history import History, Scan
from galway.overview import Overview
from galway.pipeline import STAGES, Cell, Outcome
from galway.report import checklist as checklist_report, files, html
from galway.report.html import charts

from galway import checklist, scorecard  # isort: skip

if TYPE_CHECKING:
    from pathlib import Path

EVIL = '</td><script>alert("1")</script> | [x](javascript:y) `z`'
VOID = {"meta", "br", "link", "input", "img", "hr"}
SVG_LEAVES = {"rect", "line", "polyline"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(root=tmp_path)


def overview(world: World, *entries: object) -> Overview:
    known = world.known()
    log = History(entries=(*world.builds[:5], *entries))  # type: ignore[arg-type]
    from galway.vulnerabilities.gate import Thresholds  # noqa: PLC0415

    verdicts = [
        checklist.Verdict(
            image="ci", group="Testing", item="Scan", status="failed", evidence=(EVIL,), detail=EVIL, hint=EVIL
        )
    ]
    card = scorecard.score([known], log, thresholds=Thresholds(), at=AT)
    return Overview(
        at=AT, source="https://example.org", images=(known,), card=card,
        verdicts=tuple(verdicts), history=log,
    )  # fmt: skip


def outcome() -> Outcome:
    cells = {stage: Cell(state="passed", seconds=1.0) for stage in STAGES}
    cells["scan"] = Cell(state="not_evaluated", reason=EVIL, hint=EVIL)
    return Outcome(started=AT, seconds=75, registry="127.0.0.1:5", cells={"ci": cells})


def written(world: World, folder: Path) -> dict[str, str]:
    world.records["linux-amd64", "test"]["status"] = "failed"
    world.records["linux-amd64", "test"]["reason"] = EVIL
    error = NotEvaluatedError(EVIL, hint=EVIL)
    paths = files.pipeline(overview(world), outcome(), error, folder)
    return {path.name: path.read_text() for path in paths}


def test_a_run_leaves_json_markdown_and_a_page(world: World, tmp_path: Path) -> None:
    found = written(world, tmp_path / "report")
    assert sorted(found) == ["pipeline.json", "pipeline.md", "report.html"]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(found)
    document = json.loads(found["pipeline.json"])
    assert document["verdict"]["exit_code"] == 10
    assert document["outcome"]["cells"]["ci"]["scan"]["state"] == "not_evaluated"
    assert document["images"][0]["platforms"][0]["vulnerabilities"]["words"] == "0 critical, 4 high"


def test_text_from_outside_makes_no_markup(world: World, tmp_path: Path) -> None:
    found = written(world, tmp_path)
    page = read(found["report.html"])
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert EVIL in page.text
    assert "<script>" not in found["pipeline.md"]
    assert "[x](" not in found["pipeline.md"]


def test_the_page_loads_nothing_and_runs_nothing(world: World, tmp_path: Path) -> None:
    page = read(written(world, tmp_path)["report.html"])
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "src"], tag
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    style = written(world, tmp_path)["report.html"].partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_the_page_can_be_used_by_keyboard_and_screen_reader(world: World, tmp_path: Path) -> None:
    page = read(written(world, tmp_path)["report.html"])
    names = [tag for tag, _ in page.tags]
    assert names.count("main") == names.count("h1") == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    assert all(link and (link[1:] in ids if link.startswith("#") else link.startswith("https://")) for link in links)
    assert all(a.get("aria-label") for tag, a in page.tags if a.get("role") in ("img", "region"))
    assert all(a.get("scope") for tag, a in page.tags if tag == "th")
    assert dict(page.tags)["html"]["lang"] == "en"


def test_each_chart_says_in_words_what_it_shows(world: World) -> None:
    scan = Scan(at=AT, image="ci", platform="linux-amd64", digest="d", critical=0, high=3)
    text = html.page(overview(world, scan, build(50, "linux-amd64", cached=9, at="2026-11-20T00:00:00Z")))
    page = read(text)
    labels = [a["aria-label"] for tag, a in page.tags if tag == "svg"]
    assert any(
        label and "Critical and high vulnerabilities, linux/amd64: 1 runs, from 3 on 2026-11-25" in label
        for label in labels
    )
    for drawn in text.split("<svg")[1:]:
        ET.fromstring(f"<svg{drawn.partition('</svg>')[0]}</svg>")  # noqa: S314 - our own page


def test_a_chart_stays_in_its_frame_and_shows_the_latest_runs() -> None:
    series = [(f"2026-01-01T00:{n % 60:02d}:00Z", float(n)) for n in range(200)]
    made = charts.chart("Size", series, bar=50, limit="50", show=str)
    assert made is not None
    assert (len(made.points), made.now) == (charts.MOST, "199.0")
    assert all(0 <= point.x <= charts.WIDTH and 0 <= point.y <= charts.HEIGHT for point in made.points)
    assert charts.chart("Size", [], bar=50, limit="50", show=str) is None


def test_a_page_about_nothing_says_what_to_do(world: World) -> None:
    from galway.facts import Facts  # noqa: PLC0415
    from galway.vulnerabilities.gate import Thresholds  # noqa: PLC0415

    bare = Facts(image=world.image, why="it is not built")
    card = scorecard.score([bare], History(), thresholds=Thresholds(), at=AT)
    page = read(
        html.page(Overview(at=AT, source="https://e.org", images=(bare,), card=card, verdicts=(), history=History()))
    )
    assert "inv build -i ci" in page.text
    assert "The history holds nothing of it yet" in page.text


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_no_half(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        files.scorecard(overview(world), tmp_path / "file" / "card.md", None)


def test_the_terminal_shows_a_few_pieces_of_evidence_and_counts_the_rest() -> None:
    verdict = checklist.Verdict(image="ci", group="g", item="i", status="passed", evidence=("a", "b", "c", "d", "e"))
    assert checklist_report.named(verdict) == "a, b, c and 2 more"
    assert checklist_report.summary([verdict]) == "1 items: 1 passed, 0 failed, 0 not evaluated, 0 not needed"
