"""docker buildx: the bake command, and a reader of its raw JSON progress."""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_STEP = re.compile(r"\[(?P<where>[^\]]*?)\s*(?P<number>\d+)/(?P<of>\d+)\] (?P<instruction>.*)", re.DOTALL)
LOG_LINES = 15
"""Lines of a step's output kept for the error that it may end in."""


def bake(
    docker: str, definition: Path, *, metadata: Path, builder: str | None = None, unexported: Sequence[str] = ()
) -> tuple[str, ...]:
    """The command that builds every target of a bake definition in one call, progress as JSON on its stderr.

    Parameters
    ----------
    unexported:
        Targets that are only solved: their steps are looked up or executed, and nothing is written.
    """
    return (
        *(docker, "buildx", "bake", *(("--builder", builder) if builder else ()), "--file", str(definition)),
        *("--metadata-file", str(metadata), "--progress", "rawjson"),
        *(word for target in unexported for word in ("--set", f"{target}.output=type=cacheonly")),
    )


def check(docker: str, dockerfile: str, context: str, *, bases: Sequence[str], builder: str | None) -> tuple[str, ...]:
    """The command that runs BuildKit's own checks over a Dockerfile and builds nothing (buildx 0.15, BuildKit 0.14).

    Parameters
    ----------
    bases:
        The arguments that name base images. They are set to `scratch`: the checks read instructions, a base would be
        looked up in its registry for nothing.
    """
    return (
        *(docker, "buildx", "build", *(("--builder", builder) if builder else ()), "--check", "--progress", "plain"),
        *(word for base in bases for word in ("--build-arg", f"{base}=scratch")),
        *("--file", dockerfile, context),
    )


def checked(stdout: str) -> bool:
    """Whether the checks of `check` were made, whatever they found; an older buildx or BuildKit ends with an error."""
    return stdout.startswith("Check complete")


def version(docker: str) -> tuple[str, ...]:
    """The command that prints buildx's version."""
    return (docker, "buildx", "version")


@dataclass(kw_only=True)
class Step:
    """One vertex of the build graph.

    Parameters
    ----------
    name:
        As BuildKit shows it: `[target stage 2/5] RUN …`, without the target where there is only one.
    target:
        The bake target that it belongs to; empty for the client's own steps. A step that targets share belongs to one.
    seconds:
        Run time; None while it runs.
    cached:
        Taken from the cache.
    error:
        Why it failed; empty otherwise.
    log:
        The last lines that it printed.
    """

    name: str
    target: str = ""
    started: str = ""
    seconds: float | None = None
    cached: bool = False
    error: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))

    @property
    def is_cancelled(self) -> bool:
        """Whether it ended because its result was no longer wanted."""
        return "cancel" in self.error

    @property
    def is_instruction(self) -> bool:
        """Whether it is an instruction of a Dockerfile that can execute or be cached; FROM does neither."""
        match = _STEP.match(self.name)
        return match is not None and not match["instruction"].startswith("FROM ")


class Trace:
    """A fold over BuildKit's progress stream."""

    def __init__(self, targets: Sequence[str]) -> None:
        self.steps: dict[str, Step] = {}
        self.words: list[str] = []
        self._targets = tuple(targets)
        self._pending = ""

    def feed(self, line: str) -> Iterator[Step]:
        """Take one line of `--progress rawjson`; yields the steps that it shows to have begun or ended.

        An event is one line, or (buildx 0.13) an indented object over several. Lines outside events are buildx's own
        words, kept for the error message.
        """
        if not self._pending and not line.startswith("{"):
            if line.strip():
                self.words.append(line)
            return
        self._pending += line
        if not line.endswith("}") or line.startswith(" "):
            return
        text, self._pending = self._pending, ""
        try:
            event = json.loads(text)
        except ValueError:
            self.words.append(text)
            return
        for log in event.get("logs") or ():
            text = base64.b64decode(log.get("data", "")).decode("utf-8", "replace")
            self._step(log["vertex"]).log.extend(text.splitlines())
        for vertex in event.get("vertexes") or ():
            if self._update(vertex):
                yield self.steps[vertex["digest"]]

    @property
    def instructions(self) -> list[Step]:
        """The Dockerfile instructions that were reached, each once.

        BuildKit names an instruction anew when it finds that two graphs share it, and cancels one of the two: what was
        executed counts, then what was cached.
        """
        reached = [step for step in self.steps.values() if step.is_instruction and not step.error]
        done = [step for step in reached if step.cached or step.seconds is not None]
        ordered = sorted(done, key=lambda step: not step.cached)
        return list({(step.target, step.name): step for step in ordered}.values())

    @property
    def failed(self) -> Step | None:
        """The step that broke the build; those that were cancelled with it are not it."""
        broken = [step for step in self.steps.values() if step.error]
        return next((step for step in broken if not step.is_cancelled), broken[0] if broken else None)

    def _step(self, digest: str) -> Step:
        return self.steps.setdefault(digest, Step(name=""))

    def _update(self, vertex: dict[str, Any]) -> bool:
        step = self._step(vertex["digest"])
        before = (step.started, step.seconds)
        step.name = vertex.get("name", step.name)
        step.target = self._target(step.name)
        step.cached = step.cached or bool(vertex.get("cached"))
        step.error = vertex.get("error", step.error)
        step.started = vertex.get("started", step.started)
        if step.started and vertex.get("completed"):
            step.seconds = (_time(vertex["completed"]) - _time(step.started)).total_seconds()
        return (step.started, step.seconds) != before

    def _target(self, name: str) -> str:
        match = _STEP.match(name)
        if match is None:
            return ""
        first = match["where"].partition(" ")[0]
        return first if first in self._targets else self._targets[0] if len(self._targets) == 1 else ""


def _time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, which Python reads to microseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
