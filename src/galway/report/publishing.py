"""Tags, pushes and digests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from galway.report import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from galway.catalog import Image
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
