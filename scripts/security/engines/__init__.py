"""The engines that read source code: each builds its command, reads its report and says what it could not read."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Protocol

from security.engines import bandit, semgrep
from security.errors import EngineError
from security.model import EngineReport
from security.process import cpu_seconds, largest

if TYPE_CHECKING:
    from security.process import Deadline
    from security.settings import Settings
    from security.targets import Targets


class Engine(Protocol):
    """What a module of this package offers."""

    NAME: str

    def scan(self, targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
        """Run over all targets; raise EngineError where no verdict was reached."""

    def version(self, deadline: Deadline) -> str:
        """Ask the installed program; raise EngineError where it does not answer."""


ENGINES: tuple[Engine, ...] = (semgrep, bandit)
"""In the order in which they run: one after another, because half a CPU and 512 MB hold one."""

FAST = frozenset({semgrep.NAME})
"""Bandit's confidences say little, so a fast scan leaves it out."""


def chosen(scan_type: str) -> tuple[Engine, ...]:
    """The engines of a type of scan."""
    return tuple(engine for engine in ENGINES if scan_type != "fast" or engine.NAME in FAST)


def run(engine: Engine, targets: Targets, settings: Settings, deadline: Deadline) -> EngineReport:
    """The report of one engine; a failure is a report too, one in which no file was read."""
    started, used = time.monotonic(), cpu_seconds()
    try:
        report = engine.scan(targets, settings, deadline)
    except EngineError as error:
        hint = f" ({error.fix})" if error.fix else ""
        report = EngineReport(
            engine=engine.NAME,
            version="",
            failure=f"{error.message}{hint}",
            unread=dict.fromkeys(targets.files, f"{engine.NAME} failed"),
            raw={},
        )
    return _timed(report, time.monotonic() - started, cpu_seconds() - used)


def _timed(report: EngineReport, seconds: float, cpu: float) -> EngineReport:
    return dataclasses.replace(report, seconds=round(seconds, 2), cpu_seconds=round(cpu, 2), memory=largest())
