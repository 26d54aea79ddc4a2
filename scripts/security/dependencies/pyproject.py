"""`pyproject.toml` alone: what is declared, which says nothing of what will be installed."""

from __future__ import annotations

from security.dependencies.model import Dependency, Manifest
from security.dependencies.requirements import requirement
from security.dependencies.tables import table, toml


def parse(content: str, path: str) -> Manifest:
    """The standard's tables; Poetry's own table of versions is left to its lock."""
    project = table(toml(content).get("project"))
    found: dict[str, Dependency] = {}
    optional = table(project.get("optional-dependencies"))
    for group, entries in (
        ("", project.get("dependencies")),
        *((f"extra {name}", optional[name]) for name in optional),
    ):
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, str):
                one = requirement(entry, 1)
                found.setdefault(one.name, Dependency(**{**vars(one), "groups": (group,) if group else ()}))
    return Manifest(path=path, kind="declared_only", dependencies=tuple(found.values()), roots=tuple(sorted(found)))
