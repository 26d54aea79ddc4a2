"""Every error a person can see, and the one exit code of each class (DESIGN: exit codes)."""

from __future__ import annotations


class GalwayError(Exception):
    """A reason why no verdict was reached or a gate refused, in one line, with the next step.

    Parameters
    ----------
    message:
        What failed and on which image or file, one line.
    hint:
        What to do next, one line; empty where nothing can be done.
    detail:
        The lines that help to see why (the end of a child's stderr, a failing step); may be empty.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class ConfigurationError(GalwayError):
    """A wrong command line, a broken table, an unusable setting."""

    exit_code = 2


class NothingSelectedError(GalwayError):
    """The selection is valid but holds no image."""

    exit_code = 3


class MissingToolError(GalwayError):
    """No engine answers, or a tool is missing and cannot be installed."""

    exit_code = 4


class BuildError(GalwayError):
    """An image, a base or a layout could not be built or is damaged."""

    exit_code = 5


class ImageTestError(GalwayError):
    """An image is not what it should be."""

    exit_code = 6


class ScanError(GalwayError):
    """A scan or a policy gate refused."""

    exit_code = 7


class PublishError(GalwayError):
    """A push or a signature did not happen."""

    exit_code = 8


class VerifyError(GalwayError):
    """What was published is not what was promised."""

    exit_code = 9


class NotEvaluatedError(GalwayError):
    """A gate could not be judged; never counts as a pass."""

    exit_code = 10


INTERRUPTED = 130
"""Exit code after Ctrl-C, the shell's convention (128 + SIGINT)."""


TERMINATED = 143
"""Exit code after SIGTERM, by the same convention (128 + SIGTERM)."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, raised so that whatever ends children and cleans up after Ctrl-C does so after it, too."""


class CancelledError(GalwayError):
    """Someone ended the work before it was done; nothing in it is known to be wrong."""

    exit_code = INTERRUPTED
