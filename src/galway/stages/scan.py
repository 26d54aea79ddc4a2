"""Scans each platform once with Trivy, and gates on what its report says; no database is no verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from galway import assembly, evidence, process, scratch
from galway.bases import STAND_IN
from galway.errors import BuildError, GalwayError, NotEvaluatedError, ScanError
from galway.layout import Layout
from galway.process import ProcessError
from galway.tools import trivy
from galway.vulnerabilities import judging
from galway.vulnerabilities.judging import CANARY, REPORT, STAMP, Rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from galway.catalog import Image
    from galway.evidence import Record, Status
    from galway.layout import Manifest
    from galway.reference import Platform
    from galway.toolbox import Tool
    from galway.vulnerabilities.database import Database
    from galway.vulnerabilities.waivers import Waiver
    from galway.workspace import Workspace

__all__ = ["Rules", "afresh", "again", "commands", "decide", "export", "run", "select", "verdict"]

STAGE = "scan"
SARIF = "trivy.sarif"
_INPUT = "image"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One platform of one image."""

    image: Image
    layout: Layout
    manifest: Manifest


def select(workspace: Workspace, images: Sequence[Image], platforms: Sequence[Platform]) -> list[Target]:
    """The built platforms that were asked for.

    Raises
    ------
    BuildError
        One is not built, or its layout is damaged.
    """
    targets = []
    for image in images:
        layout = Layout(workspace.layout(image.name))
        built = {manifest.platform: manifest for manifest in layout.manifests()}
        for platform in platforms:
            if platform in image.platforms:
                if platform not in built:
                    raise BuildError(
                        f"{image.name} is not built for {platform}",
                        hint=f"inv build -i {image.name} --platform {platform.architecture}",
                    )
                targets.append(Target(image=image, layout=layout, manifest=built[platform]))
    return targets


def export(workspace: Workspace, records: Iterable[Record], folder: Path, *, summary: str) -> None:
    """Put the SARIF of each platform, for code scanning, and a summary for people into a folder.

    Raises
    ------
    ScanError
        The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scan.md").write_text(summary, encoding="utf-8")
        for record in records:
            content = evidence.artifact(workspace.evidence, record, SARIF)
            if content is not None:
                (folder / f"{record.image}-{record.platform}.sarif").write_bytes(content)
    except OSError as error:
        raise ScanError(f"cannot write to {folder}: {error.strerror}") from error


def commands(program: str, cache: Path) -> tuple[tuple[str, ...], ...]:
    """What is run for one platform, in a folder that holds its layout as `image`."""
    return (
        trivy.scan(program, _INPUT, scanners=("vuln", "secret"), output=REPORT, cache=cache),
        trivy.convert(program, REPORT, form="sarif", output=SARIF),
    )


def run(
    workspace: Workspace,
    tool: Tool,
    targets: Sequence[Target],
    rules: Rules,
    *,
    asked: tuple[Database | None, str],
    say: Callable[[str], None] = lambda _line: None,
) -> list[Record]:
    """Scan what has not been scanned with this database, decide about all of it, and write the records.

    Parameters
    ----------
    asked:
        The database, or None and why there is none.

    Raises
    ------
    BuildError
        A layout is damaged, or the disk is full.
    """
    found, cause = asked
    scanned = []
    for target in targets:
        record = _known(workspace, tool, target, found)
        if record is None:
            say(f"scanning {target.image.name} for {target.manifest.platform}")
            record = _scan(workspace, tool, target, found)
        scanned.append(record)
    decided = decide(workspace, scanned, rules, no_database=cause)
    for record in decided:
        evidence.write(workspace.evidence, record)
    return decided


def decide(workspace: Workspace, records: Sequence[Record], rules: Rules, *, no_database: str = "") -> list[Record]:
    """Derive status, reason and measures of records from the raw reports that they name, and from nothing else.

    A waiver counts as needed when any platform of its image needs it.
    """
    reports = [judging.read(workspace, record) for record in records]
    needed: dict[str, set[Waiver]] = {}
    for record, report in zip(records, reports, strict=True):
        found = report.findings if report else ()
        covering = {waiver for waiver in rules.waivers for finding in found if waiver.covers(finding, record.image)}
        needed.setdefault(record.image, set()).update(covering)
    return [
        judging.decide(workspace, record, report, rules, needed.get(record.image, set()), no_database)
        for record, report in zip(records, reports, strict=True)
    ]


def again(workspace: Workspace, record: Record, rules: Rules) -> tuple[Status, str]:
    """What the reports of one record say; the waivers that its image's other platforms need are looked up."""
    first = afresh(workspace, record, rules)
    return first.status, first.reason


def afresh(workspace: Workspace, record: Record, rules: Rules) -> Record:
    """A record with all that can be derived from its reports derived again, figures included."""
    folder = workspace.evidence / record.image
    others = (
        evidence.read(workspace.evidence, record.image, path.parent.name, STAGE) for path in folder.glob("*/scan.json")
    )
    beside = [other for other in others if other is not None and other.platform != record.platform]
    return decide(workspace, [record, *beside], rules)[0]


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where every platform passed; a failure comes before what could not be evaluated."""
    found = evidence.decisive(records)
    if found is None:
        return None
    first, message = found
    if first.status == "failed":
        return ScanError(message, hint="take the fixed versions, or waive with a reason in docker/exceptions.toml")
    return NotEvaluatedError(message, hint="give a current database: inv scan --database FOLDER_OR_REPOSITORY")


def _known(workspace: Workspace, tool: Tool, target: Target, found: Database | None) -> Record | None:
    """The record of exactly this manifest, tool and database whose reports are as it says.

    The canary's report is the one of now: it is made anew each time, and its table may have changed.
    """
    image, platform = target.image.name, target.manifest.platform.slug
    record = evidence.read(workspace.evidence, image, platform, STAGE)
    if record is None or (record.digest, record.tool_version) != (str(target.manifest.digest), tool.version):
        return None
    stamp = found.stamp if found else None
    whole = all(evidence.artifact(workspace.evidence, record, name) is not None for name in (REPORT, SARIF))
    if not whole or evidence.artifact(workspace.evidence, record, STAMP) != stamp:
        return None
    fresh = evidence.keep(workspace.evidence, image, platform, {CANARY: found.canary}) if found else {}
    return msgspec.structs.replace(record, artifacts={**record.artifacts, **fresh})


def _scan(workspace: Workspace, tool: Tool, target: Target, found: Database | None) -> Record:
    """Run Trivy on the platform alone; what it says is kept as it is, and judged later."""
    target.layout.verify()
    image, platform = target.image.name, target.manifest.platform
    started, clock = evidence.now(), time.monotonic()
    reports: dict[str, bytes] = {} if found is None else {STAMP: found.stamp, CANARY: found.canary}
    failure = ""
    with scratch.folder(workspace.state / STAGE) as work:
        assembly.assemble(work / _INPUT, {platform: target.layout}, name=STAGE, annotations={})
        scanners = ("secret",) if found is None else ("vuln", "secret")
        cache = trivy.cache(workspace) if found is None else found.cache
        try:
            with trivy.cache_lock(workspace):
                argv = trivy.scan(str(tool.path), _INPUT, scanners=scanners, output=REPORT, cache=cache)
                process.run(argv, cwd=work)
                process.run(trivy.convert(str(tool.path), REPORT, form="sarif", output=SARIF), cwd=work)
            reports |= {name: (work / name).read_bytes() for name in (REPORT, SARIF)}
        except ProcessError as error:
            lines = error.completed.tail.splitlines()
            failure = lines[-1].strip() if lines else "it said nothing"
    return evidence.Record(
        stage=STAGE,
        image=image,
        platform=platform.slug,
        digest=str(target.manifest.digest),
        status="not_evaluated",
        reason=f"Trivy could not read the image: {failure}" if failure else "",
        tool=tool.name,
        tool_version=tool.version,
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        measures={"database": found.source if found else "", "stand_in": _stand_ins(workspace, target)},
        artifacts=evidence.keep(workspace.evidence, image, platform.slug, reports),
    )


def _stand_ins(workspace: Workspace, target: Target) -> list[str]:
    """What the image stands on in place of official bases: findings are about that."""
    record = evidence.read(workspace.evidence, target.image.name, target.manifest.platform.slug, "build")
    if record is None or record.digest != str(target.manifest.digest):
        return []
    return sorted(str(base["what"]) for base in record.measures["bases"].values() if base["kind"] == STAND_IN)
