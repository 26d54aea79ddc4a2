"""Items that a built image, or the record of a stage, decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from galway import history
from galway.checklist.model import Answer, failed, passed, unknown, worst
from galway.checks import Subject, settings
from galway.reference import Platform
from galway.registry import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from galway.checklist.dockerfile import Dockerfile
    from galway.checks import Check
    from galway.evidence import Record
    from galway.facts import Facts

GHCR = "ghcr.io"


def user(file: Dockerfile, one: Facts, root: Path) -> Answer:
    """The configuration's user is a number and not root."""
    return _configured(file, one, root, settings.user, "USER", "config.User")


def healthcheck(file: Dockerfile, one: Facts, root: Path) -> Answer:
    """The configuration has a health check."""
    return _configured(file, one, root, settings.healthcheck, "HEALTHCHECK", "config.Healthcheck")


def labels(file: Dockerfile, one: Facts, root: Path) -> Answer:
    """The configuration carries the OCI labels, right ones."""
    return _configured(file, one, root, settings.labels, "LABEL", "config.Labels")


def permissions(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """`/app` is read-only, nothing lends rights, nobody may write what is not theirs, as the tests read the layers."""
    wanted = {"app-read-only", "setuid", "world-writable"}
    return _records(one, "test", lambda record, where: _checks(record, where, "content", wanted))


def structure(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """container-structure-test passed on every platform that is built."""
    return _records(one, "test", lambda record, where: _checks(record, where, "structure", ()))


def scanned(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """Trivy scanned every platform that is built, with a database that can judge, and the policy holds."""

    def answer(record: Record, where: str) -> Answer:
        hint = "see what was found: inv scan"
        if record.status == "failed":
            return failed(record.reason, where, hint=hint)
        counts = history.counted(record)
        if record.status != "passed" or counts is None:
            why = record.reason or str(record.measures.get("objection") or "it does not say")
            return unknown(why, where, hint="give a current database: inv scan --database FOLDER_OR_REPOSITORY")
        return passed(f"{counts[0]} critical, {counts[1]} high ({record.tool} {record.tool_version})", where)

    return _records(one, "scan", answer)


def both(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """The catalog names both architectures, and the tests passed on both."""
    answers = []
    for architecture in Platform.SUPPORTED:
        platform = Platform.parse(architecture)
        if platform not in one.image.platforms:
            hint = f'add "{architecture}" to platforms of images.{one.image.name}'
            answers.append(failed(f"the catalog leaves out {platform}", "docker/images.toml", hint=hint))
            continue
        manifest = next((manifest for manifest in one.manifests if manifest.platform == platform), None)
        record = one.record("test", platform) if manifest is not None else None
        where = f"record test {platform}"
        if record is None:
            step = "test" if manifest is not None else "build"
            why = one.why or (f"not built for {platform}" if manifest is None else one.absent("test", platform))
            answers.append(unknown(why, where, hint=one.command(step, platform)))
        elif record.status == "failed":
            answers.append(failed(f"{platform}: {record.reason}", where, hint=one.command("test", platform)))
        elif record.status != "passed":
            answers.append(unknown(f"{platform}: {record.reason}", where, hint=one.command("test", platform)))
        else:
            answers.append(passed(f"passed on {platform}", where))
    return worst(answers)


def versioned(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """It was pushed under its full semantic version."""
    record, absent = _published(one)
    if record is None:
        return absent
    tags = record.measures.get("tags") or {}
    found = history.versions_of(record)
    where = "record publish"
    if found:
        return passed(f"{', '.join(found)} at {record.measures.get('registry')}", where)
    said = ", ".join(tags) or "no tag"
    hint = f"tag the commit and push: git tag v{one.image.version}, inv push --ref refs/tags/v{one.image.version}"
    return failed(f"pushed as {said}: no semantic version", where, hint=hint)


def signed(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """Cosign signed the index and every platform of what was pushed."""
    record, absent = _published(one)
    if record is None:
        return absent
    if why := one.unsigned():
        return failed(why, "record sign", hint=one.command("sign"))
    proved = one.record("verify")
    where = ("record sign",) if proved is None else ("record verify",)
    by = one.record("sign") or proved
    return passed(f"by {by.tool} {by.tool_version}" if by else "signed", *where)


def pushed(_file: Dockerfile, one: Facts, _root: Path) -> Answer:
    """It is in GitHub's registry, under its digest."""
    record, absent = _published(one)
    if record is None:
        refused = one.record("publish")
        return failed(refused.reason, "record publish", hint=absent.hint) if refused is not None else absent
    registry = str(record.measures.get("registry", ""))
    where = "record publish"
    if registry == GHCR and record.status == "passed":
        return passed(str(record.measures.get("reference", "")), where)
    hint = f"log in to {GHCR} and run inv push -i {one.image.name}"
    if registry == GHCR:
        return unknown(record.reason, where, hint=hint)
    kind = "a registry on this machine" if is_loopback(registry) else "another registry"
    return unknown(f"pushed to {registry}, {kind}, not to {GHCR}", where, hint=hint)


def _published(one: Facts) -> tuple[Record | None, Answer]:
    """The record of a push that came to its end; without one, why there is nothing to look at."""
    record = one.record("publish")
    if record is None:
        return None, unknown(one.absent("publish"), hint=one.command("publish"))
    if record.status == "failed":
        hint = str(record.measures.get("hint") or one.command("publish"))
        return None, unknown(f"it was not pushed: {record.reason}", "record publish", hint=hint)
    return record, unknown("", hint="")


def _configured(
    file: Dockerfile, one: Facts, root: Path, check: Callable[[Subject], Check], word: str, name: str
) -> Answer:
    """Judge a field of each platform's configuration, and name the line of the Dockerfile that sets it."""
    lines = [file.at(step.line) for step in file.stages[-1].all(word)] if file.stages else []
    if one.layout is None:
        return unknown(one.why, *lines, hint=one.command("build"))
    answers = []
    for manifest in one.manifests:
        subject = Subject(
            image=one.image,
            layout=one.layout,
            manifest=manifest,
            root=root,
            scratch=Path(),
            engine=None,
            reference="",
            runs="no",
        )
        seen = check(subject)
        where = f"{manifest.platform} {name}"
        if seen.status == "passed":
            answers.append(passed(seen.detail, where, *lines))
        else:
            answers.append(failed(seen.detail, where, *lines, hint=seen.hint))
    return worst(answers)


def _records(one: Facts, stage: str, judge: Callable[[Record, str], Answer]) -> Answer:
    """Judge the record of each platform that is built."""
    if not one.manifests:
        return unknown(one.why, hint=one.command("build"))
    answers = []
    for manifest in one.manifests:
        record = one.record(stage, manifest.platform)
        where = f"record {stage} {manifest.platform}"
        if record is None:
            answers.append(
                unknown(
                    f"{manifest.platform}: {one.absent(stage, manifest.platform)}",
                    where,
                    hint=one.command(stage, manifest.platform),
                )
            )
        else:
            answers.append(judge(record, where))
    return worst(answers)


def _checks(record: Record, where: str, kind: str, wanted: Collection[str]) -> Answer:
    """What a record says of its checks of a kind; all of those that are wanted have to be there."""
    found = [c for c in record.measures.get("checks", ()) if c["kind"] == kind and (not wanted or c["name"] in wanted)]
    lacking = sorted(set(wanted) - {check["name"] for check in found})
    if lacking or not found:
        what = ", ".join(lacking) or f"any {kind} test"
        return unknown(f"{what} was not checked", where, hint=f"inv test -i {record.image}")
    for status in ("failed", "not_evaluated", "skipped"):
        bad = [check for check in found if check["status"] == status]
        if bad:
            detail = "; ".join(f"{check['name']}: {check['detail']}" for check in bad)
            hint = str(bad[0]["hint"] or f"inv test -i {record.image}")
            evidence = (where, *(f"check {check['name']}" for check in bad))
            return (failed if status == "failed" else unknown)(detail, *evidence, hint=hint)
    return passed(f"{len(found)} {kind} checks", where)
