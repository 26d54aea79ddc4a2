"""Each pin against its publisher: it matches, has moved, is contradicted, or could not be asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import toolbox
from galway.bases.pins import choices
from galway.doctor.check import FAILED, NOT_EVALUATED, OK, WARNING, Check
from galway.errors import NotEvaluatedError
from galway.toolbox import upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from galway.bases.pins import OfficialBase
    from galway.toolbox.upstream import ActionPin, Upstream
    from galway.workspace import Workspace


def bases(workspace: Workspace, publishers: Upstream, registries: Sequence[str]) -> Iterator[Check]:
    """Each base's digest, and what its tag names now; the first registry that answers counts."""
    for base in (base for bases in choices(workspace.root).values() for base in bases):
        name = f"base {base.argument}"
        try:
            tagged, pinned = _in_registries(base, publishers, registries)
        except NotEvaluatedError as error:
            yield Check(name=name, status=NOT_EVALUATED, found=error.message, source=base.name)
        else:
            yield base_pin(base, tagged=tagged, pinned=pinned)


def base_pin(base: OfficialBase, *, tagged: str | None, pinned: str | None) -> Check:
    """Judge one base.

    Parameters
    ----------
    tagged:
        The digest that its tag names now; None where the tag is gone.
    pinned:
        The digest that the registry gives for the pinned digest; None where it is gone.
    """
    digest = str(base.digest)
    status, found, fix = OK, f"matches: {base.name} is {base.digest.short}", ""
    if pinned is None:
        status, found = FAILED, f"the registry no longer has {base.digest.short}"
        fix = f"pin what {base.name} names now in docker/bases.toml: {tagged or 'nothing'}"
    elif tagged != digest:
        status, found = WARNING, f"moved: {base.name} is {tagged or 'gone'}"
        fix = "take over the new digest in docker/bases.toml after its tests"
    return Check(
        name=f"base {base.argument}", status=status, found=found, source=base.name, verified="registry digest", fix=fix
    )


def tools(workspace: Workspace, publishers: Upstream) -> Iterator[Check]:
    """Each official file's pinned sha256 against the one that GitHub computed at its upload; nothing is downloaded."""
    for name, pin in toolbox.catalog(workspace.root).items():
        for key in pin.release:
            release = pin.official(key)
            if release is None:
                continue
            label = f"tool {name} {key}"
            try:
                found = publishers.file_sha256(release.url)
            except NotEvaluatedError as error:
                yield Check(name=label, status=NOT_EVALUATED, found=error.message, version=pin.version)
                continue
            if found == release.sha256:
                yield Check(
                    name=label, status=OK, found=f"matches: {release.file}", source="GitHub's asset digest",
                    version=pin.version, verified="sha256",
                )  # fmt: skip
                continue
            yield Check(
                name=label,
                status=FAILED,
                found=f"{release.file} has sha256 {found}" if found else f"the release has no {release.file}",
                source="GitHub's asset digest",
                version=pin.version,
                fix=f"docker/tools.toml pins {release.sha256}: find out which one is right",
            )


def actions(workspace: Workspace, publishers: Upstream) -> Iterator[Check]:
    """Each action's commit against the tag in its comment."""
    for action in upstream.actions(sorted((workspace.root / ".github" / "workflows").glob("*.yml"))):
        try:
            commit = publishers.tag_commit(action.repository, action.version) if action.version else None
        except NotEvaluatedError as error:
            yield Check(
                name=f"action {action.repository}", status=NOT_EVALUATED, found=error.message, version=action.version
            )
        else:
            yield action_pin(action, commit)


def action_pin(action: ActionPin, commit: str | None) -> Check:
    """Judge one action by the commit that its version's tag names now.

    A moved tag does not reach us, since the commit is pinned, but it is how releases are hijacked.
    """
    status, found, fix = OK, f"matches: {action.commit[:12]}", ""
    if not action.version:
        status, found, fix = WARNING, "no version beside the commit", "write `# vX.Y.Z` behind it"
    elif commit is None:
        status, found, fix = FAILED, f"there is no tag {action.version}", "pin a released version's commit"
    elif commit != action.commit:
        status, found = WARNING, f"moved: {action.version} is {commit[:12]}, the pin is {action.commit[:12]}"
        fix = "keep the pin until you know why the tag moved"
    return Check(
        name=f"action {action.repository}",
        status=status,
        found=found,
        source="GitHub's tag",
        version=action.version,
        verified="commit",
        fix=fix,
    )


def _in_registries(
    base: OfficialBase, publishers: Upstream, registries: Sequence[str]
) -> tuple[str | None, str | None]:
    """What the base's tag and its pinned digest are in the first registry that can be asked."""
    repository, _, tag = base.name.rpartition(":")
    repository = repository if "/" in repository else f"library/{repository}"
    refusal = NotEvaluatedError("no registry is configured")
    for registry in registries:
        try:
            tagged = publishers.image_digest(registry, repository, tag)
            return tagged, publishers.image_digest(registry, repository, str(base.digest))
        except NotEvaluatedError as error:
            refusal = error
    raise refusal
