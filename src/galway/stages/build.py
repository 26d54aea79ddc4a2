"""Builds a plan in one bake call, assembles an OCI layout per image, and loads the host's platform into the engine."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from galway import assembly, baking, evidence, plan as planning, process, provenance, turns
from galway.errors import BuildError
from galway.inspection import parts
from galway.layout import Layout, Manifest
from galway.reference import Platform
from galway.tools import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from galway.baking import Request
    from galway.catalog import Image
    from galway.engine import Engine
    from galway.evidence import Record
    from galway.plan import Target
    from galway.tools.buildx import Step, Trace
    from galway.workspace import Workspace

STAGE = "build"
PROVENANCE = "provenance.json"


def run(
    workspace: Workspace, request: Request, *, observe: Callable[[Step], None], say: Callable[[str], None]
) -> list[Record]:
    """Build every target and leave layouts, records and loaded images.

    Parameters
    ----------
    observe:
        Told of each step as it begins and ends.
    say:
        Told where another build has to end first.

    Returns
    -------
    list[Record]
        One per target.

    Raises
    ------
    BuildError
        A step failed, or the disk is full; the message names step and image.
    """
    with turns.turn(workspace.state / "build.lock", "another build of this checkout", say=say):  # then all is cached
        scratch = workspace.root / planning.OUT
        shutil.rmtree(scratch, ignore_errors=True)
        where = baking.place(workspace)
        baking.define(workspace, request, where)
        started = evidence.now()
        current = _current(workspace, request)
        trace, seconds = baking.run(workspace, request, where, observe, unexported=tuple(current))
        if changed := {step.target for step in trace.instructions if not step.cached} & current.keys():
            current = {name: layout for name, layout in current.items() if name not in changed}
            _, more = baking.run(workspace, request, where, observe, unexported=tuple(current))
            seconds += more
        work = _Work(
            workspace=workspace,
            request=request,
            current=current,
            trace=trace,
            metadata=json.loads((workspace.root / where.metadata).read_bytes()),
            buildx=baking.version(request.engine),
        )
        records = [work.record(target, started, seconds) for target in request.plan.targets]
        for image in request.plan.images:
            work.assemble(image)
        for record in records:
            evidence.write(workspace.evidence, record)
        shutil.rmtree(scratch, ignore_errors=True)
    return records


def load(workspace: Workspace, images: Sequence[Image], engine: Engine, *, say: Callable[[str], None]) -> None:
    """Put the host's platform into the engine under the catalog's references; what is there already is left alone.

    Raises
    ------
    BuildError
        The engine refused.
    """
    for image in images:
        layout = Layout(workspace.layout(image.name))
        manifest = next((m for m in layout.manifests() if m.platform == Platform.of_host()), None)
        if manifest is None:
            continue
        reference = str(image.reference)
        inspect = (engine.docker, "image", "inspect", "--format", "{{.Id}}", reference)
        known = process.run(inspect, env=engine.env, ok=None).stdout.strip()
        if known in (str(manifest.digest), str(manifest.config_digest)):
            continue
        say(f"loading {reference} into the engine")
        for last in (False, True):  # containerd's garbage collector can take a blob of an import that has just begun
            chunks = assembly.archive(layout, manifest, (reference,))
            done = process.run((engine.docker, "load"), env=engine.env, stdin=chunks, ok=None)
            if done.code == 0:
                break
            if failure.is_full(done.tail):
                disk = baking.LARGER[engine.kind]
                raise failure.engine_full(f"loading {reference}", engines_disk=disk, detail=done.tail)
            if last:
                raise BuildError(
                    f"the engine does not take {reference}: docker load ended with code {done.code}",
                    hint="the layout is whole: run this again, it builds nothing anew",
                    detail=done.tail,
                )


def _current(workspace: Workspace, request: Request) -> dict[str, Layout]:
    """The targets whose layout was made from exactly these inputs, and is whole.

    Exporting one again would give the same bytes (rewriting timestamps means to compress every layer anew, which takes
    longer than all the rest). BuildKit still solves it: a step that it has to execute puts it among the others.
    """
    if request.plan.settings.no_cache:
        return {}
    found = {}
    kept = {image.name: _kept(workspace.layout(image.name)) for image in request.plan.images}
    for target in request.plan.targets:
        for manifest in kept[target.image.name]:
            if manifest.platform == target.platform and _made_from(workspace, request, target, manifest):
                found[target.name] = Layout(workspace.layout(target.image.name))
    return found


def _kept(folder: Path) -> tuple[Manifest, ...]:
    """What a layout holds; a damaged one holds nothing worth keeping, since it is about to be written anew."""
    try:
        layout = Layout(folder)
        layout.verify()
        return layout.manifests()
    except BuildError:
        return ()


def _made_from(workspace: Workspace, request: Request, target: Target, manifest: Manifest) -> bool:
    record = evidence.read(workspace.evidence, target.image.name, manifest.platform.slug, STAGE)
    return (
        record is not None
        and record.digest == str(manifest.digest)
        and record.measures.get("inputs") == planning.inputs(request.plan, target, request.bases)
    )


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A finished bake that has to become layouts and records."""

    workspace: Workspace
    request: Request
    current: Mapping[str, Layout]
    trace: Trace
    metadata: Mapping[str, Any]
    buildx: str

    def layout(self, target: Target) -> Layout:
        """Where a target's manifest lies: fresh from BuildKit, or in the layout that is current."""
        return self.current.get(target.name) or Layout(self.workspace.root / planning.OUT / target.name)

    def manifest(self, target: Target) -> Manifest:
        """A target's manifest."""
        return baking.of(self.layout(target), target)

    def assemble(self, image: Image) -> None:
        """Join what was built with what the layout holds of the same inputs; anything else is dropped."""
        targets = [target for target in self.request.plan.targets if target.image.name == image.name]
        sources = {target.platform: self.layout(target) for target in targets}
        folder = self.workspace.layout(image.name)
        for manifest in _kept(folder):
            same = _made_from(self.workspace, self.request, targets[0], manifest)
            if same and manifest.platform not in sources:
                sources[manifest.platform] = Layout(folder)
        assembly.assemble(folder, sources, name=image.version, annotations=targets[0].labels)

    def record(self, target: Target, started: str, seconds: float) -> Record:
        """What was built, measured from its bytes."""
        request, image = self.request, target.image
        manifest = self.manifest(target)
        layers = self._layers(target, manifest)
        steps = [step for step in self.trace.instructions if step.target == target.name]
        return evidence.Record(
            stage=STAGE,
            image=image.name,
            platform=target.platform.slug,
            digest=str(manifest.digest),
            status="passed",
            reason="over its size budget" if manifest.size > image.size_budget else "",
            tool="docker buildx bake",
            tool_version=self.buildx,
            started=started,
            seconds=round(seconds, 3),
            measures={
                "inputs": planning.inputs(request.plan, target, request.bases),
                "revision": request.plan.source.description,
                "engine": f"{request.engine.kind} {request.engine.version}",
                "bases": {
                    name: {"kind": base.kind, "digest": str(base.digest), "what": base.description}
                    for name, base in ((name, request.bases[name]) for name, _ in image.bases)
                },
                "compressed": manifest.size,
                "unpacked": sum(layer["unpacked"] for layer in layers),
                "size_budget": image.size_budget,
                "layers": layers,
                "parts": self._parts(target, manifest),
                "steps": len(steps),
                "steps_cached": sum(step.cached for step in steps),
            },
            artifacts=self._provenance(target, manifest, started),
        )

    def _provenance(self, target: Target, manifest: Manifest, started: str) -> dict[str, str]:
        """Say how the manifest was made; of one that was kept, what was said when it was made."""
        folder, image, platform = self.workspace.evidence, target.image, target.platform.slug
        before = evidence.read(folder, image.name, platform, STAGE)
        same = before if before is not None and before.digest == str(manifest.digest) else None
        if same is not None and evidence.artifact(folder, same, PROVENANCE) is not None:
            return same.artifacts
        request = self.request
        run = provenance.Run(
            builder={"kind": request.engine.kind, "docker": request.engine.version, "buildx": self.buildx},
            metadata=self.metadata.get(target.name, {}),
            started=started,
            finished=evidence.now(),
        )
        said = provenance.predicate(
            request.plan,
            target,
            run,
            source=target.labels["org.opencontainers.image.source"],
            bases=request.bases,
            inputs=planning.inputs(request.plan, target, request.bases),
        )
        return evidence.keep(folder, image.name, platform, {PROVENANCE: json.dumps(said, indent=2).encode()})

    def _parts(self, target: Target, manifest: Manifest) -> list[dict[str, Any]]:
        """Sizes by part; measured again only where the manifest or the parts' names are others."""
        before = evidence.read(self.workspace.evidence, target.image.name, target.platform.slug, STAGE)
        known = list(before.measures.get("parts") or ()) if before is not None else []
        wanted = {name for name, _ in target.image.parts}
        if before is not None and before.digest == str(manifest.digest) and wanted <= {one["name"] for one in known}:
            return known
        return parts.measure(self.layout(target), manifest, target.image.parts)

    def _layers(self, target: Target, manifest: Manifest) -> list[dict[str, Any]]:
        """Sizes by layer; those of a manifest that was measured before are not measured again."""
        before = evidence.read(self.workspace.evidence, target.image.name, target.platform.slug, STAGE)
        if before is not None and before.digest == str(manifest.digest):
            return list(before.measures["layers"])
        layout = self.layout(target)
        return [
            {
                "digest": str(layer.digest),
                "compressed": layer.size,
                "unpacked": layout.unpacked_size(layer),
                "instruction": layer.instruction,
            }
            for layer in manifest.layers
        ]
