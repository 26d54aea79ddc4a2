"""The test sessions: `scripts/nox` runs all of them, `scripts/nox -s tests` one."""

from __future__ import annotations

import os

import nox

nox.options.default_venv_backend = "none"  # scripts/nox runs inside the locked environment already
nox.options.error_on_missing_interpreters = True
nox.options.stop_on_first_error = False

CRATE = "src/agent-updates-collector"


@nox.session
def lint(session: nox.Session) -> None:
    """Every linter over every file: the same call as `inv lint`."""
    session.run("inv", "lint", external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Strict types of the package, the tasks and the scan program."""
    session.run("mypy", external=True)
    session.run("mypy", "--strict", "scripts/security", external=True)


@nox.session
def tests(session: nox.Session) -> None:
    """Unit tests: no engine, no network, seconds."""
    session.run("pytest", "-q", "-n", "auto", *session.posargs, external=True)


@nox.session
def collector(session: nox.Session) -> None:
    """The Rust crate: format, clippy without warnings, tests."""
    cargo = ("cargo",)
    with session.chdir(CRATE):
        session.run(*cargo, "fmt", "--check", external=True)
        session.run(*cargo, "clippy", "--all-targets", "--locked", "--", "--deny", "warnings", external=True)
        session.run(*cargo, "test", "--locked", external=True)


@nox.session(default=False)
def collector_faults(session: nox.Session) -> None:
    """Kills, power loss, full disk and stops under load, against the real service (KILLS, SEED)."""
    with session.chdir(CRATE):
        tests = ("--test", "faults", "--", "--ignored", "--nocapture", "--test-threads", "1")
        session.run("cargo", "test", "--locked", *tests, env={"KILLS": os.environ.get("KILLS", "20")}, external=True)


@nox.session
def image_tests(session: nox.Session) -> None:
    """Build what is missing and try the real images in a real engine; `-- --slow` adds other platforms and many kills.

    An engine that it had to start is stopped at the end.
    """
    session.run("pytest", "-q", "test/images", *session.posargs, external=True)
