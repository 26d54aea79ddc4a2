"""Writes each platform's bills of materials, CycloneDX and SPDX, and refuses one that does not name what is inside."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from galway import assembly, bom, evidence, process, scratch
from galway.bom import canonical, expectations
from galway.errors import BuildError, ConfigurationError, GalwayError, ImageTestError, NotEvaluatedError
from galway.layout import Layout, Manifest
from galway.process import ProcessError
from galway.tools import trivy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from galway.bom import Bom
    from galway.bom.expectations import Expectations
    from galway.evidence import Record, Status
    from galway.reference import ImageRef, Platform
    from galway.toolbox import Tool
    from galway.workspace import Workspace

STAGE = "sbom"
CANONICAL = {"cyclonedx": canonical.cyclonedx, "spdx": canonical.spdx}
_INPUT = "image"
"""What the scanned folder is called: Trivy derives SPDX identifiers from its name."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One platform of one image, whose packages are wanted.

    Parameters
    ----------
    name:
        The image's name in the catalog, or the folder of a layout that is in none.
    reference:
        What the SBOM calls the image, with its digest.
    """

    name: str
    reference: ImageRef
    layout: Layout
    manifest: Manifest

    @property
    def platform(self) -> Platform:
        """Of the manifest."""
        return self.manifest.platform

    @property
    def subject(self) -> canonical.Subject:
        """What its SBOM is about; times are cut to seconds, as SPDX wants them."""
        return canonical.Subject(
            reference=self.reference,
            digest=self.manifest.digest,
            platform=self.platform,
            created=f"{self.manifest.created[:19]}Z",
        )


def target(folder: Path, name: str, reference: ImageRef, platform: Platform) -> Target:
    """One platform of a layout.

    Raises
    ------
    BuildError
        There is no layout, it is damaged, or it lacks the platform.
    """
    layout = Layout(folder)
    manifests = {manifest.platform: manifest for manifest in layout.manifests()}
    if platform not in manifests:
        raise BuildError(
            f"{name} is not built for {platform}", hint=f"inv build -i {name} --platform {platform.architecture}"
        )
    return Target(name=name, reference=reference, layout=layout, manifest=manifests[platform])


def folder(workspace: Workspace) -> Path:
    """Where the files are: below it, for each image and platform, `cyclonedx.json` and `spdx.json`."""
    return workspace.sboms


def commands(program: str, cache: Path) -> tuple[tuple[str, ...], ...]:
    """What makes the files of one platform, in a folder that holds its layout as `image`."""
    return tuple(trivy.sbom(program, _INPUT, form=form, output=f"{form}.json", cache=cache) for form in trivy.FORMATS)


def run(
    workspace: Workspace, tool: Tool, targets: Sequence[Target], *, say: Callable[[str], None] = lambda _line: None
) -> list[Record]:
    """Write, judge and record the SBOMs of each target; what is there and whole is only judged again.

    Raises
    ------
    BuildError
        A layout is damaged, or the disk is full.
    ConfigurationError
        The table of expected packages is broken.
    """
    table = expectations.load(workspace.root)
    records = []
    for one in targets:
        kept = known(workspace, one, tool.version)
        if kept is None or _renamed(one, read(workspace, kept)):
            say(f"listing the packages of {one.name} for {one.platform}")
            record = _make(workspace, tool, one, table)
        else:
            contents = read(workspace, kept)
            status, reason = judge(one, contents, table)
            policy = table.policy(one.name)
            record = msgspec.structs.replace(
                kept, status=status, reason=reason, policy=policy, measures=_measures(contents)
            )
        if record != kept:
            evidence.write(workspace.evidence, record)
        records.append(record)
    return records


def known(workspace: Workspace, one: Target, version: str) -> Record | None:
    """The record of exactly this manifest and tool whose files are as it says; None where they have to be made."""
    record = evidence.read(workspace.evidence, one.name, one.platform.slug, STAGE)
    if record is None or record.digest != str(one.manifest.digest) or record.tool_version != version:
        return None
    return record if len(read(workspace, record)) == len(trivy.FORMATS) else None


def read(workspace: Workspace, record: Record) -> dict[str, bytes]:
    """The files of a record by format, those left out that are not what its hashes say."""
    found = {form: evidence.artifact(folder(workspace), record, f"{form}.json") for form in trivy.FORMATS}
    return {form: content for form, content in found.items() if content is not None}


def judge(one: Target, contents: Mapping[str, bytes], table: Expectations) -> tuple[Status, str]:
    """What the files themselves say: about this manifest, not empty, in agreement, and naming what is known inside."""
    try:
        boms = [_sound(one, f"{form}.json", contents.get(form, b""), table) for form in trivy.FORMATS]
        if len({found.packages for found in boms}) != 1:
            raise ImageTestError("the two formats do not name the same packages")
    except GalwayError as error:
        return "failed", error.message
    return "passed", ""


def list_packages(workspace: Workspace, tool: Tool, one: Target) -> Bom:
    """The packages of any layout, without a record.

    Raises
    ------
    BuildError
        The layout is damaged.
    ProcessError
        Trivy could not read it.
    """
    return bom.read(scan(workspace, tool, one)["cyclonedx"], source=f"Trivy's SBOM of {one.name}")


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where every SBOM passed; a failure comes before what could not be evaluated."""
    found = evidence.decisive(records)
    if found is None:
        return None
    first, message = found
    if first.status == "failed":
        return ImageTestError(message, hint=f"see what is inside: inv inspect -i {first.image} --packages")
    return NotEvaluatedError(message, hint="see whether Trivy is whole: inv tools")


def _renamed(one: Target, contents: Mapping[str, bytes]) -> bool:
    """Whether files made under another REGISTRY name another repository: judged again, they would fail at every run."""
    try:
        return any(bom.read(content, source=form).subject != one.subject.purl for form, content in contents.items())
    except GalwayError:
        return False  # for `judge` to refuse


_WHERE = "&repository_url="
"""What follows in an image's package URL is the one part of it that `REGISTRY` decides."""


def _sound(one: Target, name: str, content: bytes, table: Expectations) -> Bom:
    found = bom.read(content, source=name)
    if found.subject != one.subject.purl:
        if found.subject.partition(_WHERE)[0] == one.subject.purl.partition(_WHERE)[0]:
            raise ImageTestError(f"{name} was made under another REGISTRY: run inv sbom -i {one.name} again")
        raise ImageTestError(f"{name} is about another image: {found.subject or 'it does not say which'}")
    if not found.packages:
        raise ImageTestError(f"{name} names no package")
    if one.name not in table.expects:
        raise ImageTestError(f"{expectations.FILE} does not say what must be in {one.name}")
    if missing := table.missing(one.name, found):
        raise ImageTestError(f"{name} does not name {', '.join(missing)}, which must be inside")
    return found


def _make(workspace: Workspace, tool: Tool, one: Target, table: Expectations) -> Record:
    started, clock = evidence.now(), time.monotonic()
    contents: dict[str, bytes] = {}
    status: Status
    try:
        contents = scan(workspace, tool, one)
    except ProcessError as error:
        last = error.completed.tail.splitlines()[-1:] or ["it said nothing"]
        status, reason = "not_evaluated", f"Trivy could not read the image: {last[0].strip()}"
    else:
        status, reason = judge(one, contents, table)
    reports = {f"{form}.json": content for form, content in contents.items()}
    artifacts = evidence.keep(folder(workspace), one.name, one.platform.slug, reports)
    return evidence.Record(
        stage=STAGE,
        image=one.name,
        platform=one.platform.slug,
        digest=str(one.manifest.digest),
        status=status,
        reason=reason,
        tool=tool.name,
        tool_version=tool.version,
        policy=table.policy(one.name),
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        measures=_measures(contents),
        artifacts=artifacts,
    )


def scan(workspace: Workspace, tool: Tool, one: Target) -> dict[str, bytes]:
    """Run Trivy on the platform alone, and make its bytes canonical."""
    one.layout.verify()
    with scratch.folder(workspace.sboms) as work:
        assembly.assemble(work / _INPUT, {one.platform: one.layout}, name="sbom", annotations={})
        with trivy.cache_lock(workspace):
            for argv in commands(str(tool.path), trivy.cache(workspace)):
                process.run(argv, cwd=work)
        return {form: make((work / f"{form}.json").read_bytes(), one.subject) for form, make in CANONICAL.items()}


def _measures(contents: Mapping[str, bytes]) -> dict[str, object]:
    try:
        found = bom.read(contents["cyclonedx"])
    except (KeyError, ConfigurationError):
        return {}
    return {"packages": found.counts, "system": found.system}
