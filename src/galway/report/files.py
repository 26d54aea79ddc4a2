"""Writes reports to files: aside first, then in place, so that nobody reads half of one."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError
from galway.report import html, images_seen, pipeline as pipeline_report, scorecard as scorecard_report

if TYPE_CHECKING:
    from pathlib import Path

    from galway.errors import GalwayError
    from galway.overview import Overview
    from galway.pipeline import Outcome

FOLDER = "report"
"""Below `.galway`."""


def scorecard(overview: Overview, markdown: Path | None, html: Path | None) -> list[Path]:
    """Write what was asked for; the files.

    Raises
    ------
    ConfigurationError
        A file cannot be written.
    """
    found = []
    if markdown is not None:
        found.append(_write(markdown, scorecard_report.markdown(overview.card)))
    if html is not None:
        found.append(_write(html, _page(overview)))
    return found


def pipeline(overview: Overview, outcome: Outcome, verdict: GalwayError | None, folder: Path) -> list[Path]:
    """Write `pipeline.json`, `pipeline.md` and `report.html`; the files.

    Raises
    ------
    ConfigurationError
        One cannot be written.
    """
    ended = {
        "exit_code": verdict.exit_code if verdict is not None else 0,
        "message": verdict.message if verdict is not None else "",
        "hint": verdict.hint if verdict is not None else "",
    }
    document = {
        "at": overview.at,
        "revisions": overview.revisions,
        "verdict": ended,
        "outcome": outcome,
        "images": [images_seen.seen(one) for one in overview.images],
        "scorecard": overview.card,
        "checklist": overview.verdicts,
    }
    text = msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode() + "\n"
    return [
        _write(folder / "pipeline.json", text),
        _write(folder / "pipeline.md", pipeline_report.markdown(overview, outcome, verdict)),
        _write(folder / "report.html", _page(overview, outcome, verdict)),
    ]


def _page(overview: Overview, outcome: Outcome | None = None, verdict: GalwayError | None = None) -> str:
    return html.page(overview, outcome=outcome, verdict=verdict)


def _write(path: Path, text: str) -> Path:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise ConfigurationError(
            f"the report {path} cannot be written: {error.strerror}", hint="name a file in a folder that you may write"
        ) from error
    return path
