"""How many packages of each kind are inside, and what two bills of materials do not share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import status, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from galway.bom import Difference
    from galway.evidence import Record
    from galway.stages.sbom import Target


def targets(rows: Sequence[Target]) -> Table:
    """What would be looked into."""
    made = table("image", "platform", "digest")
    for row in rows:
        made.add_row(row.name, str(row.platform), row.manifest.digest.short)
    return made


def records(rows: Sequence[Record]) -> Table:
    """One line for each image and platform."""
    kinds = sorted({kind for row in rows for kind in row.measures.get("packages", {})})
    made = table("image", "platform", "status", *kinds, numbers=kinds)
    for row in rows:
        counts = row.measures.get("packages", {})
        made.add_row(
            row.image,
            row.platform.replace("-", "/", 1),
            status(row.status),
            *(str(counts.get(kind, "")) for kind in kinds),
        )
    return made


def difference(found: Difference) -> Table:
    """What came, went and changed, one package a line."""
    made = table("", "kind", "package", "old", "new")
    for package in found.removed:
        made.add_row("[red]-[/]", package.kind, escape(package.name), escape(package.version), "")
    for change in found.changed:
        old, new = ", ".join(change.old), ", ".join(change.new)
        made.add_row("[yellow]~[/]", change.kind, escape(change.name), escape(old), escape(new))
    for package in found.added:
        made.add_row("[green]+[/]", package.kind, escape(package.name), "", escape(package.version))
    return made


def summary(found: Difference) -> str:
    """The same in one line."""
    if not found:
        return "the same packages in the same versions"
    return f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
