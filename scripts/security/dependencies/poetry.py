"""`poetry.lock`: packages with a source where it is not PyPI, files, groups (since 2.0) and edges."""

from __future__ import annotations

from typing import Any

from security.dependencies.model import PYPI, Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError, hashes, line_of, name_lines, table, tables, text, toml

SOURCES = {
    "git": Reason.VCS, "hg": Reason.VCS, "url": Reason.VCS, "directory": Reason.PRIVATE, "file": Reason.PRIVATE,
    "legacy": Reason.PRIVATE,
}  # fmt: skip


def parse(content: str, path: str) -> Manifest:
    """Locks before version 2 keep the files of all packages in one table."""
    document = toml(content)
    metadata = table(document.get("metadata"))
    if "content-hash" not in metadata and "lock-version" not in metadata:
        raise ManifestError("not a lock of Poetry: it has no metadata")
    files = table(metadata.get("files"))
    lines = name_lines(content)
    found = tuple(
        _dependency(package, line_of(lines, index), files.get(text(package.get("name"))))
        for index, package in enumerate(tables(document.get("package")))
    )
    required = {name for dependency in found for name in dependency.requires}
    roots = tuple(sorted({dependency.name for dependency in found} - required))
    return Manifest(path=path, kind="poetry.lock", dependencies=found, roots=roots)


def _dependency(package: dict[str, Any], line: int, files: object) -> Dependency:
    source = table(package.get("source"))
    reason = SOURCES.get(text(source.get("type")), Reason.PRIVATE) if source else None
    if PYPI.match(text(source.get("url"))) and reason is Reason.PRIVATE:
        reason = None
    groups = package.get("groups", [package.get("category", "main")])
    names = tuple(sorted(map(str, groups))) if isinstance(groups, list) else ()
    version = text(package.get("version"))
    return Dependency(
        name=normalise(text(package.get("name"))),
        version=version,
        line=line,
        unjudgeable=reason or (None if version else Reason.UNPINNED),
        detail=text(source.get("url")),
        groups=() if "main" in names else names,
        requires=tuple(sorted(map(normalise, table(package.get("dependencies"))))),
        hashes=hashes(package.get("files") or files),
        index=text(source.get("url")) if source.get("type") == "legacy" else "",
    )
