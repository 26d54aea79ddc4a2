"""One self-contained page: nothing is loaded, nothing is executed, and whatever comes from outside is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from galway.report.html import charts
from galway.report.images_seen import seen, stages
from galway.scorecard import TITLES
from galway.scorecard.platforms import duration

if TYPE_CHECKING:
    from galway.errors import GalwayError
    from galway.overview import Overview
    from galway.pipeline import Outcome

_TEMPLATES = Environment(
    loader=PackageLoader("galway.report", "html"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

WORDS = {
    "passed": "passed",
    "failed": "failed",
    "not_evaluated": "not evaluated",
    "skipped": "skipped",
    "waiting": "not reached",
    "running": "interrupted",
}
"""A status as people read it; never by colour alone."""


def page(overview: Overview, *, outcome: Outcome | None = None, verdict: GalwayError | None = None) -> str:
    """The whole page.

    Parameters
    ----------
    outcome, verdict:
        Of a run of `inv pipeline`; without them the page is about what is there.
    """
    groups: dict[str, list[object]] = {}
    for line in overview.card.lines:
        groups.setdefault(line.group, []).append(line)
    return _TEMPLATES.get_template("page.html.j2").render(
        overview=overview,
        card=overview.card,
        groups=groups,
        metrics=len(TITLES),
        outcome=outcome,
        stages=stages(outcome) if outcome is not None else [],
        verdict=verdict,
        images=[seen(one) for one in overview.images],
        charts={one.image.name: charts.of_image(one, overview.history, seconds=duration) for one in overview.images},
        checklists={
            one.image.name: [verdict for verdict in overview.verdicts if verdict.image == one.image.name]
            for one in overview.images
        },
        size=charts,
        words=WORDS,
        duration=duration,
    )
