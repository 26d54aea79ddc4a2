"""How many processors this run may use: what the container is granted, not what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""The container's own control group, as the kernel shows it inside."""

UNIFIED = ("cpu.max",)
"""`200000 100000` for two processors (a quota and its period in microseconds), or `max 100000`: cgroup v2."""

DIVIDED = ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
"""The same two numbers, or -1: cgroup v1."""


def available(cgroup: Path = CGROUP) -> int:
    """At least one, and no part of one: two processes on one and a half only take turns and twice the memory."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = (granted(cgroup, names) for names in (UNIFIED, DIVIDED))
    return max(1, min(allowed, *(limit for limit in limits if limit is not None), allowed))


def granted(cgroup: Path, names: tuple[str, ...]) -> int | None:
    """Whole processors of the quota that some files give, 0 for less than one; None where they give none."""
    try:
        quota, period = " ".join((cgroup / name).read_text(encoding="ascii") for name in names).split()
        return int(quota) // int(period) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None  # files of the other version, or the word `max`
