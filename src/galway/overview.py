"""Everything that a report shows, gathered once: facts of each image, the scorecard, the checklist, the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import checklist, evidence, history, judges, prepare, scorecard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from galway.checklist import Verdict
    from galway.facts import Facts
    from galway.history import History
    from galway.scorecard import Scorecard
    from galway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is known, at one moment.

    Parameters
    ----------
    source:
        Where the code is, for a link.
    """

    at: str
    source: str
    images: tuple[Facts, ...]
    card: Scorecard
    verdicts: tuple[Verdict, ...]
    history: History

    @property
    def revisions(self) -> list[str]:
        """The commits that the images were built from, with `-dirty` where files differed from the commit."""
        records = (one.record("build", manifest.platform) for one in self.images for manifest in one.manifests)
        found = (str(record.measures.get("revision") or "") for record in records if record is not None)
        return list(dict.fromkeys(revision for revision in found if revision))


def look(workspace: Workspace, names: Sequence[str] = ()) -> Overview:
    """Gather it.

    Raises
    ------
    ConfigurationError
        A table is broken, or an image is not in the catalog.
    """
    catalog = prepare.load_catalog(workspace, names)
    rules = prepare.rules(workspace)
    images = tuple(judges.known(workspace, catalog.select(names), rules))
    log, at = history.read(workspace), evidence.now()
    return Overview(
        at=at,
        source=catalog.source,
        images=images,
        card=scorecard.score(images, log, thresholds=rules.policy.gate, at=at),
        verdicts=tuple(verdict for one in images for verdict in checklist.judge(one, root=workspace.root)),
        history=log,
    )
