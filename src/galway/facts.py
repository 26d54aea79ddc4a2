"""What is known of an image as it is now: its layout, and those records that speak of exactly these bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from galway import evidence, release
from galway.errors import GalwayError
from galway.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from galway.catalog import Image
    from galway.evidence import Judges, Record
    from galway.layout import Manifest
    from galway.reference import Platform
    from galway.workspace import Workspace

PER_PLATFORM = ("build", "test", "sbom", "scan", "reproduce")
ON_INDEX = ("publish", "sign", "verify")

VERBS = {"publish": "push"}
"""The task of a stage where it is called otherwise."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One image.

    Parameters
    ----------
    layout:
        None where it is not built, and `why` says so.
    records:
        By platform's slug (or `index`) and stage; what they say was derived from their raw reports again.
    missing:
        For the same keys, why there is no record that counts.
    """

    image: Image
    layout: Layout | None = None
    manifests: tuple[Manifest, ...] = ()
    why: str = ""
    records: Mapping[tuple[str, str], Record] = field(default_factory=dict)
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def record(self, stage: str, platform: Platform | None = None) -> Record | None:
        """The record of a stage, of the whole index by default."""
        return self.records.get((platform.slug if platform else evidence.INDEX, stage))

    def absent(self, stage: str, platform: Platform | None = None) -> str:
        """Why there is no record of a stage."""
        key = (platform.slug if platform else evidence.INDEX, stage)
        return self.why or self.missing.get(key) or f"no record of {stage}"

    def command(self, stage: str, platform: Platform | None = None) -> str:
        """What makes the record of a stage."""
        if not self.manifests:
            stage = "build"
        which = f" --platform {platform.architecture}" if platform else ""
        return f"inv {VERBS.get(stage, stage)} -i {self.image.name}{which}"

    def unsigned(self) -> str:
        """Why a published image does not count as signed; nothing where it does."""
        verified = self.record("verify")
        if verified is not None and verified.status == "passed":  # somebody else may have signed it
            return ""
        for proof in verified.measures.get("proofs") or () if verified is not None else ():
            if proof.get("name") == "signature" and proof.get("status") != "passed":
                return f"{proof.get('platform')}: {proof.get('detail') or 'its signature does not hold'}"
        record = self.record("sign")
        if record is None or record.status != "passed":
            return record.reason or record.status if record is not None else self.absent("sign")
        have = set(record.measures.get("signed") or ())
        wanted = {str(manifest.digest) for manifest in self.manifests} | {record.digest}
        return "" if wanted <= have else f"{len(wanted - have)} of its {len(wanted)} digests are not signed"


def read(
    workspace: Workspace,
    image: Image,
    *,
    judges: Judges,
    afresh: Mapping[str, Callable[[Record], Record]] | None = None,
) -> Facts:
    """Read a layout and its records.

    Parameters
    ----------
    judges:
        For each stage a function that derives status and reason from a record's raw reports again.
    afresh:
        For a stage whose figures are wanted too, a function that derives the whole record again.
    """
    layout = Layout(workspace.layout(image.name))
    try:
        digest, manifests = layout.digest, layout.manifests()
    except GalwayError as error:
        return Facts(image=image, why="it is not built" if not layout.folder.is_dir() else error.message)
    subjects = {(m.platform.slug, stage): str(m.digest) for m in manifests for stage in PER_PLATFORM}
    subjects |= {(evidence.INDEX, stage): str(digest) for stage in ON_INDEX}
    records: dict[tuple[str, str], Record] = {}
    missing: dict[tuple[str, str], str] = {}
    for (platform, stage), wanted in subjects.items():
        found = evidence.read(workspace.evidence, image.name, platform, stage)
        if found is None:
            missing[platform, stage] = f"no record of {stage}"
        elif found.digest != wanted:
            missing[platform, stage] = (
                f"the record of {stage} speaks of {found.digest[:19]}, the layout holds {wanted[:19]}"
            )
        else:
            if afresh and stage in afresh:
                found = msgspec.structs.replace(found, measures=afresh[stage](found).measures)
            records[platform, stage] = judged(workspace, found, judges)
    return Facts(image=image, layout=layout, manifests=manifests, records=records, missing=missing)


def judged(workspace: Workspace, record: Record, judges: Judges) -> Record:
    """The record with status and reason derived from its raw reports again, which must be as it says.

    Parameters
    ----------
    judges:
        By stage; a record of another one keeps its status where its reports are whole.
    """
    folders = (workspace.evidence, workspace.state / record.stage)  # bills of materials have a folder of their own

    def intact(name: str) -> bool:
        return any(evidence.artifact(folder, record, name) is not None for folder in folders)

    return release.judged(record, intact=intact, judge=judges.get(record.stage))
