"""What a process can see of its own confinement: the script that looks, and the judgement of what it saw."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.catalog.model import RunProfile

NO_CAPABILITY = "0" * 16
"""An empty set, as `/proc/PID/status` shows it."""

UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
QUOTA = ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us"
THROTTLED = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat")
"""The limits as a container sees them, cgroup version 2 first (Documentation/admin-guide/cgroup-v2.rst)."""

FILES = ("/proc/1/status", "/proc/mounts", *MEMORY, *QUOTA, PERIOD, *THROTTLED)

_SPIN = """
held_back() {
    for f in /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat; do
        [ -r "$f" ] || continue
        while read -r key value; do [ "$key" = nr_throttled ] && [ "$value" -gt 0 ] && return 0; done <"$f"
    done
    return 1
}
n=0; until held_back || [ $n -ge 10 ]; do n=$((n+1)); i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; done
"""
_PRINT = 'for f in "$@"; do [ -r "$f" ] || continue; echo "== $f"; while IFS= read -r l; do echo "$l"; done <"$f"; done'

_WRITE = 'for f in {paths}; do echo "== $f"; echo written >"$f" && echo written; done 2>&1; exit 0'

WRITTEN = ("/galway-written", "/usr/local/bin/galway-written")
"""Where nothing may write."""

SCRIPT = f"{_SPIN}\n{_PRINT}\n{_WRITE.format(paths=' '.join(WRITTEN))}"
"""Is busy until it was held back, or for some seconds; prints each file below its name; tries to write.

Only what the shell does itself: a profile may forbid to start a program.
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the script printed.

    Parameters
    ----------
    files:
        Lines by path; what could not be read is missing.
    """

    files: Mapping[str, tuple[str, ...]]

    def status(self, field: str) -> str:
        """One line of process 1's `/proc/1/status`; empty where it is missing."""
        lines = self.files.get("/proc/1/status", ())
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:")), "")

    def mount(self, folder: str) -> tuple[str, tuple[str, ...]] | None:
        """File system and options of the mount on a folder, the last one made."""
        lines = [line.split() for line in self.files.get("/proc/mounts", ())]
        found = [(words[2], tuple(words[3].split(","))) for words in lines if len(words) > 3 and words[1] == folder]
        return found[-1] if found else None

    def memory(self) -> int | None:
        """The memory limit in bytes; None where it cannot be read. Without a limit it is more than any machine has."""
        text = next((self.files[path][0] for path in MEMORY if self.files.get(path)), "")
        return sys.maxsize if text == "max" else int(text) if text.isdigit() else None

    def cpus(self) -> float | None:
        """The limit in cores, infinite where there is none; None where it cannot be read."""
        words = next((self.files[path][0].split() for path in QUOTA if self.files.get(path)), [])
        if len(words) == 1:  # version 1 has a file for each
            words = [*words, *self.files.get(PERIOD, ())]
        if words and words[0] in ("max", "-1"):
            return math.inf
        if len(words) != 2 or not all(word.isdigit() for word in words):
            return None
        return int(words[0]) / int(words[1])

    def throttled(self) -> int:
        """How many periods the processes had to wait in for the rest of, having used up their share."""
        lines = (line.split() for path in THROTTLED for line in self.files.get(path, ()))
        return next((int(words[1]) for words in lines if words[:1] == ["nr_throttled"]), 0)


def parse(text: str) -> Seen:
    """Read the script's output."""
    files: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("== "):
            lines = files.setdefault(line.removeprefix("== "), [])
        else:
            lines.append(line)
    return Seen(files={path: tuple(content) for path, content in files.items()})


def size(text: str) -> int:
    """Bytes of Docker's `512m`."""
    return int(text[:-1]) * UNITS[text[-1]]


def judge(seen: Seen, run: RunProfile, *, cores: int) -> list[Check]:
    """Compare what a process sees with its run profile.

    Parameters
    ----------
    cores:
        Of the engine's machine.
    """
    user, group = run.user.split(":")
    checks = [
        _equal("user", seen.status("Uid").split(), [user] * 4, "USER and `user` in docker/images.toml"),
        _equal("group", seen.status("Gid").split(), [group] * 4, "USER and `user` in docker/images.toml"),
        *(
            _equal(f"{name} capabilities", seen.status(field), NO_CAPABILITY, "run it with --cap-drop ALL")
            for name, field in (("effective", "CapEff"), ("permitted", "CapPrm"), ("bounding", "CapBnd"))
        ),
        _equal("no new privileges", seen.status("NoNewPrivs"), "1", "run it with no-new-privileges"),
        _equal("seccomp filter", seen.status("Seccomp"), "2", "run it with its seccomp profile"),
        _memory(seen, run),
        *_cpus(seen, run, cores),
        *(_tmpfs(seen, mount) for mount in run.tmpfs),
    ]
    checks += [_refused(seen, path, run) for path in WRITTEN]
    if run.read_only:
        _, options = seen.mount("/") or ("", ())
        checks.append(_judged("root mounted read-only", "ro" in options, ",".join(options[:2]), "run with --read-only"))
    return checks


def _refused(seen: Seen, path: str, run: RunProfile) -> Check:
    said = " ".join(seen.files.get(path, ())) or "it was not tried"
    wanted = "Read-only" if run.read_only else "denied"
    return _judged(f"{path} refuses writing", wanted in said, said, "run it with --read-only as its numeric user")


def _equal(name: str, found: object, wanted: object, hint: str) -> Check:
    """A property that must have one value; nothing found is a failure of its own."""
    text = " ".join(found) if isinstance(found, list) else str(found)
    goal = " ".join(wanted) if isinstance(wanted, list) else str(wanted)
    return _judged(name, found == wanted, f"{text or 'none'}" + (f", not {goal or 'none'}" * (found != wanted)), hint)


def _judged(name: str, passed: bool, detail: str, hint: str) -> Check:
    return Check(
        kind="hardening",
        name=name,
        status="passed" if passed else "failed",
        detail=detail,
        hint="" if passed else hint,
    )


def _memory(seen: Seen, run: RunProfile) -> Check:
    found, wanted = seen.memory(), size(run.memory)
    if found is None:
        return _unread("memory limit", "memory")
    return _judged("memory limit", found == wanted, f"{found} bytes for {run.memory}", "run it with --memory")


def _cpus(seen: Seen, run: RunProfile, cores: int) -> Iterator[Check]:
    found, wanted = seen.cpus(), min(run.cpus, float(cores))
    if found is None:
        yield _unread("cpu limit", "cpu")
        return
    yield _judged("cpu limit", abs(found - wanted) < 0.01, f"{found:g} cores for {run.cpus:g}", "run it with --cpus")
    if wanted < 1:  # one process alone cannot exceed a whole core
        yield _enforced(seen.throttled())


def _enforced(times: int) -> Check:
    """A process that was never held back may have been slow for another reason: that proves nothing either way."""
    if times:
        return _judged("cpu limit enforced", True, "a busy process was held back", "")
    return Check(
        kind="hardening",
        name="cpu limit enforced",
        status="not_evaluated",
        detail="a busy process did not get enough of this busy machine to reach its limit",
        hint="run this again when less else runs",
    )


def _unread(name: str, controller: str) -> Check:
    return Check(
        kind="hardening",
        name=name,
        status="not_evaluated",
        detail=f"the container sees no limit of the {controller} controller",
        hint="use an engine whose containers see their cgroup (docker info: Cgroup Version)",
    )


def _tmpfs(seen: Seen, text: str) -> Check:
    folder, _, wanted = text.partition(":")
    kind, options = seen.mount(folder) or ("no mount", ())
    flags = [word for word in wanted.split(",") if word and "=" not in word]  # sizes are shown in another unit
    missing = [word for word in flags if word not in options and (word != "exec" or "noexec" in options)]
    detail = f"{kind} {','.join(options)}" + (f", without {','.join(missing)}" if missing else "")
    return _judged(f"tmpfs {folder}", kind == "tmpfs" and not missing, detail, f"run it with --tmpfs {text}")
