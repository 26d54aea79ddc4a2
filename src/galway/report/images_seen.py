"""What a reader is told of each image: size, tests, packages, vulnerabilities, names, signatures and proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from galway import history
from galway.evidence import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.evidence import Record
    from galway.facts import Facts
    from galway.layout import Manifest
    from galway.pipeline import Cell, Outcome


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict in words."""

    status: Status
    words: str
    reason: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A check of the tests that did not pass, with its next step."""

    status: Status
    name: str
    detail: str
    hint: str


class Flaw(msgspec.Struct, frozen=True, kw_only=True):
    """A critical or high vulnerability, or a secret; `fixed` is the version that mends it."""

    severity: str
    id: str
    package: str
    installed: str
    fixed: str


class PlatformSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One platform; sizes in bytes, `filled` as the share of the budget."""

    platform: str
    digest: str
    compressed: int
    budget: int
    filled: float
    unpacked: int
    seconds: float | None
    cached: str
    base: str
    tests: Judged
    packages: Judged
    vulnerabilities: Judged
    open: list[Open]
    flaws: list[Flaw]


class ImageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One image.

    Parameters
    ----------
    reference:
        Immutable, where it was published last.
    tags:
        Tag and what became of it.
    proofs:
        What was proved as an outsider: where, what, verdict.
    """

    name: str
    title: str
    description: str
    version: str
    digest: str
    why: str
    reference: str
    published: Judged
    tags: list[tuple[str, str]]
    signatures: Judged
    proofs: list[tuple[str, str, Judged]]
    platforms: list[PlatformSeen]


def seen(one: Facts) -> ImageSeen:
    """One image, from its layout and records."""
    image = one.image
    publish, verify = one.record("publish"), one.record("verify")
    tags: dict[str, dict[str, str]] = publish.measures.get("tags") or {} if publish is not None else {}
    proofs: list[dict[str, str]] = verify.measures.get("proofs") or [] if verify is not None else []
    return ImageSeen(
        name=image.name,
        title=image.title,
        description=image.description,
        version=image.version,
        digest=str(one.layout.digest) if one.layout is not None else "",
        why=one.why,
        reference=str(publish.measures.get("reference", "")) if publish is not None else "",
        published=_published(one, publish),
        tags=[(tag, moved["reason"] or moved["result"]) for tag, moved in tags.items()],
        signatures=_signatures(one, publish),
        proofs=[
            (
                proof["platform"].replace("-", "/", 1),
                proof["name"],
                Judged(status="passed" if proof["status"] == "passed" else "failed", words=proof["detail"]),
            )
            for proof in proofs
        ],
        platforms=[_platform(one, manifest) for manifest in one.manifests],
    )


def stages(outcome: Outcome) -> list[tuple[str, float]]:
    """The stages of a run, with their seconds."""
    cells = next(iter(outcome.cells.values()), {})
    return [(stage, cell.seconds) for stage, cell in cells.items()]


def unfinished(outcome: Outcome) -> Iterator[tuple[str, str, Cell]]:
    """What did not pass, with its cause and the next step."""
    for name, cells in outcome.cells.items():
        for stage, cell in cells.items():
            if cell.state in ("failed", "not_evaluated"):
                yield name, stage, cell


def _platform(one: Facts, manifest: Manifest) -> PlatformSeen:
    record = one.record("build", manifest.platform)
    measures: dict[str, Any] = record.measures if record is not None else {}
    kinds = sorted({str(base.get("what") or base.get("kind")) for base in (measures.get("bases") or {}).values()})
    steps = measures.get("steps")
    return PlatformSeen(
        platform=str(manifest.platform),
        digest=str(manifest.digest),
        compressed=manifest.size,
        budget=one.image.size_budget,
        filled=manifest.size / one.image.size_budget,
        unpacked=int(measures.get("unpacked", 0)),
        seconds=record.seconds if record is not None else None,
        cached=f"{measures.get('steps_cached', 0)} of {steps} steps" if steps else "",
        base="; ".join(kinds),
        tests=_tests(one, manifest),
        packages=_packages(one, manifest),
        vulnerabilities=_vulnerabilities(one, manifest),
        open=_open(one.record("test", manifest.platform)),
        flaws=_flaws(one.record("scan", manifest.platform)),
    )


def _open(record: Record | None) -> list[Open]:
    checks = record.measures.get("checks") or () if record is not None else ()
    return [
        Open(status=c["status"], name=f"{c['kind']} {c['name']}", detail=c["detail"], hint=c["hint"])
        for c in checks
        if c["status"] in ("failed", "not_evaluated")
    ]


def _flaws(record: Record | None) -> list[Flaw]:
    found = record.measures.get("findings") or () if record is not None else ()
    fields = ("severity", "id", "package", "installed", "fixed")
    return [Flaw(**{name: str(each.get(name) or "") for name in fields}) for each in found]


def _tests(one: Facts, manifest: Manifest) -> Judged:
    record = one.record("test", manifest.platform)
    if record is None:
        return Judged(status="not_evaluated", words="not tested", reason=one.absent("test", manifest.platform))
    checks = record.measures.get("checks") or ()
    counts = {word: sum(check["status"] == word for check in checks) for word in ("passed", "failed", "not_evaluated")}
    words = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in counts.items() if count)
    return Judged(status=record.status, words=words or "no check", reason=record.reason)


def _packages(one: Facts, manifest: Manifest) -> Judged:
    record = one.record("sbom", manifest.platform)
    if record is None:
        return Judged(status="not_evaluated", words="not listed", reason=one.absent("sbom", manifest.platform))
    counts: dict[str, int] = record.measures.get("packages") or {}
    words = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return Judged(status=record.status, words=words or "none", reason=record.reason)


def _vulnerabilities(one: Facts, manifest: Manifest) -> Judged:
    record = one.record("scan", manifest.platform)
    if record is None:
        return Judged(status="not_evaluated", words="not scanned", reason=one.absent("scan", manifest.platform))
    counts = history.counted(record)
    if counts is None:
        why = str(record.measures.get("objection") or record.reason)
        return Judged(
            status="failed" if record.status == "failed" else "not_evaluated", words="not evaluated", reason=why
        )
    source = record.measures.get("database")
    reason = record.reason or (f"by the database of {source}" if source else "")
    return Judged(status=record.status, words=f"{counts[0]} critical, {counts[1]} high", reason=reason)


def _published(one: Facts, record: Record | None) -> Judged:
    if record is None:
        return Judged(status="not_evaluated", words="not published", reason=one.absent("publish"))
    words = "not published" if record.status == "failed" else f"published to {record.measures.get('registry', '')}"
    return Judged(status=record.status, words=words, reason=record.reason)


def _signatures(one: Facts, publish: Record | None) -> Judged:
    if publish is None or publish.status == "failed":
        return Judged(status="not_evaluated", words="nothing to sign", reason="it is not published")
    if why := one.unsigned():
        return Judged(status="failed", words="not signed", reason=why)
    sign = one.record("sign")
    count = len(sign.measures.get("signed") or ()) if sign is not None else 0
    return Judged(status="passed", words=f"{count} signatures" if count else "signed")
