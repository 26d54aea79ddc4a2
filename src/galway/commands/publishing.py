"""`inv tags`: what images are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.tasks import task

from galway.commands import IMAGE, JSON

if TYPE_CHECKING:
    from invoke.context import Context

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
        wanted = tagging.choose(source, ref=ref, sha=sha)
        decided = tagging.decide(images, wanted, default_branch=tagging.default_branch())
        labels = {each.name: versioning.labels(catalog, each, source) for each in images}
        if json:
            console.print_json(report.tag_values(wanted, decided, images, labels))
        else:
            console.out.print(*report.tags(wanted, decided, images, labels=labels if explain else {}))
        console.conclude(tagging.refusal(decided, wanted))
