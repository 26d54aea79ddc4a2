"""Derives the verdict of a record again from its raw reports, stage by stage: an edited record convinces nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from galway import evidence, facts
from galway.bom import expectations
from galway.checks import Check
from galway.layout import Layout
from galway.stages import reproduce, sbom, scan, test
from galway.vulnerabilities import judging

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from galway.catalog import Image
    from galway.evidence import Judges, Record
    from galway.facts import Facts
    from galway.layout import Manifest
    from galway.workspace import Workspace


def judges(workspace: Workspace, images: Sequence[Image], rules: scan.Rules) -> Judges:
    """For each stage with reports of its own: what they say, as status and reason.

    Parameters
    ----------
    rules:
        Thresholds, waivers and the time of the decision: a scan that was good enough then may not be now.

    Raises
    ------
    ConfigurationError
        The table of expected packages is broken.
    """
    named = {image.name: image for image in images}
    table = expectations.load(workspace.root)

    def manifests(record: Record) -> tuple[Manifest, ...]:
        return Layout(workspace.layout(record.image)).manifests()

    def of_sbom(record: Record) -> tuple[str, str]:
        image = named[record.image]
        platform = next(m.platform for m in manifests(record) if m.platform.slug == record.platform)
        one = sbom.target(workspace.layout(image.name), image.name, image.reference, platform)
        return sbom.judge(one, sbom.read(workspace, record), table)

    def of_scan(record: Record) -> tuple[str, str]:
        config = next((str(m.config_digest) for m in manifests(record) if str(m.digest) == record.digest), "")
        report = judging.read(workspace, record)
        if report is not None and report.image != config:
            return "failed", f"{judging.REPORT} is about another image"
        return scan.again(workspace, record, rules)

    def of_test(record: Record) -> tuple[str, str]:
        return test.judge(workspace, record)

    def of_reproduce(record: Record) -> tuple[str, str]:
        return reproduce.judge(workspace, record)

    return {sbom.STAGE: of_sbom, scan.STAGE: of_scan, test.STAGE: of_test, reproduce.STAGE: of_reproduce}


def known(workspace: Workspace, images: Sequence[Image], rules: scan.Rules) -> list[Facts]:
    """What is known of images as they are now, every record judged again and its figures derived from its reports.

    Raises
    ------
    ConfigurationError
        The table of expected packages is broken.
    """
    table = judges(workspace, images, rules)
    afresh: Mapping[str, Callable[[Record], Record]] = {
        scan.STAGE: lambda record: scan.afresh(workspace, record, rules),
        test.STAGE: lambda record: _tested(workspace, record),
    }
    return [facts.read(workspace, image, judges=table, afresh=afresh) for image in images]


def _tested(workspace: Workspace, record: Record) -> Record:
    """A record of a test with the checks that its report holds; none where that is missing or was changed."""
    found: list[Check] = []
    if (content := evidence.artifact(workspace.evidence, record, test.CHECKS)) is not None:
        try:
            found = msgspec.json.decode(content, type=list[Check])
        except msgspec.DecodeError:
            found = []
    measures = {**record.measures, "checks": msgspec.to_builtins(found), "counts": test.counts(found)}
    return msgspec.structs.replace(record, measures=measures)
