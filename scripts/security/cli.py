"""The command line: parses, calls one function, prints, and returns the exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from security import changes, rules, selfcheck, targets
from security.errors import Exit, ScannerError, UsageError
from security.process import Deadline
from security.reports import files
from security.reports.display import display
from security.scan import Clock, accept, scan
from security.settings import NAMES, find_config_dir, find_output_dir, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLAGS = {
    "scan_path": "the project's folder",
    "output_dir": "where the reports go",
    "scan_type": "full, fast or incremental",
    "base_ref": "what an incremental scan compares with: a branch, a tag or a commit",
    "fail_on": "severities that make the run fail, or none",
    "require": "dependencies: exit code 4 where one was not judged; auto; none",
    "advisories": "OSV's export for PyPI, a zip or a folder",
    "max_advisory_age": "days after which nothing counts as free of known vulnerabilities",
    "private": "names of packages that no public index has",
    "mirrors": "addresses of indexes that serve what PyPI has",
    "baseline": "a file written by `security-scan baseline`",
    "exclude": "paths that are not scanned",
    "max_gaps": "files that no engine could read before a run is incomplete",
    "jobs": "engine processes at the same time",
    "timeout": "seconds for everything together",
    "debug": "true: print the engines' command lines and output",
}
TRUST = "TRUST_REPOSITORY"
COMMANDS = ("scan", "baseline", "rules", "version", "self-check", changes.COMMAND)


def parser() -> argparse.ArgumentParser:
    """Every setting is a flag as well as an environment variable of the same name."""
    top = argparse.ArgumentParser(prog="security-scan", description="Scans a Python project, with no network.")
    commands = top.add_subparsers(dest="command", metavar="scan|baseline|rules|version|self-check")
    for command, words in (
        ("scan", "scan a project (the default)"),
        ("baseline", "scan, and write down today's findings, so that only new ones fail"),
        (changes.COMMAND, "what changed since the base, as JSON; an incremental scan asks itself this"),
    ):
        scanning = commands.add_parser(command, help=words)
        for name in NAMES:
            scanning.add_argument(f"--{name.replace('_', '-')}", dest=name, help=f"{FLAGS[name]} ({name.upper()})")
        scanning.add_argument(
            "--trust-repository", action="store_true",
            help=f"let the project's security-scan.toml loosen the run ({TRUST}=true)",
        )  # fmt: skip
    explaining = commands.add_parser("rules", help="list all rules, or explain one")
    explaining.add_argument("rule", nargs="?", help="its name")
    explaining.add_argument("--json", action="store_true", help="as JSON")
    commands.add_parser(
        "version", help="versions of the engines, the rules' checksum and the advisories' date, as JSON"
    )
    check = commands.add_parser("self-check", help="whether the engines answer and the rules are whole")
    check.add_argument("--seconds", type=float, default=selfcheck.SECONDS, help="how long they may take together")
    return top


def main(argv: Sequence[str]) -> int:
    """Entry point; the only place that knows the process's environment."""
    # As process 1 of a container nothing else makes SIGTERM end it; the unfinished summary stays as it is.
    signal.signal(signal.SIGTERM, _terminated)
    arguments = parser().parse_args(argv if argv and argv[0] in (*COMMANDS, "--help", "-h") else _default(argv))
    try:
        return int(dispatch(arguments))
    except ScannerError as error:
        sys.stderr.write(f"security-scan: {display(error.message)}\n")
        if error.fix:
            sys.stderr.write(f"next: {display(error.fix)}\n")
        return int(error.exit)
    except Exception as error:  # whatever it is, there is no verdict; a traceback's exit code would mean findings
        traceback.print_exc()
        sys.stderr.write(f"security-scan: the run broke off: {type(error).__name__}: {display(str(error))[:300]}\n")
        return int(Exit.INCOMPLETE)


def _default(argv: Sequence[str]) -> list[str]:
    """`scan` may be left out, with flags and without; a wrong word stays wrong."""
    return list(argv) if argv and not argv[0].startswith("--") else ["scan", *argv]


def _terminated(*_: object) -> NoReturn:
    sys.exit(int(Exit.TERMINATED))


def dispatch(arguments: argparse.Namespace) -> Exit:
    """One command."""
    config_dir = find_config_dir()
    if arguments.command == "version":
        return show_version(config_dir)
    if arguments.command == "self-check":
        return check(config_dir, arguments.seconds)
    if arguments.command == "rules":
        return show_rules(config_dir, arguments.rule, as_json=arguments.json)
    flags = {name: getattr(arguments, name) for name in NAMES}
    trust = arguments.trust_repository or os.environ.get(TRUST, "").lower() in ("1", "true", "yes", "on")
    try:
        settings = load(flags=flags, environment=os.environ, config_dir=config_dir, trust=trust)
    except UsageError:
        if arguments.command != changes.COMMAND:
            files.disown(find_output_dir(flags, os.environ, config_dir))
        raise
    if arguments.command == changes.COMMAND:
        changes.limit()
        found = targets.collect(settings.scan_path, results=settings.output_dir, exclude=settings.exclude)
        sys.stdout.write(json.dumps(vars(changes.compute(settings, found))) + "\n")
        return Exit.PASSED
    clock = Clock.of(os.environ.get("SOURCE_DATE_EPOCH", ""))
    return accept(settings, clock) if arguments.command == "baseline" else scan(settings, clock)


def show_rules(config_dir: Path, name: str | None, *, as_json: bool) -> Exit:
    """All rules in a table, or all that one says."""
    found = [rule for rule in rules.load(config_dir / "rules") if name in (None, rule.id)]
    if name and not found:
        raise UsageError(f"there is no rule {name}", fix="security-scan rules lists them")
    if as_json:
        sys.stdout.write(json.dumps([vars(rule) for rule in found], indent=2) + "\n")
        return Exit.PASSED
    if name:
        rule = found[0]
        weaknesses = ", ".join(f"CWE-{number}" for number in rule.cwe)
        sys.stdout.write(
            f"{rule.id}\n  severity    {rule.severity}\n  confidence  {rule.confidence}\n  weakness    {weaknesses}\n"
            f"  OWASP       {', '.join(rule.owasp) or '-'}\n  file        {rule.file}\n\n"
            f"Why: {rule.why}\nFix: {rule.fix}\n"
        )
        return Exit.PASSED
    width = max((len(rule.id) for rule in found), default=0)
    for rule in found:
        weaknesses = ",".join(f"CWE-{number}" for number in rule.cwe)
        sys.stdout.write(f"{rule.id:<{width}}  {rule.severity:<8}  {rule.confidence:<6}  {weaknesses}\n")
    sys.stdout.write(f"{len(found)} rules, checksum {rules.checksum(config_dir / 'rules')}\n")
    return Exit.PASSED


def show_version(config_dir: Path) -> Exit:
    """A program that does not answer makes this fail as well."""
    answers = selfcheck.programs(Deadline.after(selfcheck.SECONDS))
    document = {
        "programs": answers,
        "rules": rules.checksum(config_dir / "rules"),
        "advisories": selfcheck.advisories_date(),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return Exit.INCOMPLETE if any(answer.startswith("!") for answer in answers.values()) else Exit.PASSED


def check(config_dir: Path, seconds: float) -> Exit:
    """The HEALTHCHECK."""
    problems = selfcheck.problems(config_dir, seconds)
    sys.stdout.write("".join(f"{display(problem)}\n" for problem in problems) or "healthy\n")
    return Exit.INCOMPLETE if problems else Exit.PASSED
