"""What was signed, and what an outsider could prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway import evidence
from galway.report import status, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from galway.evidence import Record


def signed(records: Sequence[Record]) -> Table:
    """One line for each image."""
    made = table(
        "image", "reference", "signatures", "SBOMs", "provenance", numbers=("signatures", "SBOMs", "provenance")
    )
    for record in records:
        sboms = record.measures["sboms"]
        made.add_row(
            record.image,
            str(record.measures["reference"]),
            str(len(record.measures["signed"])),
            str(sum(len(files) for files in sboms.values())),
            str(len(sboms)),
        )
    return made


def verified(records: Sequence[Record]) -> tuple[Table, ...]:
    """One line for each image, and the causes of failures."""
    made = table("image", "reference", "status", "proofs", numbers=("proofs",))
    causes = table("image", "platform", "proof", "cause")
    for record in records:
        proofs = record.measures["proofs"]
        failed = [proof for proof in proofs if proof["status"] != "passed"]
        held = f"{len(proofs) - len(failed)}/{len(proofs)}"
        made.add_row(record.image, str(record.measures["reference"]), status(record.status), held)
        for proof in failed:
            where = proof["platform"] if proof["platform"] == evidence.INDEX else proof["platform"].replace("-", "/", 1)
            causes.add_row(record.image, where, proof["name"], escape(proof["detail"]))
    return (made, causes) if causes.row_count else (made,)
