"""From the words of a command line to a plan, and from a plan to everything that a build needs."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from galway import bases, catalog, engine, host, plan as planning, toolbox, versioning
from galway.archive import Mirror
from galway.baking import Request
from galway.errors import ConfigurationError, MissingToolError
from galway.reference import Platform
from galway.stages import sbom
from galway.stages.scan import Rules
from galway.stages.test import Session
from galway.tools import structure_test, trivy
from galway.versioning import Source
from galway.vulnerabilities import policy, waivers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from galway.bases import Base
    from galway.catalog import Catalog, Image
    from galway.checks.target import Target
    from galway.engine import Engine
    from galway.plan import Plan
    from galway.workspace import Workspace


def load_catalog(
    workspace: Workspace, names: Sequence[str] = (), environment: Mapping[str, str] = os.environ
) -> Catalog:
    """The catalog as `REGISTRY` and `VERSION` in the environment change it.

    Raises
    ------
    ConfigurationError
        A broken table, or `VERSION` for several images at once, whose versions differ.
    """
    version = environment.get("VERSION")
    if version and len(names) != 1:
        raise ConfigurationError(
            "VERSION is set, but every image has a version of its own", hint="name one image with -i, or unset VERSION"
        )
    return catalog.load(workspace.root, registry=environment.get("REGISTRY") or None, version=version or None)


def platforms(words: Sequence[str], images: Sequence[Image]) -> tuple[Platform, ...]:
    """The platforms that `--platform` names: `arm64`, `linux/amd64`, `all`, several, or the host's by default.

    Raises
    ------
    ConfigurationError
        An unknown platform.
    """
    names = [name for word in words for name in word.split(",") if name]
    if not names:
        return (Platform.of_host(),)
    chosen: dict[Platform, None] = {}
    for name in names:
        found = [p for image in images for p in image.platforms] if name == "all" else [Platform.parse(name)]
        chosen.update(dict.fromkeys(found))
    return tuple(sorted(chosen))


def plan(
    workspace: Workspace,
    *,
    names: Sequence[str] = (),
    platform: Sequence[str] = (),
    no_cache: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> Plan:
    """The plan for a selection.

    Raises
    ------
    ConfigurationError
        A broken catalog, an unknown image, platform or setting, or no git checkout.
    NothingSelectedError
        The selection is empty.
    """
    table = load_catalog(workspace, names, environment)
    selected = table.select(names)
    compression = environment.get("COMPRESSION") or "zstd"
    if compression not in planning.EXPORTER:
        raise ConfigurationError(
            f"unknown COMPRESSION {compression!r}", hint=f"use one of: {', '.join(planning.EXPORTER)}"
        )
    source = Source.read(workspace.root, environment)
    return planning.make(
        table,
        names=names,
        platforms=platforms(platform, selected),
        source=source,
        contents={image.name: versioning.contents(workspace.root, source, image.sources) for image in selected},
        settings=planning.Settings(
            cache=environment.get("CACHE", ""),
            compression=compression,
            no_cache=no_cache,
            epoch=source.epoch if environment.get("SOURCE_DATE_EPOCH") else int(table.file_time.timestamp()),
        ),
    )


def request(workspace: Workspace, wanted: Plan, *, builder: str | None, say: Callable[[str], None]) -> Request:
    """Find or start the engine, make foreign platforms runnable and resolve the bases.

    Raises
    ------
    MissingToolError
        No engine, no emulation, or no way to get a base image.
    """
    answering = engine.ensure(workspace, builder=builder, say=say)
    for foreign in wanted.platforms:
        if foreign not in answering.platforms:
            engine.emulate(workspace, foreign, say=say)
    resolved = bases.resolve(workspace, wanted.base_arguments, wanted.platforms, say=say)
    return Request(
        plan=wanted,
        bases=resolved,
        secrets={image.name: secrets(workspace, image, resolved) for image in wanted.images},
        engine=answering,
    )


def session(workspace: Workspace, wanted: Sequence[Target], *, say: Callable[[str], None]) -> Session:
    """What tests need: an engine, container-structure-test, and the SBOMs of images that have several platforms.

    Without an engine what needs none is tested nevertheless, and the rest is not evaluated.

    Raises
    ------
    MissingToolError
        container-structure-test cannot be had.
    """
    answering: Engine | None = None
    try:
        answering = engine.ensure(workspace, say=say)
    except MissingToolError as error:
        say(f"{error.message}: what needs an engine is not evaluated")
    return Session(
        workspace=workspace,
        engine=answering,
        tool=toolbox.ensure(workspace, structure_test.NAME, say=say),
        sboms=_sboms(workspace, wanted, say=say),
        say=say,
    )


def _sboms(
    workspace: Workspace, wanted: Sequence[Target], *, say: Callable[[str], None]
) -> dict[str, dict[Platform, Path]]:
    """The SBOMs of every platform of the images under test that have several, written where they are not current."""
    layouts = {one.image: one.layout for one in wanted if len(one.layout.manifests()) > 1}
    found: dict[str, dict[Platform, Path]] = {}
    for image, layout in layouts.items():
        named = [sbom.target(layout.folder, image.name, image.reference, one.platform) for one in layout.manifests()]
        try:
            records = sbom.run(workspace, toolbox.ensure(workspace, trivy.TOOL, say=say), named, say=say)
        except MissingToolError as error:
            say(f"{error.message}: the platforms' packages are not compared")
            break
        found[image.name] = {
            one.platform: workspace.sboms / image.name / record.platform / "cyclonedx.json"
            for one, record in zip(named, records, strict=True)
            if record.status == "passed"
        }
    return found


def rules(workspace: Workspace, *, strict: bool = False) -> Rules:
    """What a scan is judged by today: thresholds, waivers, and the time.

    Raises
    ------
    ConfigurationError
        A table is broken.
    """
    images = {image.name for image in load_catalog(workspace, environment={}).images}
    return Rules(
        policy=policy.load(workspace.root, strict=strict),
        waivers=waivers.load(workspace.root, images=images),
        now=datetime.now(UTC),
    )


def secrets(workspace: Workspace, image: Image, resolved: Mapping[str, Base]) -> dict[str, str]:
    """Host settings that steps may need to reach package mirrors, mounted while they run and never in a layer.

    The CA bundle and apt's sources are copied beside the plan: newer versions of bake ask for leave to read outside
    the repository, and a plan should run by hand without being asked.
    """
    folder = workspace.plan.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files: dict[str, str] = {}
    if (bundle := host.ca_bundle()) is not None:
        shutil.copyfile(bundle, folder / "ca.crt")
        files["ca"] = _relative(workspace, folder / "ca.crt")
    if (pip := host.pip_configuration()) is not None:
        files["pip"] = str(pip)
    if (cargo := host.cargo_configuration()) is not None:
        files["cargo"] = str(cargo)
    suites = [resolved[argument].suite for argument, _ in image.bases if resolved[argument].kind == "stand-in"]
    if suites:  # official bases carry sources of their own
        path = folder / f"apt-{suites[0]}.sources"
        path.write_text(Mirror.of_host().sources(suites[0], keyring=None), encoding="utf-8")
        files["apt"] = _relative(workspace, path)
    return files


def _relative(workspace: Workspace, path: Path) -> str:
    return str(path.relative_to(workspace.root))
