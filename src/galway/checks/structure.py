"""Runs an image's container-structure-test file: files and metadata on its bytes, commands where they can run."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from galway import assembly, process, toolbox
from galway.checks import Check
from galway.errors import GalwayError
from galway.tools import structure_test
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.checks import Subject
    from galway.tools.structure_test import Config

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
"""The program unpacks the whole image once for each test: here that takes a tenth of the time."""

_UNPACKED = re.compile(r"\S*/extracttar\d+(?=/)")
"""The tar driver's temporary folder, before a path of the image."""

_KIND = re.compile(r"^(Command|File Existence|File Content) Test: ")
"""What the report puts before a test's name."""

PATIENCE = 600.0
"""Seconds for all tests of one driver, under emulation too."""


def check(subject: Subject) -> list[Check]:
    """Run the image's test file.

    Raises
    ------
    ConfigurationError
        The file cannot be read.
    MissingToolError
        The program cannot be had here.
    """
    config = structure_test.read(subject.root / subject.image.structure_test)
    program = toolbox.ensure(Workspace.here(), structure_test.NAME).path
    checks = []
    if (files := config.of_bytes).names:
        archive = subject.scratch / "image.tar"
        with archive.open("wb") as stream:
            stream.writelines(assembly.archive(subject.layout, subject.manifest, (subject.reference,)))
        file = _write(subject.scratch / "bytes.yaml", files.text)
        argv = structure_test.on_archive(program, archive, file)
        checks += _run(subject, argv, files.names, report="structure-bytes.json")
        archive.unlink()
    checks += _engine(subject, config.of_files, program, "files", runs="yes")
    checks += _engine(subject, config.of_commands, program, "commands", runs=subject.runs)
    return _distinct(checks)


def _engine(subject: Subject, config: Config, program: Path, what: str, *, runs: str) -> list[Check]:
    """Tests that the engine has to answer."""
    if not config.names:
        return []
    if subject.engine is None or runs == "no":
        why = "no engine answers" if subject.engine is None else f"{subject.manifest.platform} does not run here"
        return [_check(name, "not_evaluated", why, "run this where the platform runs") for name in config.names]
    file = _write(subject.scratch / f"{what}.yaml", config.text)
    argv = structure_test.on_engine(program, subject.reference, file, str(subject.manifest.platform))
    return _run(subject, argv, config.names, report=f"structure-{what}.json", env=subject.engine.env)


def _run(
    subject: Subject, argv: Sequence[str], names: Sequence[str], *, report: str, env: Mapping[str, str] | None = None
) -> list[Check]:
    """Run the program; what it did not report on is not evaluated, so that a file of no tests passes nothing."""
    folder = Path(mkdtemp(prefix="galway-", dir=_roomy(subject)))
    try:
        done = process.run(argv, env={**(env or {}), "TMPDIR": str(folder)}, ok=None, timeout=PATIENCE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (subject.scratch / report).write_text(done.stdout, encoding="utf-8")
    try:
        results = structure_test.parse(done.stdout)
    except GalwayError as error:
        last = done.tail.splitlines()[-1] if done.tail else error.message
        return [_check(name, "not_evaluated", last, error.hint) for name in names]
    checks = []
    for result in results:
        said = " ".join(_UNPACKED.sub("", "; ".join(result.errors or ())).split())
        hint = f"mend the image, or {subject.image.structure_test}"
        name = _KIND.sub("", result.name)
        checks.append(_check(name, "passed", "", "") if result.passed else _check(name, "failed", said, hint))
    if len(results) < len(names):
        detail = f"{len(results)} of {len(names)} tests were reported on"
        checks.append(_check(f"all tests of {report}", "not_evaluated", detail, "see the report"))
    return checks


def _roomy(subject: Subject) -> Path:
    """Where the program may unpack: in memory where there is plenty, else beside the archive."""
    try:
        room = os.statvfs(MEMORY)
    except OSError:
        return subject.scratch
    plenty = room.f_bavail * room.f_frsize > 20 * subject.manifest.size and os.access(MEMORY, os.W_OK)
    return MEMORY if plenty else subject.scratch


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _check(name: str, status: str, detail: str, hint: str) -> Check:
    return Check(kind="structure", name=name, status=status, detail=detail, hint=hint)  # type: ignore[arg-type]


def _distinct(checks: list[Check]) -> list[Check]:
    """Give tests of the same name a number: names are unique within a kind."""
    seen: dict[str, int] = {}
    made = []
    for one in checks:
        count = seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if count == 1 else f"{one.name} ({count})"
        made.append(Check(kind=one.kind, name=name, status=one.status, detail=one.detail, hint=one.hint))
    return made
