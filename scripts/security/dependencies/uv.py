"""`uv.lock`: every package with its source, files and edges."""

from __future__ import annotations

from typing import Any

from security.dependencies.model import PYPI, Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError, hashes, line_of, name_lines, table, tables, text, toml

OWN = ("editable", "virtual", "directory", "path")


def parse(content: str, path: str) -> Manifest:
    """The project and the other members of its workspace are its own; all else is a dependency."""
    document = toml(content)
    packages = tables(document.get("package"))
    if not isinstance(document.get("version"), int):
        raise ManifestError("not a lock of uv: it has no version")
    members = {normalise(text(name)) for name in table(document.get("manifest")).get("members", [])}
    lines = name_lines(content)
    own: dict[str, dict[str, Any]] = {}
    found = []
    for index, package in enumerate(packages):
        name = normalise(text(package.get("name")))
        source = table(package.get("source"))
        if (
            name in members
            or any(source.get(key) == "." for key in OWN)
            or ({"editable", "virtual"} & source.keys() and not members)
        ):
            own[name] = package
            continue
        found.append(_dependency(package, name, source, line_of(lines, index)))
    groups = _groups(own)
    return Manifest(
        path=path,
        kind="uv.lock",
        dependencies=tuple(_with_groups(dependency, groups) for dependency in found),
        own=tuple(sorted(own)),
        roots=tuple(sorted({name for names in groups.values() for name in names})),
    )


def _dependency(package: dict[str, Any], name: str, source: dict[str, Any], line: int) -> Dependency:
    registry = text(source.get("registry"))
    reason, detail = None, ""
    if "git" in source or "url" in source:
        reason, detail = Reason.VCS, text(source.get("git") or source.get("url"))
    elif not registry:
        reason, detail = Reason.PRIVATE, "from a folder"
    elif not PYPI.match(registry):
        reason, detail = Reason.PRIVATE, "from another index"
    index = registry if detail == "from another index" else ""
    files = [*tables(package.get("wheels")), table(package.get("sdist"))]
    requires = tables(package.get("dependencies"))
    for extra in table(package.get("optional-dependencies")).values():
        requires += tables(extra)
    return Dependency(
        name=name,
        version=text(package.get("version")),
        line=line,
        unjudgeable=reason if package.get("version") or reason else Reason.UNPINNED,
        detail=detail,
        requires=edges(requires),
        hashes=hashes(files),
        index=index,
    )


def edges(entries: list[dict[str, Any]]) -> tuple[str, ...]:
    """Names, sorted, each once."""
    return tuple(sorted({normalise(text(entry.get("name"))) for entry in entries} - {""}))


def _groups(own: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """What the project itself asks for, by group; the main dependencies are the group ``."""
    groups: dict[str, set[str]] = {}
    for package in own.values():
        for key, label in (("optional-dependencies", "extra "), ("dev-dependencies", "")):
            for group, entries in table(package.get(key)).items():
                groups.setdefault(f"{label}{group}", set()).update(edges(tables(entries)))
        groups.setdefault("", set()).update(edges(tables(package.get("dependencies"))))
    return {group: names - own.keys() for group, names in groups.items()}


def _with_groups(dependency: Dependency, groups: dict[str, set[str]]) -> Dependency:
    named = tuple(sorted(group for group, names in groups.items() if group and dependency.name in names))
    main = dependency.name in groups.get("", set())
    return dependency if main or not named else Dependency(**{**vars(dependency), "groups": named})
