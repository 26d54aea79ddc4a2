"""Bandit: the Python community's checks, beside our own rules; it cannot parse syntax newer than its own Python."""

from __future__ import annotations

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from security import batches
from security.errors import EngineError
from security.model import EngineReport, Finding, Severity
from security.process import refused, run
from security.targets import is_test

if TYPE_CHECKING:
    from collections.abc import Sequence

    from security.process import Deadline
    from security.settings import Settings
    from security.targets import Targets

NAME = "bandit"
RUNNER = Path(__file__).with_name("bandit_runner.py")
"""Bandit's own command, which spends less time on what it does not report."""

REPORTED = (0, 1)
ASSERT_USED = "B101"
"""Says that `assert` is used; in test code that is the point, and it would be nearly all that bandit reports."""

SEVERITIES = {"HIGH": Severity.HIGH, "MEDIUM": Severity.MEDIUM, "LOW": Severity.LOW, "UNDEFINED": Severity.INFO}


def command(paths: Sequence[str], *, ini: Path, results: Path) -> tuple[str, ...]:
    """The command line for one batch.

    An ini file of our own, because bandit otherwise obeys any `.bandit` file that lies in the scanned tree. The default
    exclusions are substrings (`.git` hides `.github/`): the results folder, which holds no target, takes their place.
    """
    return (
        sys.executable, "-IB", str(RUNNER), "--quiet", "--format", "json",
        "--ini", str(ini), "--exclude", str(results), "--ignore-nosec", *paths,
    )  # fmt: skip


def version(deadline: Deadline) -> str:
    """`bandit 1.9.4` is the first line of what it says."""
    done = run((NAME, "--version"), deadline=deadline)
    words = done.stdout.decode("utf-8", "replace").split()
    if done.code != 0 or len(words) < 2:
        raise refused(done)
    return words[1]


def installed(deadline: Deadline) -> str:
    """The version without starting the program, where it is installed for this Python, as it is in the image."""
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return version(deadline)


def scan(targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
    """Run all batches and merge what they say."""
    root = f"{targets.root}{os.sep}"
    documents = []
    for part in batches.split(root + name for name in targets.files):
        argv = command(part, ini=settings.config_dir / "bandit.ini", results=settings.output_dir)
        done = run(argv, deadline=deadline, debug=settings.debug, name=NAME)
        if done.code not in REPORTED:
            raise refused(done)
        documents.append(parse(done.stdout))
    return report(documents, root=root, files=targets.files, engine_version=installed(deadline))


def parse(stdout: bytes) -> dict[str, Any]:
    """One batch's JSON.

    Raises
    ------
    EngineError
        It is no report: bandit exits 0 in cases in which it looked at nothing, so its code alone says little.
    """
    try:
        document = json.loads(stdout)
    except ValueError as error:
        raise EngineError(f"{NAME} printed no report") from error
    if not isinstance(document, dict) or not {"results", "errors", "metrics"} <= document.keys():
        raise EngineError(f"{NAME} printed something that is not its report")
    return document


def report(
    documents: Sequence[dict[str, Any]], *, root: str, files: Sequence[str], engine_version: str
) -> EngineReport:
    """Findings and unread files; a file without a line in bandit's metrics was never opened."""
    results = [result for document in documents for result in document["results"]]
    errors = [error for document in documents for error in document["errors"]]
    opened = {name.removeprefix(root) for document in documents for name in document["metrics"]}
    unread = {name: "not opened" for name in files if name not in opened}
    unread |= {error["filename"].removeprefix(root): error["reason"] for error in errors}
    findings = (finding(result, root=root) for result in results)
    return EngineReport(
        engine=NAME,
        version=engine_version,
        findings=tuple(found for found in findings if not (found.rule == ASSERT_USED and is_test(found.path))),
        unread=unread,
        raw={"version": engine_version, "results": results, "errors": errors},
    )


def finding(result: dict[str, Any], *, root: str) -> Finding:
    """One result; bandit counts columns from 0 and has a web page instead of a fix."""
    return Finding(
        engines=(NAME,),
        rule=result["test_id"],
        severity=SEVERITIES[result["issue_severity"]],
        confidence=result["issue_confidence"].lower(),
        cwe=(int(result["issue_cwe"]["id"]),) if result.get("issue_cwe") else (),
        path=result["filename"].removeprefix(root),
        line=result["line_number"],
        end_line=max(result["line_range"], default=result["line_number"]),
        column=max(1, result["col_offset"] + 1),
        message=" ".join(result["issue_text"].split()),
        fix=f"see {result['more_info']}",
    )
