"""What a scan found, worst and mendable first, with the waivers that were used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from galway.report import status, table
from galway.vulnerabilities.findings import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from galway.evidence import Record
    from galway.stages.scan import Target

WORST = 15
"""Findings that a person is shown; all are in the records."""


def targets(rows: Sequence[Target]) -> Table:
    """What would be scanned."""
    made = table("image", "platform", "digest")
    for row in rows:
        made.add_row(row.image.name, str(row.manifest.platform), row.manifest.digest.short)
    return made


def scan(records: Sequence[Record]) -> list[Table | str]:
    """One line for each image and platform, the worst findings, what was waived, and what limits the verdict."""
    names = [severity.lower() for severity in SEVERITIES[:4]]
    made = table("image", "platform", "status", *names, "waived", "about", numbers=(*names, "waived"))
    for record in records:
        counts = record.measures.get("counts", {})
        about = "stand-in base" if record.measures.get("stand_in") else "official base"
        known = record.status != "not_evaluated"
        made.add_row(
            record.image,
            record.platform.replace("-", "/", 1),
            status(record.status),
            *(str(counts.get(severity, 0)) if known or severity in counts else "?" for severity in SEVERITIES[:4]),
            str(len(record.measures.get("waived", []))),
            f"{record.measures.get('system', '')} ({about})".strip(),
        )
    found = table("severity", "id", "package", "installed", "fixed", "image", "title")
    rows = [(record, finding) for record in records for finding in record.measures.get("findings", [])]
    for record, finding in rows[:WORST]:
        found.add_row(
            finding["severity"],
            finding["id"],
            finding["package"] or finding["target"],
            finding["installed"],
            finding["fixed"],
            f"{record.image} {record.platform.rpartition('-')[2]}",
            escape(finding["title"]),
        )
    parts: list[Table | str] = [made]
    if rows:
        parts.append(found)
        parts += [f"and {len(rows) - WORST} more in the records"] if len(rows) > WORST else []
    parts += [f"[yellow]note[/]: {escape(line)}" for line in notes(records)]
    return parts


def notes(records: Sequence[Record]) -> list[str]:
    """What a person should know beside the figures, each once."""
    lines: dict[str, None] = {}
    for record in records:
        waived = [f"waived: {entry['waiver']}" for entry in record.measures.get("waived", [])]
        stand_in = [f"the findings are about a {what}" for what in record.measures.get("stand_in", [])]
        reason = [f"{record.image}: {record.reason}"] if record.status == "not_evaluated" else []
        lines.update(dict.fromkeys([*waived, *record.measures.get("warnings", []), *stand_in, *reason]))
    return list(lines)


def markdown(records: Sequence[Record]) -> str:
    """The same for a pull request or a job's summary."""
    names = SEVERITIES[:4]
    lines = [
        f"| image | platform | status | {' | '.join(name.lower() for name in names)} | waived |",
        f"|---|---|---|{'---:|' * (len(names) + 1)}",
    ]
    for record in records:
        counts = record.measures.get("counts", {})
        figures = " | ".join(str(counts.get(name, 0)) for name in names)
        waived = len(record.measures.get("waived", []))
        where = record.platform.replace("-", "/", 1)
        lines.append(f"| {record.image} | {where} | {record.status} | {figures} | {waived} |")
    rows = [(record, finding) for record in records for finding in record.measures.get("findings", [])]
    if rows:
        lines += ["", "| severity | id | package | installed | fixed | image |", "|---|---|---|---|---|---|"]
    for record, finding in rows[:WORST]:
        cells = (finding["severity"], finding["id"], finding["package"], finding["installed"], finding["fixed"])
        lines.append(f"| {' | '.join(map(_cell, cells))} | {record.image} {record.platform.rpartition('-')[2]} |")
    lines += ["", *(f"- {_cell(line)}" for line in notes(records))]
    return "\n".join(lines).rstrip() + "\n"


def _cell(text: str) -> str:
    """Text that stays in its cell and makes no markup: titles come from outside."""
    return "".join(f"\\{char}" if char in "\\|`*_[]<>" else char for char in " ".join(text.split()))
