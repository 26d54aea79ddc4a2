"""What an image must be: one module per kind of check, all over the same `Subject`, all answering in `Check` values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from galway.evidence import Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from galway.catalog import Image
    from galway.engine import Engine
    from galway.layout import Layout, Manifest

Kind = Literal["structure", "hardening", "content", "architecture"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One property of an image, judged.

    Parameters
    ----------
    kind, name:
        What was looked at; `name` is unique within its kind.
    status:
        `not_evaluated` where it could not be judged here, which never counts as passed.
    detail:
        What was seen, one line; names the cause of a failure.
    hint:
        What to do next about a failure or a missing verdict, one line.
    """

    kind: Kind
    name: str
    status: Status
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One platform of one built image, ready to be looked at.

    Parameters
    ----------
    image:
        Its entry in the catalog.
    layout, manifest:
        The bytes that were built.
    root:
        The repository, where the tables' paths start.
    scratch:
        An empty folder for archives and raw reports, deleted afterwards.
    engine:
        Runs containers; None where only the bytes are looked at.
    reference:
        What the platform is loaded as in the engine.
    runs:
        Whether its programs run here: `native`, `emulated`, or `no`.
    """

    image: Image
    layout: Layout
    manifest: Manifest
    root: Path
    scratch: Path
    engine: Engine | None
    reference: str
    runs: Literal["native", "emulated", "no"]


def verdict(checks: Iterable[Check]) -> tuple[Status, str]:
    """One status for many checks, and its reason; a failure outweighs what could not be evaluated, that a pass.

    No check at all is `not_evaluated`: nothing was looked at.
    """
    seen = list(checks)
    failed = [check for check in seen if check.status == "failed"]
    unknown = [check for check in seen if check.status not in ("passed", "failed")]
    if not seen:
        return "not_evaluated", "nothing was checked"
    if not (worst := failed or unknown):
        return "passed", ""
    more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
    reason = f"{worst[0].kind} {worst[0].name}: {worst[0].detail}{more}"
    return ("failed" if failed else "not_evaluated"), reason
