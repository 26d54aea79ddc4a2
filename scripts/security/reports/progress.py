"""Progress on stderr: a line for a person on a terminal, one JSON object a line for a log."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from security.reports.display import one_line


def say(event: str, **facts: object) -> None:
    """One step of a run."""
    if sys.stderr.isatty():
        details = ", ".join(f"{name.replace('_', ' ')} {one_line(str(value))}" for name, value in facts.items())
        sys.stderr.write(f"{event}{': ' if details else ''}{details}\n")
    else:
        time = datetime.now(tz=UTC).isoformat(timespec="milliseconds")
        sys.stderr.write(json.dumps({"time": time, "event": event, **facts}, ensure_ascii=True) + "\n")
    sys.stderr.flush()
