"""What docker compose says of its services, and what that means."""

from __future__ import annotations

import msgspec

from galway.errors import ConfigurationError, GalwayError, NotEvaluatedError

MEANINGS = {
    0: "no findings at or above the threshold",
    1: "findings at or above the threshold",
    2: "the scanner refused its settings",
    3: "not evaluated: the scan is incomplete",
    4: "not evaluated: dependencies could not be judged",
    137: "not evaluated: stopped, most likely at its memory limit",
}
"""The scanner's exit codes (docs/scanner.md)."""


class State(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One service as `docker compose ps --format json` shows it.

    Parameters
    ----------
    service:
        Its name in docker-compose.yml.
    state:
        `created`, `running`, `exited`, ….
    health:
        `starting`, `healthy`, `unhealthy`; empty without a health check.
    exit_code:
        Of the last run; 0 while it runs.
    """

    service: str
    state: str
    health: str = ""
    exit_code: int = 0

    @property
    def ended(self) -> bool:
        """Whether it will not change any more by itself."""
        return self.state in ("exited", "dead")

    def __str__(self) -> str:
        """For progress: `running (healthy)`, `exited with 1`."""
        if self.ended:
            return f"{self.state} with {self.exit_code}"
        return f"{self.state} ({self.health})" if self.health else self.state


def parse(printed: str) -> dict[str, State]:
    """The states by service, from one JSON object a line (compose 2.21 and later) or one array (before).

    Raises
    ------
    msgspec.DecodeError
        It is something else.
    """
    text = printed.strip()
    if text.startswith("["):
        found = msgspec.json.decode(text, type=list[State])
    else:
        found = [msgspec.json.decode(line, type=State) for line in text.splitlines()]
    return {state.service: state for state in found}


def meaning(code: int) -> str:
    """What the scanner's exit code says."""
    return MEANINGS.get(code, f"not evaluated: it ended with {code}")


def verdict(code: int) -> GalwayError | None:
    """What to end with: findings are what a scan is for, but one that reached no verdict is no success."""
    if code in (0, 1):
        return None
    if code == 2:
        return ConfigurationError("security-scanner refused its settings", hint="inv logs -s security-scanner")
    return NotEvaluatedError(f"security-scanner: {meaning(code)}", hint="inv logs -s security-scanner")
