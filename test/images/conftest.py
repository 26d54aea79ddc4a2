"""The images of this checkout, built once in whichever engine answers, and variants of them with one thing broken."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from galway import assembly, engine, evidence, prepare, process, toolbox
from galway.checks import containers, target as tested
from galway.layout import LAYER_TYPE, MANIFEST_TYPE, Layout
from galway.reference import Platform
from galway.stages import build, test as stage
from galway.tools import structure_test
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from galway.baking import Request
    from galway.catalog import Image
    from galway.checks import Kind
    from galway.checks.target import Target
    from galway.engine import Engine
    from galway.evidence import Record


def pytest_addoption(parser: pytest.Parser) -> None:
    """`nox -s image_tests -- --slow` runs what takes minutes each, too."""
    parser.addoption("--slow", action="store_true", help="also run what takes minutes: other platforms, many kills")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every test of this folder needs an engine; the slow ones are left out unless they are asked for."""
    for item in items:
        item.add_marker(pytest.mark.images)
    if not config.getoption("--slow"):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


def say(text: str) -> None:
    """Progress, which pytest shows with -s and after a failure."""
    sys.stderr.write(text + "\n")


@dataclass(frozen=True, kw_only=True)
class Built:
    """The catalog's images as built and loaded."""

    workspace: Workspace
    engine: Engine
    request: Request
    records: dict[str, Record]
    images: dict[str, Image]

    def docker(self, *arguments: str, ok: tuple[int, ...] | None = (0,)) -> process.Completed:
        """Run a docker command in the engine."""
        return process.run((self.engine.docker, *arguments), env=self.engine.env, ok=ok, timeout=300)

    def run(self, name: str, *arguments: str, options: tuple[str, ...] = (), ok: tuple[int, ...] | None = (0,)) -> str:
        """Run an image under its own run profile, to its end; its output."""
        image = self.images[name]
        completed = self.docker("run", "--rm", *self.profile(image), *options, str(image.reference), *arguments, ok=ok)
        return completed.stdout + completed.stderr

    def start(self, name: str, *options: str) -> str:
        """Start an image under its own run profile; the container's id."""
        image = self.images[name]
        return self.docker("run", "--detach", *self.profile(image), *options, str(image.reference)).stdout.strip()

    def profile(self, image: Image) -> tuple[str, ...]:
        """The options of an image's run profile, without its volumes: tests mount their own."""
        run = msgspec.structs.replace(image.run, volumes=())
        cores = int(self.docker("info", "--format", "{{.NCPU}}").stdout)
        return containers.options(run, root=self.workspace.root, cores=cores)


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    """Build what is missing and load it; an engine that this had to start is stopped at the end."""
    workspace = Workspace.here()
    was_there = engine.find(workspace) is not None
    plan = prepare.plan(workspace)
    request = prepare.request(workspace, plan, builder=None, say=say)
    try:
        records = build.run(workspace, request, observe=lambda _: None, say=print)
        build.load(workspace, plan.images, request.engine, say=say)
        yield Built(
            workspace=workspace,
            engine=request.engine,
            request=request,
            records={record.image: record for record in records},
            images={image.name: image for image in plan.images},
        )
    finally:
        if not was_there:
            engine.stop(workspace, say=say)


@pytest.fixture(scope="session")
def both(built: Built) -> list[Target]:
    """Every image on every platform of the catalog, those of another machine built by cross-compilers and emulation."""
    plan = prepare.plan(built.workspace, platform=["all"])
    request = prepare.request(built.workspace, plan, builder=None, say=say)
    build.run(built.workspace, request, observe=lambda _: None, say=print)
    wanted, refused = tested.select(built.workspace, plan.images, plan.platforms)
    assert refused is None
    return wanted


Member = tuple[str, bytes | None, int]
"""A file of a layer: path, content (None is a folder), mode."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Makes variants of the built images in a workspace of its own, so that no record of the real ones is touched.

    A variant is the built manifest with layers appended and its configuration changed: seconds instead of a build.
    """

    built: Built
    workspace: Workspace

    def make(
        self,
        name: str,
        *layers: list[Member],
        change: Callable[[dict[str, Any]], Any] = lambda _config: None,
        also: dict[Platform, Layout] | None = None,
    ) -> Target:
        """One variant of an image, assembled and recorded as a build does it.

        Parameters
        ----------
        layers:
            Appended in this order.
        change:
            Changes the image configuration.
        also:
            Other platforms of the same index.
        """
        original = Layout(self.built.workspace.layout(name))
        manifest = next(one for one in original.manifests() if one.platform == Platform.of_host())
        scratch = Layout(self.workspace.state / "scratch" / name)
        assembly.assemble(scratch.folder, {manifest.platform: original}, name="scratch", annotations={})
        document, config = original.document(manifest.digest), original.document(manifest.config_digest)
        for members in layers:
            tar = layer(members)
            blob = gzip.compress(tar, compresslevel=1, mtime=0)
            entry = {"mediaType": f"{LAYER_TYPE}+gzip", "digest": put(scratch, blob), "size": len(blob)}
            document["layers"].append(entry)
            config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(tar).hexdigest()}")
            config.setdefault("history", []).append({"created_by": "broken on purpose"})
        change(config)
        content = json.dumps(config).encode()
        document["config"] |= {"digest": put(scratch, content), "size": len(content)}
        content = json.dumps(document).encode()
        root = {"mediaType": MANIFEST_TYPE, "digest": put(scratch, content), "size": len(content)}
        index = {"schemaVersion": 2, "manifests": [root]}
        (scratch.folder / "index.json").write_text(json.dumps(index))
        (made,) = scratch.manifests()
        layout = assembly.assemble(
            self.workspace.layout(name),
            {made.platform: scratch, **(also or {})},
            name=self.built.images[name].version,
            annotations=original.document(original.digest).get("annotations", {}),
        )
        for one in layout.manifests():
            record = msgspec.structs.replace(
                self.built.records[name], platform=one.platform.slug, digest=str(one.digest)
            )
            evidence.write(self.workspace.evidence, record)
        found = next(one for one in layout.manifests() if one.platform == made.platform)
        return tested.Target(image=self.built.images[name], layout=layout, manifest=found)

    def test(self, target: Target, *kinds: Kind, sboms: dict[Platform, Path] | None = None) -> Record:
        """Test a variant as `inv test` does, looking only at some kinds of properties."""
        session = stage.Session(
            workspace=self.workspace,
            engine=self.built.engine,
            tool=toolbox.ensure(self.workspace, structure_test.NAME, say=say),
            sboms={target.image.name: sboms or {}},
            say=say,
            kinds=kinds,
        )
        (record,) = session.run([target])
        return record


@pytest.fixture
def broken(built: Built, tmp_path: Path) -> Broken:
    """Variants, in a workspace that has the repository's files and a `.galway` of its own."""
    root = tmp_path / "checkout"
    root.mkdir()
    for path in built.workspace.root.iterdir():
        if path.name != ".galway":
            (root / path.name).symlink_to(path)
    return Broken(built=built, workspace=dataclasses.replace(built.workspace, root=root))


def layer(members: list[Member]) -> bytes:
    """A layer's tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content, mode in members:
            info = tarfile.TarInfo(path)
            info.type, info.mode = (tarfile.DIRTYPE if content is None else tarfile.REGTYPE), mode
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return stream.getvalue()


def put(layout: Layout, content: bytes) -> str:
    """Write a blob; its digest."""
    name = hashlib.sha256(content).hexdigest()
    path = layout.folder / "blobs" / "sha256" / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return f"sha256:{name}"
