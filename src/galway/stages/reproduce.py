"""Builds again from nothing and compares what comes out with what is there, byte for byte, platform by platform.

Manifests are compared, not indexes: two machines that built other platforms would differ in the index alone. The
record keeps the second build's manifest and how it was made, both by hash; the verdict is derived from them, now and
whenever the record is read.

"From nothing" leaves out only the Dockerfiles' cache mounts, which hold downloads that are checked against hashes or
signed lists when they are used, and never what a step made.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from galway import baking, bom, evidence, plan as planning, reproduction, turns
from galway.errors import BuildError, GalwayError, NotEvaluatedError
from galway.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from galway.baking import Request
    from galway.bases import Base, again
    from galway.bom import Bom
    from galway.evidence import Record, Status
    from galway.layout import Manifest
    from galway.plan import Plan, Target
    from galway.tools.buildx import Step, Trace
    from galway.workspace import Workspace

STAGE = "reproduce"
MANIFEST = "reproduced-manifest.json"
"""The second build's manifest as it was: where its digest is the record's, the bytes are the same."""

MAKING = "reproduced-making.json"
"""How the second build was made: a `Making`."""

_WORKDIR = "] WORKDIR "
"""BuildKit looks this instruction up even without a cache: what it makes is an empty folder."""

_FOLDER = Path(".galway/reproduce")
_PLACE = baking.Place(definition=_FOLDER / "bake.json", out=_FOLDER / "out")


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a run is given from outside.

    Parameters
    ----------
    observe:
        Told of BuildKit's steps.
    say:
        Told of plain lines of progress.
    packages:
        Lists the packages of one platform in a layout; asked only where bytes differ.
    """

    observe: Callable[[Step], None] = lambda _step: None
    say: Callable[[str], None] = lambda _line: None
    packages: Callable[[str, Layout, Manifest], Bom]


class Making(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the verdict takes besides the bytes.

    Parameters
    ----------
    steps:
        How many steps the second build had.
    cached:
        Those that were not executed, as BuildKit names them; what they made proves nothing.
    bases:
        Why each base that was made again differs, by `ARGUMENT platform`; empty for one that does not.
    difference:
        In one line why the bytes are not the same, where they are not.
    """

    steps: int
    cached: tuple[str, ...] = ()
    bases: dict[str, str] = {}
    difference: str = ""


def command(*, builder: str | None = None) -> tuple[str, ...]:
    """The one command that a second build runs, in the repository's root."""
    return baking.command(_PLACE, builder=builder)


def check(workspace: Workspace, plan: Plan, resolved: Mapping[str, Base]) -> dict[str, tuple[Layout, Manifest]]:
    """What is there of each target, made from exactly what the checkout holds now.

    Raises
    ------
    BuildError
        Nothing was built, or from something else: the two would differ for a reason that everybody knows.
    """
    found = {}
    for target in plan.targets:
        name = target.image.name
        rebuild = f"inv build -i {name} --platform {target.platform.architecture}"
        layout = Layout(workspace.layout(name))
        layout.verify()
        manifest = next((one for one in layout.manifests() if one.platform == target.platform), None)
        if manifest is None:
            raise BuildError(f"{name} is not built for {target.platform}", hint=rebuild)
        record = evidence.read(workspace.evidence, name, target.platform.slug, "build")
        if record is None or record.digest != str(manifest.digest):
            raise BuildError(f"the build of {name} for {target.platform} has no record", hint=rebuild)
        if record.measures.get("inputs") != planning.inputs(plan, target, resolved):
            raise BuildError(
                f"{name} for {target.platform} was built from other files, bases or settings than are here now",
                hint=rebuild,
            )
        found[target.name] = (layout, manifest)
    return found


def run(workspace: Workspace, request: Request, hooks: Hooks, *, remade: Sequence[again.Remade] = ()) -> list[Record]:
    """Build every target again without a cache and compare; the layouts and records of the build stay untouched.

    Parameters
    ----------
    remade:
        What became of bases that were made anew; one that differs fails every image that stands on it.

    Returns
    -------
    list[Record]
        One per target.

    Raises
    ------
    BuildError
        There is nothing to compare with, a step failed, or the disk is full.
    """
    started = evidence.now()
    request = replace(request, plan=_uncached(request.plan))
    before = check(workspace, request.plan, request.bases)
    with turns.turn(workspace.root / _FOLDER / "lock", "another reproduction in this checkout", say=hooks.say):
        shutil.rmtree(workspace.root / _PLACE.out, ignore_errors=True)
        try:
            baking.define(workspace, request, _PLACE)
            trace, seconds = baking.run(workspace, request, _PLACE, hooks.observe)
            work = _Work(workspace=workspace, request=request, hooks=hooks, trace=trace, remade=tuple(remade))
            version = baking.version(request.engine)
            records = [
                msgspec.structs.replace(
                    work.record(target, before[target.name]), tool_version=version, started=started, seconds=seconds
                )
                for target in request.plan.targets
            ]
        finally:
            shutil.rmtree(workspace.root / _PLACE.out, ignore_errors=True)
    for record in records:
        evidence.write(workspace.evidence, record)
    return records


def judge(workspace: Workspace, record: Record) -> tuple[Status, str]:
    """What follows from the kept manifest and how it was made, whatever the record says.

    A difference fails whatever its cause: that an archive has moved on explains it, and does not undo it.
    """
    if evidence.artifact(workspace.evidence, record, MANIFEST) is None:
        return "failed", f"its {MANIFEST} is missing or was changed"
    try:
        making = msgspec.json.decode(evidence.artifact(workspace.evidence, record, MAKING) or b"", type=Making)
    except msgspec.DecodeError:
        return "failed", f"its {MAKING} is missing or was changed"
    if (second := record.artifacts[MANIFEST]) != record.digest:
        return "failed", making.difference or f"the second build is {second[:19]}"
    for base, reason in making.bases.items():
        if reason:
            return "failed", f"base {base}: {reason}"
    if making.cached:
        return "not_evaluated", f"{len(making.cached)} of {making.steps} steps were taken from a cache"
    return "passed", ""


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where every image came out the same; a failure comes before what could not be evaluated."""
    found = evidence.decisive(records)
    if found is None:
        return None
    first, message = found
    if first.status != "failed":
        return NotEvaluatedError(message, hint="run it again with a builder that honours --no-cache")
    if first.measures.get("packages"):
        hint = f"inv build -i {first.image} --no-cache builds it of the packages of today"
    elif first.measures.get("only_times"):
        hint = f"inv build -i {first.image} --no-cache, then reproduce again"
    else:
        hint = f"see all of it with inv reproduce -i {first.image} --json"
    return BuildError(message, hint=hint)


def _uncached(plan: Plan) -> Plan:
    """The same plan with every step executed, and no cache of a registry read or written."""
    return replace(plan, settings=replace(plan.settings, no_cache=True, cache=""))


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A finished second build that has to be compared."""

    workspace: Workspace
    request: Request
    hooks: Hooks
    trace: Trace
    remade: tuple[again.Remade, ...]

    def record(self, target: Target, before: tuple[Layout, Manifest]) -> Record:
        """Compare one target and say what came out; the record is not written yet."""
        name, slug = target.image.name, target.platform.slug
        made = baking.baked(self.workspace, _PLACE, target)
        self.hooks.say(f"comparing {name} for {target.platform}")
        found = reproduction.compare(before, made)
        steps = [step for step in self.trace.instructions if step.target == target.name]
        difference, unknown = (None, "") if found.same else self._packages(target, before, made)
        bases = [each for each in self.remade if each.argument in dict(target.image.bases)]
        making = Making(
            steps=len(steps),
            cached=tuple(step.name for step in steps if step.cached and _WORKDIR not in step.name),
            bases={f"{each.argument} {each.platform}": each.reason for each in bases},
            difference="" if found.same else reproduction.explain(found, difference),
        )
        reports = {MANIFEST: made[0].blob(made[1].digest).read_bytes(), MAKING: msgspec.json.encode(making)}
        measures: dict[str, Any] = {
            "made": found.new,
            "steps": making.steps,
            "bases": bases,
            "layers": found.layers,
            "settings": found.settings,
            "only_times": found.only_times,
            "packages": difference or None,
            "packages_unknown": unknown,
        }
        record = evidence.Record(
            stage=STAGE,
            image=name,
            platform=slug,
            digest=found.old,
            status="not_evaluated",
            tool="docker buildx bake --no-cache",
            measures=msgspec.to_builtins(measures),
            artifacts=evidence.keep(self.workspace.evidence, name, slug, reports),
        )
        status, reason = judge(self.workspace, record)
        return msgspec.structs.replace(record, status=status, reason=reason)

    def _packages(
        self, target: Target, before: tuple[Layout, Manifest], made: tuple[Layout, Manifest]
    ) -> tuple[bom.Difference | None, str]:
        """Whose versions moved, or why that is not known."""
        name = target.image.name
        try:
            old, new = (self.hooks.packages(name, *side) for side in (before, made))
        except GalwayError as error:
            return None, error.message
        return bom.compare(old.packages, new.packages), ""
