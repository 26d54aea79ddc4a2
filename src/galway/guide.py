"""The next sensible command, from the records of what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import evidence
from galway.errors import BuildError
from galway.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.catalog import Image
    from galway.workspace import Workspace

STAGES = ("test", "sbom", "scan", "push", "sign", "verify")
"""What follows a build, in the order in which each asks for the records before it."""

PICTURE = """\
build ─┬─> test ─┐
       ├─> sbom ─┼─> push ─> sign ─> verify ─> scorecard
       └─> scan ─┘"""


def suggest(workspace: Workspace, images: Sequence[Image]) -> tuple[str, str]:
    """The command to run next and why: the first stage that some image has no passed record of."""
    missing = [image.name for image in images if _done(workspace, image.name) is None]
    if missing:
        return _command("build", missing, images), f"not built: {', '.join(missing)}"
    for stage in STAGES:
        missing = [image.name for image in images if stage not in (_done(workspace, image.name) or ())]
        if missing:
            return _command(stage, missing, images), f"no passed {stage} of: {', '.join(missing)}"
    return "inv scorecard", "every stage has passed for every image"


def _command(stage: str, names: Sequence[str], images: Sequence[Image]) -> str:
    chosen = [f"-i {name}" for name in names] if len(names) < len(images) else []
    return " ".join(["inv", stage, *chosen])


def _done(workspace: Workspace, name: str) -> set[str] | None:
    """The stages that passed for the very layout that is there; None without a layout."""
    try:
        layout = Layout(workspace.layout(name))
        places = {evidence.INDEX: str(layout.digest)}
        places |= {one.platform.slug: str(one.digest) for one in layout.manifests()}
    except BuildError:
        return None
    return {stage for stage in STAGES if _passed(workspace, name, stage, places)}


def _passed(workspace: Workspace, name: str, stage: str, places: Mapping[str, str]) -> bool:
    """Whether the stage has records of these digests and all of them passed."""
    found = [(evidence.read(workspace.evidence, name, place, stage), digest) for place, digest in places.items()]
    current = [record.status for record, digest in found if record is not None and record.digest == digest]
    return bool(current) and set(current) == {"passed"}
