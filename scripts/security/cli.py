"""The command line: parses, calls one function, prints, and returns the exit code."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from security import rules, selfcheck
from security.errors import Exit, ScannerError
from security.process import Deadline
from security.results import display
from security.scan import scan
from security.settings import NAMES, find_config_dir, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLAGS = {
    "scan_path": "the project's folder",
    "output_dir": "where the reports go",
    "scan_type": "what to run: full",
    "fail_on": "severities that make the run fail, or none",
    "require": "dependencies: fail where they could not be judged",
    "timeout": "seconds for all engines together",
    "debug": "true: print the engines' command lines and output",
}


def parser() -> argparse.ArgumentParser:
    """Every setting is a flag as well as an environment variable of the same name."""
    top = argparse.ArgumentParser(prog="security-scan", description="Scans a Python project, with no network.")
    commands = top.add_subparsers(dest="command", metavar="scan|version|self-check")
    scanning = commands.add_parser("scan", help="scan a project (the default)")
    for name in NAMES:
        scanning.add_argument(f"--{name.replace('_', '-')}", dest=name, help=f"{FLAGS[name]} ({name.upper()})")
    commands.add_parser("version", help="versions of the engines and the checksum of the rules, as JSON")
    commands.add_parser("self-check", help="whether the engines answer and the rules are whole")
    return top


def main(argv: Sequence[str]) -> int:
    """Entry point; the only place that knows the process's environment."""
    # As process 1 of a container nothing else makes SIGTERM end it; the unfinished summary stays as it is.
    signal.signal(signal.SIGTERM, _terminated)
    arguments = parser().parse_args(argv if argv and not argv[0].startswith("--") else _default(argv))
    try:
        return int(dispatch(arguments))
    except ScannerError as error:
        sys.stderr.write(f"security-scan: {display(error.message)}\n")
        if error.fix:
            sys.stderr.write(f"next: {display(error.fix)}\n")
        return int(error.exit)


def _default(argv: Sequence[str]) -> list[str]:
    """`scan` may be left out, before flags too; only --help belongs to the program as a whole."""
    return list(argv) if argv[:1] == ["--help"] else ["scan", *argv]


def _terminated(*_: object) -> NoReturn:
    sys.exit(int(Exit.TERMINATED))


def dispatch(arguments: argparse.Namespace) -> Exit:
    """One command."""
    config_dir = find_config_dir()
    if arguments.command == "version":
        return show_version(config_dir)
    if arguments.command == "self-check":
        return check(config_dir)
    flags = {name: getattr(arguments, name) for name in NAMES}
    return scan(load(flags=flags, environment=os.environ, config_dir=config_dir))


def show_version(config_dir: Path) -> Exit:
    """A program that does not answer makes this fail as well."""
    answers = selfcheck.programs(Deadline.after(selfcheck.SECONDS))
    document = {"programs": answers, "rules": rules.checksum(config_dir / "rules")}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return Exit.INCOMPLETE if any(answer.startswith("!") for answer in answers.values()) else Exit.PASSED


def check(config_dir: Path) -> Exit:
    """The HEALTHCHECK."""
    problems = selfcheck.problems(config_dir)
    sys.stdout.write("".join(f"{display(problem)}\n" for problem in problems) or "healthy\n")
    return Exit.INCOMPLETE if problems else Exit.PASSED
