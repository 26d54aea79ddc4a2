"""Tags, pushes and digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from galway.report import status, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from galway.catalog import Image
    from galway.copying import Part
    from galway.evidence import Record
    from galway.stages.digest import Held
    from galway.stages.publish import Job
    from galway.tagging import Ref, Tagging


def tags(
    ref: Ref, decided: Sequence[Tagging], images: Sequence[Image], *, labels: Mapping[str, Mapping[str, str]]
) -> tuple[Table | str, ...]:
    """What a ref makes images be called; with labels also what was rejected, and they themselves."""
    made = table("image", "reference", "rule", "because")
    for image, tagging in zip(images, decided, strict=True):
        for candidate in tagging.candidates:
            if candidate.tag is not None:
                name = f"[green]{image.reference.with_tag(str(candidate.tag))}[/]"
            elif labels:
                name = "[dim]rejected[/]"
            else:
                continue
            made.add_row(image.name, name, candidate.rule, escape(candidate.reason))
    head = f"for {escape(str(ref))} at {ref.sha[:12]}"
    if not labels:
        return head, made
    stamped = table("image", "label and annotation", "value")
    for name, values in labels.items():
        for label, value in values.items():
            stamped.add_row(name, label, escape(value))
    return head, made, stamped


def tag_values(
    ref: Ref, decided: Sequence[Tagging], images: Sequence[Image], labels: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "ref": {"kind": ref.kind, "name": ref.name, "sha": ref.sha, "dirty": ref.dirty},
        "images": [
            {
                "image": image.name,
                "version": image.version,
                "tags": [
                    {
                        "tag": str(candidate.tag),
                        "reference": str(image.reference.with_tag(str(candidate.tag))),
                        "rule": candidate.rule,
                        "reason": candidate.reason,
                    }
                    for candidate in tagging.tags
                ],
                "rejected": [
                    {"rule": candidate.rule, "reason": candidate.reason}
                    for candidate in tagging.candidates
                    if candidate.tag is None
                ],
                "labels": dict(labels[image.name]),
            }
            for image, tagging in zip(images, decided, strict=True)
        ],
    }


def jobs(planned: Sequence[Job]) -> Table:
    """What a push would do, and what forbids it."""
    made = table("image", "would be published as", "tags", "may it")
    for job in planned:
        tags = ", ".join(str(candidate.tag) for candidate in job.tagging.tags)
        verdict = [f"[red]refused[/]: {escape(line)}" for line in job.verdict.refusals]
        verdict += [f"[yellow]not evaluated[/]: {escape(line)}" for line in job.verdict.unevaluated]
        made.add_row(job.image.name, str(job.reference), tags, "\n".join(verdict) or "[green]yes[/]")
    return made


def pushed(records: Sequence[Record]) -> Table:
    """What became of each image and of each of its tags."""
    made = table("image", "status", "reference", "tags", "blobs", "reason")
    for record in records:
        measures = record.measures
        tags = [
            f"{name} {moved['result']}{moved['reason'] and ': ' + escape(moved['reason'])}"
            for name, moved in measures["tags"].items()
        ]
        blobs = ", ".join(f"{count} {outcome}" for outcome, count in measures["blobs"].items())
        cells = (record.image, status(record.status), measures["reference"], "\n".join(tags), blobs)
        made.add_row(*cells, escape(record.reason))
    return made


def digests(found: Sequence[Held]) -> Table:
    """Immutable references."""
    made = table("image", "where", "reference")
    for held in found:
        words = {"missing": "[dim]not there[/]", "not_evaluated": f"[yellow]not evaluated[/]: {escape(held.reason)}"}
        made.add_row(held.image, held.where, words.get(held.status, held.reference))
    return made


def parts(found: Sequence[Part]) -> Table:
    """What was copied by digest."""
    made = table("image", "platform", "reference")
    for values in part_values(found):
        made.add_row(values["image"], values["platform"], values["reference"])
    return made


def part_values(found: Sequence[Part]) -> list[dict[str, str]]:
    """The same for programs."""
    return [
        {"image": part.image.name, "platform": str(manifest.platform), "reference": str(reference)}
        for part in found
        for manifest, reference in zip(part.layout.manifests(), part.references, strict=True)
    ]
