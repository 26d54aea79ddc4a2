"""The engine, the tools, the linters and the machine they run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from galway.report import next_step, status, table, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from galway.doctor import Check
    from galway.engine import Engine
    from galway.stages.lint import Result
    from galway.toolbox import Tool


def engine(found: Engine | None) -> Table:
    """Which engine answers, and why."""
    made = table("engine", "")
    if found is None:
        made.add_row("none", typed("no Docker answers; `inv engine.start` starts the embedded one"))
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
            made.add_row(name, "", typed("[yellow]not installed[/]: inv tools --install"), "", "")
            continue
        source = f"{tool.source} [yellow](third-party rebuild)[/]" if tool.third_party else tool.source
        made.add_row(name, tool.version, source, tool.verified, escape(str(tool.path)))
    return made


def lint(results: Sequence[Result]) -> tuple[Table | Text, ...]:
    """What each linter said; the whole output of those that did not pass comes first."""
    made = table("linter", "status", "seconds", "reason", numbers=("seconds",))
    said = []
    for result in results:
        made.add_row(result.name, status(result.status), f"{result.seconds:.1f}", escape(result.reason))
        if result.status == "failed":
            said.append(Text(f"{result.name}:\n{result.output.rstrip()}\n"))
    return (*said, made)


def doctor(checks: Sequence[Check]) -> Table:
    """What this machine has; what to do stands below the check that asks for it."""
    made = table("check", "status", "version", "source", "verified", "found")
    for check in checks:
        cells = (check.version, check.source, check.verified, check.found)
        made.add_row(check.name, status(check.status), *(escape(str(cell or "")) for cell in cells))
        if check.fix and check.status != "ok":
            made.add_row("", "", "", "", "", next_step(check.fix))
    return made
