"""What a bundle will hold, what is in one that was written, and what became of one that was loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from rich.markup import escape

from galway.layout import Layout
from galway.report import megabytes, status, table, typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.table import Table

    from galway.airgap import Bundle, Loaded
    from galway.catalog import Image
    from galway.workspace import Workspace


def wanted(images: Sequence[Image], output: Path, workspace: Workspace) -> Table:
    """The images that would be written."""
    made = table("image", "version", "digest", "platforms", "into")
    for image in images:
        layout = Layout(workspace.layout(image.name))
        platforms = ", ".join(str(manifest.platform) for manifest in layout.manifests())
        made.add_row(image.name, image.version, layout.digest.short, platforms, escape(str(output)))
    return made


def packed(made: Bundle) -> Iterator[Table | str]:
    """What is in a bundle, and its key's fingerprint, which the other side needs to have by another way."""
    rows = table("image", "version", "digest", "platforms", "gates", "reason")
    for image in made.contents.images:
        rows.add_row(
            image.name,
            image.version,
            image.digest[7:19],
            ", ".join(image.platforms),
            status(image.status),
            escape(image.reason),
        )
    yield rows
    yield f"{escape(str(made.written.path))}: {megabytes(made.written.size)}, {made.written.members} files"
    yield f"key {made.contents.key}"


def values(made: Bundle) -> dict[str, Any]:
    """The same for programs."""
    return {
        "path": str(made.written.path),
        "size": made.written.size,
        "members": made.written.members,
        **msgspec.to_builtins(made.contents),
    }


def loaded(found: Sequence[Loaded], kept: Path, *, bundled: bool) -> Iterator[Table | str]:
    """Where images are now, and what their gates said where they were built."""
    rows = table("image", "reference", "digest", "proofs", "gates when built", "reason", numbers=("proofs",))
    for one in found:
        cells = (one.image, one.reference, one.digest[7:19], str(one.proofs), status(one.status), escape(one.reason))
        rows.add_row(*cells)
    yield rows
    if bundled:
        yield "[yellow]checked against the bundle's own key: this shows that nothing broke, not who made it[/]"
    yield f"records are in {escape(str(kept / 'evidence'))}"
    if (kept / "database").is_dir():
        yield typed(f"a vulnerability database is in {escape(str(kept / 'database'))}: inv scan --database takes it")
