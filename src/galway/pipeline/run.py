"""All of it in one go: build, test, SBOM, scan, push, sign, verify, against a throw-away registry and key by default.

A stage that fails for one image ends the way of that image; the others go on. Each stage finds what it did before, so
that a run that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from galway import history, judges, prepare, tagging, toolbox
from galway.checks import target
from galway.errors import GalwayError, NotEvaluatedError
from galway.layout import Layout
from galway.pipeline.outcome import Cell, Outcome, State, fold
from galway.pipeline.throwaway import shop
from galway.stages import build, publish, sbom, scan, sign, test, verify
from galway.tools import structure_test, trivy
from galway.versioning import Source
from galway.vulnerabilities import database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from galway.catalog import Image
    from galway.evidence import Judges, Record
    from galway.registry import Client
    from galway.signing import Cosign
    from galway.toolbox import Tool
    from galway.tools.buildx import Step
    from galway.workspace import Workspace

STAGES = (build.STAGE, test.STAGE, sbom.STAGE, scan.STAGE, publish.STAGE, sign.STAGE, verify.STAGE)
"""In their order; the earliest one that fails gives the exit code."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a run is asked for.

    Parameters
    ----------
    names, platform:
        As `inv build` takes them.
    databases:
        Where to look for a vulnerability database before the places in `docker/scan.toml`.
    strict:
        Allow no high vulnerability.
    """

    names: Sequence[str] = ()
    platform: Sequence[str] = ()
    databases: Sequence[str] = ()
    strict: bool = False


@dataclass(kw_only=True)
class Pipeline:
    """One run.

    Parameters
    ----------
    say:
        Told of plain lines of progress.
    observe:
        Told of BuildKit's steps.
    changed:
        Told after each change of a cell.
    """

    workspace: Workspace
    wish: Wish
    say: Callable[[str], None]
    observe: Callable[[Step], None]
    changed: Callable[[Outcome], None]
    outcome: Outcome = field(init=False)
    images: tuple[Image, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read the catalog, so that a wrong name is an error before anything is done."""
        self.images = prepare.load_catalog(self.workspace, self.wish.names).select(self.wish.names)
        self.platforms = prepare.platforms(self.wish.platform, self.images)
        cells = {image.name: {stage: Cell() for stage in STAGES} for image in self.images}
        started = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.outcome = Outcome(started=started, cells=cells)
        self.failures: list[GalwayError] = []

    def run(self) -> Outcome:
        """Go through all stages.

        Raises
        ------
        GalwayError
            Only what comes before the first stage; everything after it is in the outcome.
        """
        clock = time.monotonic()
        self._stage(build.STAGE, self._build)
        self._stage(test.STAGE, self._test)
        self._stage(sbom.STAGE, self._sbom)
        self._stage(scan.STAGE, self._scan)
        with contextlib.ExitStack() as stack:
            opened_once: list[tuple[Client, Cosign]] = []

            def opened() -> tuple[Client, Cosign]:
                if not opened_once:
                    opened_once.append(stack.enter_context(shop(self.workspace, say=self.say)))
                    self.outcome.registry = opened_once[0][0].name
                return opened_once[0]

            self._stage(publish.STAGE, lambda images: self._publish(images, opened()[0]))
            self._stage(sign.STAGE, lambda images: self._sign(images, *opened()))
            self._stage(verify.STAGE, lambda images: self._verify(images, *opened()))
        self.outcome.seconds = round(time.monotonic() - clock, 1)
        return self.outcome

    @property
    def verdict(self) -> GalwayError | None:
        """What to end with: the earliest failure, else what could not be evaluated, else None."""
        if self.failures:
            return self.failures[0]
        for stage in STAGES:
            for name, cells in self.outcome.cells.items():
                if cells[stage].state == "not_evaluated":
                    return NotEvaluatedError(f"{stage} of {name}: {cells[stage].reason}", hint=cells[stage].hint)
        return None

    def _stage(self, stage: str, step: Callable[[tuple[Image, ...]], list[Record]]) -> None:
        """Take the images that are still on their way through one stage."""
        alive = tuple(image for image in self.images if not self._ended(image))
        for image in self.images:
            self._set(image.name, stage, "running" if image in alive else "skipped", "an earlier stage failed")
        if not alive:
            return
        clock = time.monotonic()
        records: list[Record] = []
        error: GalwayError | None = None
        try:
            records = step(alive)
            error = VERDICTS[stage](records)
        except GalwayError as caught:
            error = caught
        if error is not None and not isinstance(error, NotEvaluatedError):
            self.failures.append(error)
        self.outcome.records += records
        seconds = round(time.monotonic() - clock, 1)
        for image in alive:
            state, reason = fold([record for record in records if record.image == image.name])
            if state == "waiting":  # the stage ended before it came to this image
                state, reason = "failed", error.message if error else "the stage said nothing about it"
            self._set(image.name, stage, state, reason, hint=error.hint if error else "", seconds=seconds)

    def _ended(self, image: Image) -> bool:
        return any(cell.state == "failed" for cell in self.outcome.cells[image.name].values())

    def _set(
        self, name: str, stage: str, state: State, reason: str = "", *, hint: str = "", seconds: float = 0.0
    ) -> None:
        reason = "" if state in ("running", "passed") else reason
        self.outcome.cells[name][stage] = Cell(state=state, reason=reason, hint=hint, seconds=seconds)
        self.changed(self.outcome)

    def _build(self, images: tuple[Image, ...]) -> list[Record]:
        names = [image.name for image in images]
        plan = prepare.plan(self.workspace, names=names, platform=self.wish.platform)
        request = prepare.request(self.workspace, plan, builder=None, say=self.say)
        targets = [(target.image.name, target.platform.slug) for target in plan.targets]
        with history.building(self.workspace, targets, self.say) as built:
            records = build.run(self.workspace, request, observe=self.observe, say=self.say)
            built(records)
        build.load(self.workspace, plan.images, request.engine, say=self.say)
        return records

    def _test(self, images: tuple[Image, ...]) -> list[Record]:
        wanted, refused = target.select(self.workspace, images, self.platforms)
        if refused is not None:
            raise refused
        tool = self._tool(structure_test.NAME)
        known = [(one, test.known(self.workspace, one, tool)) for one in wanted]
        left = [one for one, record in known if record is None]
        fresh = prepare.session(self.workspace, left, say=self.say).run(left) if left else []
        return [*fresh, *(record for _, record in known if record is not None)]

    def _sbom(self, images: tuple[Image, ...]) -> list[Record]:
        targets = [
            sbom.target(self.workspace.layout(image.name), image.name, image.reference, platform)
            for image in images
            for platform in self.platforms
            if platform in image.platforms
        ]
        return sbom.run(self.workspace, self._tool(trivy.TOOL), targets, say=self.say)

    def _scan(self, images: tuple[Image, ...]) -> list[Record]:
        rules, tool = prepare.rules(self.workspace, strict=self.wish.strict), self._tool(trivy.TOOL)
        named = self.wish.databases or os.environ.get("TRIVY_DATABASE", "").split()
        sources = tuple(named) or rules.policy.database.repositories
        asked = database.obtain(self.workspace, tool, sources, rules.policy, say=self.say)
        targets = scan.select(self.workspace, images, self.platforms)
        records = scan.run(self.workspace, tool, targets, rules, asked=asked, say=self.say)
        history.scanned(self.workspace, records, self.say)
        return records

    def _publish(self, images: tuple[Image, ...], client: Client) -> list[Record]:
        request = publish.Request(
            images=self._there(images, client),
            ref=tagging.choose(Source.read(self.workspace.root)),
            pinned=False,
            default_branch=tagging.default_branch(),
            client=client,
            judges=self._judges(images),
        )
        return publish.run(self.workspace, request, publish.plan(self.workspace, request))

    def _sign(self, images: tuple[Image, ...], client: Client, cosign: Cosign) -> list[Record]:
        table = self._judges(images)
        records = []
        for image in self._there(images, client):
            material = sign.collect(self.workspace, image, table)
            records.append(sign.run(sign.request(self.workspace, image, client, cosign, material), say=self.say))
        return records

    def _verify(self, images: tuple[Image, ...], client: Client, cosign: Cosign) -> list[Record]:
        table = prepare.load_catalog(self.workspace, self.wish.names)
        records = []
        for image in self._there(images, client):
            reference = replace(image.reference, tag=None, digest=Layout(self.workspace.layout(image.name)).digest)
            platforms = verify.platforms(self.workspace, image, reference)
            published = verify.published(table, image, reference, platforms=platforms, client=client, cosign=cosign)
            records.append(verify.run(self.workspace, published, say=self.say))
        return records

    def _judges(self, images: tuple[Image, ...]) -> Judges:
        return judges.judges(self.workspace, images, prepare.rules(self.workspace, strict=self.wish.strict))

    def _there(self, images: tuple[Image, ...], client: Client) -> tuple[Image, ...]:
        """The images under the throw-away registry's name."""
        return tuple(replace(image, reference=replace(image.reference, registry=client.name)) for image in images)

    def _tool(self, name: str) -> Tool:
        return toolbox.ensure(self.workspace, name, say=self.say)


VERDICTS: Mapping[str, Callable[[list[Record]], GalwayError | None]] = {
    build.STAGE: lambda _records: None,
    test.STAGE: test.verdict,
    sbom.STAGE: sbom.verdict,
    scan.STAGE: scan.verdict,
    publish.STAGE: publish.verdict,
    sign.STAGE: lambda _records: None,
    verify.STAGE: verify.verdict,
}
"""What each stage says about its records; those of build and sign are there only when they passed."""
