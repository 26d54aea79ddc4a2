"""Semgrep: our own rules over every file; also the engine that tells which files can be parsed at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from security import batches, rules
from security.errors import EngineError
from security.model import EngineReport, Finding, Severity
from security.process import refused, run
from security.targets import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from security.process import Deadline
    from security.settings import Settings
    from security.targets import Targets

NAME = "semgrep"
PROBE = "coverage-probe"
"""Matches next to nothing but has no word in it by which semgrep could skip a file unparsed (rules/coverage.yaml)."""

REPORTED = (0, 1)


def command(paths: Sequence[str], *, config: Path, jobs: int) -> tuple[str, ...]:
    """The command line for one batch.

    Files are named one by one, so that nothing in the scanned tree (.semgrepignore, .gitignore) can take one away.
    Inline comments are read by ourselves, so that what they hide stays counted. One job and a memory limit per file
    fit the run profile of half a CPU and 512 MB. Without --disable-version-check a run stalls for 100 s offline.
    """
    return (
        NAME, "scan", "--experimental", "--metrics=off", "--disable-version-check", "--quiet", "--json",
        "--config", str(config), "--no-rewrite-rule-ids", "--disable-nosem",
        "--novcs", "--no-git-ignore", "--x-ignore-semgrepignore-files", "--no-exclude-minified-files",
        "--jobs", str(jobs), "--max-memory", "300", "--timeout", "10", "--timeout-threshold", "3",
        "--max-target-bytes", str(MAX_BYTES), *paths,
    )  # fmt: skip


def version(deadline: Deadline) -> str:
    """As the program says it."""
    done = run((NAME, "--version"), deadline=deadline)
    if done.code != 0:
        raise refused(done)
    return done.stdout.decode("utf-8", "replace").strip()


def scan(targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
    """Run all batches and merge what they say."""
    if settings.scan_type != "fast":
        return _scan(targets, settings, deadline, settings.rules_dir)
    with tempfile.TemporaryDirectory() as folder:
        fast = Path(folder, "fast.yaml")
        rules.write_fast(settings.rules_dir, fast)
        return _scan(targets, settings, deadline, fast)


def _scan(targets: Targets, settings: Settings, deadline: Deadline, config: Path) -> EngineReport:
    root = f"{targets.root}{os.sep}"
    documents = []
    for part in batches.split(root + name for name in targets.files):
        argv = command(part, config=config, jobs=settings.jobs)
        done = run(argv, deadline=deadline, debug=settings.debug)
        if done.code > 128:  # ended by a signal
            raise refused(done)
        documents.append(parse(done.stdout, code=done.code, tail=done.tail))
    return report(documents, root=root, files=targets.files)


def parse(stdout: bytes, *, code: int, tail: str = "") -> dict[str, Any]:
    """One batch's JSON; semgrep prints paths and code as raw bytes, which need not be UTF-8.

    Raises
    ------
    EngineError
        No report, or one that says that a rule could not be used: semgrep then gives no result of any rule.
    """
    try:
        document = json.loads(stdout.decode("utf-8", "surrogateescape"), strict=False)
    except ValueError as error:
        raise EngineError(f"{NAME} printed no report (code {code}): {tail[:300]}") from error
    if not isinstance(document, dict) or not isinstance(document.get("results"), list):
        raise EngineError(f"{NAME} printed something that is not its report (code {code})")
    broken = [error for error in document.get("errors", []) if not error.get("path")]
    if broken or code not in REPORTED:
        message = broken[0].get("message", "") if broken else tail
        raise EngineError(f"{NAME} could not use its rules (code {code}): {' '.join(str(message).split())[:300]}")
    return document


def report(documents: Sequence[Mapping[str, Any]], *, root: str, files: Iterable[str]) -> EngineReport:
    """Findings and unread files of all batches, paths made relative to `root`."""
    results = [result for document in documents for result in document["results"] if result["check_id"] != PROBE]
    errors = [error for document in documents for error in document.get("errors", [])]
    scanned = {path.removeprefix(root) for document in documents for path in document["paths"]["scanned"]}
    unread = {name: "not scanned" for name in files if name not in scanned}
    for error in errors:
        unread[error["path"].removeprefix(root)] = describe(error)
    return EngineReport(
        engine=NAME,
        version=str(documents[0]["version"]) if documents else "",
        findings=tuple(finding(result, root=root) for result in results),
        unread=unread,
        raw={"version": documents[0]["version"] if documents else "", "results": results, "errors": errors},
    )


def describe(error: Mapping[str, Any]) -> str:
    """`PartialParsing, line 3`: the kind of the error and where."""
    kind = error["type"][0] if isinstance(error["type"], list) else error["type"]
    spans = error.get("spans") or []
    return f"{kind}, line {spans[0]['start']['line']}" if spans else str(kind)


def finding(result: Mapping[str, Any], *, root: str) -> Finding:
    """One result; severity and confidence are the rule's own metadata, finer than semgrep's three levels."""
    extra = result["extra"]
    metadata = extra.get("metadata", {})
    return Finding(
        engines=(NAME,),
        rule=result["check_id"],
        severity=Severity(metadata["severity"]),
        confidence=metadata["confidence"],
        cwe=rules.numbers(metadata.get("cwe", "")),
        owasp=rules.texts(metadata.get("owasp", ())),
        path=result["path"].removeprefix(root),
        line=result["start"]["line"],
        end_line=result["end"]["line"],
        column=max(1, result["start"]["col"]),
        end_column=max(1, result["end"]["col"]),
        message=" ".join(extra["message"].split()),
        fix=" ".join(str(metadata.get("fix", "")).split()),
    )
