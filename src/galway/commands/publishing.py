"""`inv tags`, `inv push`, `inv digest`, `inv merge`: what images are called, and their way into a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands import DRY, IMAGE, JSON
from galway.commands.options import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoke.context import Context

    from galway.catalog import Image
    from galway.registry import Client

REF = "Full git ref: refs/heads/main, refs/tags/v0.1.0, refs/pull/5/merge (default: the CI job's, else the checkout's)."
SHA = "Commit of the ref (default: the CI job's, else the checkout's)."


@task(
    iterable=["image"],
    help={
        "image": IMAGE,
        "explain": "Also show the rejected candidates, each with its reason, and the labels.",
        "ref": REF,
        "sha": SHA,
        "json": JSON,
    },
)
def tags(c: Context, image: list[str], explain: bool = False, ref: str = "", sha: str = "", json: bool = False) -> None:
    """Show what a git ref makes images be called; a release tag that no catalog version answers to is an error.

    Environment: GITHUB_REF, GITHUB_SHA, DEFAULT_BRANCH (main), REGISTRY.
    """
    from galway import console, prepare, tagging, versioning
    from galway.report import publishing as report
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        catalog = prepare.load_catalog(workspace, image)
        source = versioning.Source.read(workspace.root)
        images = catalog.select(image)
        wanted = tagging.choose(source, ref=ref, sha=sha or versioning.commit(workspace.root, ref))
        decided = tagging.decide(images, wanted, default_branch=tagging.default_branch())
        labels = {each.name: versioning.labels(catalog, each, source) for each in images}
        if json:
            console.print_json(report.tag_values(wanted, decided, images, labels))
        else:
            console.out.print(*report.tags(wanted, decided, images, labels=labels if explain else {}))
        console.conclude(tagging.refusal(decided, wanted))


@task(
    iterable=["image", "stand_in"],
    help={
        "image": IMAGE,
        "ref": REF,
        "sha": SHA,
        "parts": "Copy the platforms that are there by digest, without index, tags or gates, for `inv merge`.",
        "stand_in": "Publish this image although it stands on a stand-in base; repeat for several.",
        "dry": DRY,
        "json": "Print the records as JSON.",
    },
)
def push(
    c: Context,
    image: list[str],
    stand_in: list[str],
    ref: str = "",
    sha: str = "",
    parts: bool = False,
    dry: bool = False,
    json: bool = False,
) -> None:
    """Copy layouts to the registry with their digests unchanged, and move tags to them when all of that stands.

    Environment: REGISTRY; the login in REGISTRY_USERNAME and REGISTRY_PASSWORD (or REGISTRY_PASSWORD_FILE), for GHCR
    GITHUB_TOKEN, or from docker login; GITHUB_REF, GITHUB_SHA, DEFAULT_BRANCH.
    """
    import os

    from galway import console, copying, history, judges, prepare, tagging, versioning
    from galway.report import publishing as report
    from galway.stages import publish as stage
    from galway.toolbox import progress
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        images = prepare.load_catalog(workspace, image).select(image)
        client = _client(images)
        if parts:
            found = copying.parts(workspace, client, images)
            if not (dry or c.config.run.dry):
                with progress.on(console.err)(
                    f"to {client.name}", 0, copying.total(each.layout for each in found)
                ) as advance:
                    copying.copy_parts(found, advance=advance)
            if json:
                console.print_json(report.part_values(found))
            else:
                console.out.print(report.parts(found))
            return
        named = sha or versioning.commit(workspace.root, ref)
        request = stage.Request(
            images=images,
            ref=tagging.choose(versioning.Source.read(workspace.root), ref=ref, sha=named),
            pinned=bool(named or (not ref and os.environ.get("GITHUB_SHA"))),
            default_branch=tagging.default_branch(),
            client=client,
            stand_ins=tuple(stand_in),
            judges=judges.judges(workspace, images, prepare.rules(workspace)),
        )
        jobs = stage.plan(workspace, request)
        if dry or c.config.run.dry:
            console.out.print(report.jobs(jobs))
            console.conclude(stage.rehearsal(jobs))
            return
        sends = not any(job.verdict.refusals for job in jobs)
        show = progress.on(console.err) if sends else progress.silent
        with show(f"to {client.name}", 0, copying.total(job.layout for job in jobs)) as advance:
            records = stage.run(workspace, request, jobs, advance=advance)
        history.released(workspace, records, console.say)
        if json:
            console.print_json(records)
        else:
            console.out.print(report.pushed(records))
        console.conclude(stage.verdict(records))


@task(
    iterable=["image"],
    help={"image": IMAGE, "offline": "Only what the layouts hold; ask no registry.", "json": JSON},
)
def digest(c: Context, image: list[str], offline: bool = False, json: bool = False) -> None:
    """Show the immutable reference (…@sha256:…) of each layout, and what the registry holds.

    Environment: REGISTRY and its login, as for `inv push`.
    """
    from galway import console, prepare
    from galway.report import publishing as report
    from galway.stages import digest as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        images = prepare.load_catalog(workspace, image).select(image)
        found = stage.run(workspace, images, None if offline else _client(images))
        if json:
            console.print_json(found)
        else:
            console.out.print(report.digests(found))
        console.conclude(stage.verdict(found))


@task(
    iterable=["part", "digest"],
    help={
        "image": "NAME of an image in docker/images.toml.",
        "part": "A copy of another machine's .galway, or an OCI layout; repeat for several.",
        "digest": "registry/repository@sha256:… of a platform that `inv push --parts` copied; repeat for several.",
        "dry": DRY,
        "json": JSON,
    },
)
def merge(c: Context, image: str, part: list[str], digest: list[str], dry: bool = False, json: bool = False) -> None:
    """Join platforms that were built on several machines into the one index that a single machine would have made."""
    from pathlib import Path

    from galway import console, prepare
    from galway.reference import ImageRef
    from galway.report import publishing as report
    from galway.stages import digest as digests, merge as stage
    from galway.workspace import Workspace

    with console.edge():
        workspace = Workspace.here()
        (wanted,) = (each for each in prepare.load_catalog(workspace, [image]).select([image]) if each.name == image)
        folders, references = [Path(path) for path in part], [ImageRef.parse(text) for text in digest]
        if dry or c.config.run.dry:
            for line in stage.intended(workspace, wanted, folders=folders, references=references):
                console.out.print(line, soft_wrap=True, markup=False)
            return
        client = _client([wanted]) if references else None
        stage.run(workspace, wanted, folders=folders, references=references, client=client, say=console.say)
        found = digests.run(workspace, [wanted], None)
        if json:
            console.print_json(found)
        else:
            console.out.print(report.digests(found))


def _client(images: Sequence[Image]) -> Client:
    """The catalog's registry, with the login that is at hand."""
    from galway.registry import Client, find_credentials

    name = images[0].reference.registry
    return Client(name, credentials=find_credentials(name))
