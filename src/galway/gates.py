"""Asks the records of what was built whether it may leave this machine, and says how a rehearsal of that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import evidence, facts, release
from galway.errors import NotEvaluatedError, PublishError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.catalog import Image
    from galway.errors import GalwayError
    from galway.evidence import Judges
    from galway.release import Built, Verdict
    from galway.workspace import Workspace


def ask(
    workspace: Workspace,
    image: Image,
    built: Built,
    *,
    sha: str,
    judges: Judges,
    loopback: bool,
    stand_in: bool,
) -> Verdict:
    """What the records of every platform say, each judged from its raw reports again; see `release.requirements`.

    Parameters
    ----------
    judges:
        For each stage a function that derives status and reason from a record's raw reports again.
    """
    records = [
        facts.judged(workspace, record, judges) if record.digest == str(digest) else record
        for platform, digest in built.manifests.items()
        for stage in release.GATES
        if (record := evidence.read(workspace.evidence, image.name, platform.slug, stage)) is not None
    ]
    return release.requirements(records, built, image, sha, loopback=loopback, stand_in=stand_in)


def refusal(verdict: Verdict, *, what: str, hint: str) -> PublishError | None:
    """The error of an image that is refused, all reasons in its detail; None for one that may go.

    Parameters
    ----------
    what:
        How the message begins: `may not be published`.
    """
    if not verdict.refusals:
        return None
    return PublishError(f"{what}: {_first(verdict.refusals)}", hint=hint, detail="\n".join(verdict.refusals))


def rehearsal(verdicts: Mapping[str, Verdict], *, again: str) -> GalwayError | None:
    """What the real run would end with, after a dry run has shown every reason; None where all may go.

    Parameters
    ----------
    verdicts:
        By image.
    again:
        The command that was rehearsed.
    """
    hint = f"do what each line above says, then {again} --dry again"
    for name, verdict in verdicts.items():
        if verdict.refusals:
            return PublishError(f"{name}: may not be published: {_first(verdict.refusals)}", hint=hint)
    for name, verdict in verdicts.items():
        if verdict.unevaluated:
            return NotEvaluatedError(f"{name}: {_first(verdict.unevaluated)}", hint=hint)
    return None


def _first(lines: tuple[str, ...]) -> str:
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return f"{lines[0]}{more}"
