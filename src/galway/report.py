"""Turns plans and records into tables for people; programs get the same values as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.doctor import Check
    from galway.engine import Engine
    from galway.evidence import Record
    from galway.plan import Plan
    from galway.stages.lint import Result
    from galway.toolbox import Tool


def megabytes(size: int) -> str:
    """Bytes as megabytes of 10^6 bytes, the unit of the specification's budgets."""
    return f"{size / 1_000_000:.1f} MB"


def table(*columns: str, numbers: Sequence[str] = ()) -> Table:
    """A table in the one style that all commands share."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def plan(wanted: Plan) -> Table:
    """What would be built."""
    made = table("image", "platform", "reference", "bases", "budget", numbers=("budget",))
    for target in wanted.targets:
        image = target.image
        names = ", ".join(reference.partition("@")[0] for _, reference in image.bases)
        made.add_row(image.name, str(target.platform), str(image.reference), names, megabytes(image.size_budget))
    return made


def build(records: Sequence[Record]) -> Table:
    """What was built, each size against its budget."""
    made = table(
        "image", "platform", "digest", "compressed", "budget", "unpacked", "cached", "base",
        numbers=("compressed", "budget", "unpacked", "cached"),
    )  # fmt: skip
    for record in records:
        measures = record.measures
        size, budget = measures["compressed"], measures["size_budget"]
        colour = "red" if size > budget else "green"
        kinds = sorted({base["kind"] for base in measures["bases"].values()})
        made.add_row(
            record.image,
            record.platform.replace("-", "/", 1),
            record.digest.removeprefix("sha256:")[:12],
            f"[{colour}]{megabytes(size)}[/]",
            megabytes(budget),
            megabytes(measures["unpacked"]),
            f"{measures['steps_cached']}/{measures['steps']}",
            ", ".join(kinds),
        )
    return made


def hit_rate(records: Sequence[Record]) -> str:
    """The share of Dockerfile steps that came from the cache (spec: above 80 %)."""
    steps = sum(record.measures["steps"] for record in records)
    cached = sum(record.measures["steps_cached"] for record in records)
    return f"{cached} of {steps} steps from the cache ({cached / steps:.0%})" if steps else "no steps"


def engine(found: Engine | None) -> Table:
    """Which engine answers, and why."""
    made = table("engine", "")
    if found is None:
        made.add_row("none", "no Docker answers; `inv engine.start` starts the embedded one")
        return made
    store = "containerd" if found.containerd_store else "classic"
    made.add_row("kind", found.kind)
    made.add_row("why", escape(found.reason))
    made.add_row("version", found.version)
    made.add_row("docker", escape(found.docker))
    made.add_row("builder", found.builder or "the engine's own")
    made.add_row("image store", store)
    made.add_row("platforms", ", ".join(map(str, found.platforms)))
    return made


def engine_values(found: Engine | None) -> dict[str, object]:
    """The same for programs."""
    if found is None:
        return {"kind": "none"}
    return {
        "kind": found.kind,
        "reason": found.reason,
        "version": found.version,
        "docker": found.docker,
        "builder": found.builder,
        "containerd_store": found.containerd_store,
        "platforms": [str(platform) for platform in found.platforms],
    }


def tools(found: Mapping[str, Tool | None]) -> Table:
    """Where each pinned tool came from and how it was verified; a rebuild by others than its makers is marked."""
    made = table("tool", "version", "source", "verified by", "path")
    for name, tool in found.items():
        if tool is None:
            made.add_row(name, "", "[yellow]not installed[/]: inv tools --install", "", "")
            continue
        source = f"{tool.source} [yellow](third-party rebuild)[/]" if tool.third_party else tool.source
        made.add_row(name, tool.version, source, tool.verified, escape(str(tool.path)))
    return made


def lint(results: Sequence[Result]) -> tuple[Table | Text, ...]:
    """What each linter said; the whole output of those that did not pass comes first."""
    made = table("linter", "status", "seconds", "reason", numbers=("seconds",))
    said = []
    for result in results:
        made.add_row(result.name, _status(result.status), f"{result.seconds:.1f}", escape(result.reason))
        if result.status == "failed":
            said.append(Text(f"{result.name}:\n{result.output.rstrip()}\n"))
    return (*said, made)


COLOURS = {"ok": "green", "passed": "green", "missing": "red", "failed": "red", "warning": "yellow"}
"""Colour of a status word; `not_evaluated` and `skipped` are yellow too: neither is a pass."""


def doctor(checks: Sequence[Check]) -> Table:
    """What this machine has; what to do stands below the check that asks for it."""
    made = table("check", "status", "version", "source", "verified", "found")
    for check in checks:
        cells = (check.version, check.source, check.verified, check.found)
        made.add_row(check.name, _status(check.status), *(escape(str(cell or "")) for cell in cells))
        if check.fix and check.status != "ok":
            made.add_row("", "", "", "", "", f"[bold]next[/]: {escape(check.fix)}")
    return made


def _status(word: str) -> str:
    return f"[{COLOURS.get(word, 'yellow')}]{word.replace('_', ' ')}[/]"
