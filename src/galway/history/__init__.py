"""What was built, scanned, pulled and released here: an append-only log, for rates, trends and regressions."""

from galway.history.log import append, path, prune, read
from galway.history.model import Build, Entry, Figures, History, Pull, Release, Scan, Target
from galway.history.watch import Attempt, building, counted, of_records, pulling, released, scanned, versions_of

__all__ = [
    "Attempt",
    "Build",
    "Entry",
    "Figures",
    "History",
    "Pull",
    "Release",
    "Scan",
    "Target",
    "append",
    "building",
    "counted",
    "of_records",
    "path",
    "prune",
    "pulling",
    "read",
    "released",
    "scanned",
    "versions_of",
]
