"""`pylock.toml` and `pylock.*.toml`: the standard lock (PEP 751)."""

from __future__ import annotations

from typing import Any

from security.dependencies.model import PYPI, Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError, line_of, name_lines, table, tables, text, toml


def parse(content: str, path: str) -> Manifest:
    """Packages from version control, an archive or a folder carry that table instead of an index."""
    document = toml(content)
    if "lock-version" not in document:
        raise ManifestError("not a pylock: it has no lock-version")
    lines = name_lines(content)
    packages = tables(document.get("packages"))
    found = tuple(_dependency(package, line_of(lines, index)) for index, package in enumerate(packages))
    own = tuple(dependency.name for dependency, package in zip(found, packages, strict=True) if _is_own(package))
    required = {name for dependency in found for name in dependency.requires}
    dependencies = tuple(dependency for dependency in found if dependency.name not in own)
    roots = tuple(sorted({dependency.name for dependency in dependencies} - required))
    return Manifest(path=path, kind="pylock.toml", dependencies=dependencies, own=own, roots=roots)


def _is_own(package: dict[str, Any]) -> bool:
    return table(package.get("directory")).get("path") == "."


def _dependency(package: dict[str, Any], line: int) -> Dependency:
    version = text(package.get("version"))
    reason, detail = (None if version else Reason.UNPINNED), ""
    if "vcs" in package or "archive" in package:
        origin = table(package.get("vcs")) or table(package.get("archive"))
        reason, detail = Reason.VCS, text(origin.get("url") or origin.get("path"))
    elif "directory" in package:
        reason, detail = Reason.PRIVATE, "from a folder"
    elif package.get("index") and not PYPI.match(text(package.get("index"))):
        reason, detail = Reason.PRIVATE, "from another index"
    files = [*tables(package.get("wheels")), table(package.get("sdist"))]
    hashes = {f"{kind}:{value}" for file in files for kind, value in table(file.get("hashes")).items()}
    return Dependency(
        name=normalise(text(package.get("name"))),
        version=version,
        line=line,
        unjudgeable=reason,
        detail=detail,
        marker=text(package.get("marker")),
        requires=tuple(
            sorted({normalise(text(entry.get("name"))) for entry in tables(package.get("dependencies"))} - {""})
        ),
        hashes=tuple(sorted(hashes)),
        index=text(package.get("index")) if detail == "from another index" else "",
    )
