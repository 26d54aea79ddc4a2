"""Exit codes of a scan, and the errors that end one before a verdict."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process returns; 3 and 4 never come with a passing summary."""

    PASSED = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    DEPENDENCIES = 4
    TERMINATED = 143


class ScannerError(Exception):
    """Why there is no verdict, in one line, with the command that helps.

    Parameters
    ----------
    message:
        What is wrong, one line.
    fix:
        What to do next, one line; empty where nothing can be done.
    """

    exit = Exit.INCOMPLETE

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class UsageError(ScannerError):
    """A setting that does not exist or cannot be used, a missing or unwritable mount."""

    exit = Exit.USAGE


class EngineError(ScannerError):
    """An engine did not start, died, or printed something that is not its report."""
