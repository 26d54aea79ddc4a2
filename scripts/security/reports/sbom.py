"""The bill of materials, CycloneDX 1.6: components and edges from the locks, the same bytes for the same tree."""

from __future__ import annotations

import hashlib
import json
import posixpath
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from security.dependencies.model import Dependency, Manifest, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component

NAME = "sbom.json"
PREFIX = "security-scan"


@dataclass(frozen=True, kw_only=True)
class Sbom:
    """`status` is `written`, `not_applicable` (nothing names a component), `declared_only`, `skipped` or `failed`."""

    status: str
    reason: str = ""
    components: int = 0
    document: dict[str, Any] | None = None

    def entry(self) -> dict[str, object]:
        """As it stands in the summary."""
        return {"status": self.status, "reason": self.reason, "components": self.components}


def make(manifests: Sequence[Manifest], *, name: str, tool_version: str, timestamp: str = "") -> Sbom:
    """Of all manifests together; a bill of nothing is none."""
    named = [manifest for manifest in manifests if manifest.dependencies]
    if not named:
        failed = [manifest.path for manifest in manifests if manifest.error]
        reason = f"no manifest could be read: {', '.join(failed)}" if failed else "no manifest names a component"
        return Sbom(status="failed" if failed else "not_applicable", reason=reason)
    document = write(named, name=name, tool_version=tool_version, timestamp=timestamp)
    only = all(manifest.kind == "declared_only" for manifest in named)
    return Sbom(
        status="declared_only" if only else "written",
        reason="a pyproject.toml without a lock says what is asked for, not what is installed" if only else "",
        components=len(document.get("components", [])),
        document=document,
    )


def write(manifests: Sequence[Manifest], *, name: str, tool_version: str, timestamp: str) -> dict[str, Any]:
    """The document; the library writes it, and no part of it changes by itself."""
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415 - half a second that only full scans pay

    document: dict[str, Any] = json.loads(
        JsonV1Dot6(bill(manifests, name=name, tool_version=tool_version)).output_as_string()
    )
    document["metadata"].pop("timestamp", None)
    if timestamp:
        document["metadata"]["timestamp"] = timestamp
    document.pop("serialNumber", None)
    content = json.dumps(document, sort_keys=True).encode()
    serial = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    return {**document, "serialNumber": f"urn:uuid:{serial}"}


def bill(manifests: Sequence[Manifest], *, name: str, tool_version: str) -> Bom:
    """Components, each once, and who depends on whom within its own manifest."""
    from cyclonedx.model.bom import Bom  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415

    root = Component(name=name, type=ComponentType.APPLICATION, bom_ref="root")
    bom = Bom()
    bom.metadata.component = root
    bom.metadata.tools.components.add(
        Component(name="security-scan", version=tool_version, type=ComponentType.APPLICATION)
    )
    made: dict[str, Component] = {}
    entries: dict[str, list[tuple[Dependency, Manifest]]] = {}
    for manifest in manifests:
        for one in manifest.dependencies:
            entries.setdefault(reference(one), []).append((one, manifest))
    for ref, found in sorted(entries.items()):
        made[ref] = component(ref, found)
        bom.components.add(made[ref])
    edges: dict[str, set[str]] = {}
    top: set[str] = set()
    for manifest in manifests:
        by_name: dict[str, list[str]] = {}
        for one in manifest.dependencies:
            by_name.setdefault(one.name, []).append(reference(one))
        for one in manifest.dependencies:
            edges.setdefault(reference(one), set()).update(
                ref for need in one.requires for ref in by_name.get(need, [])
            )
        roots = manifest.roots or tuple(by_name)
        top.update(ref for need in roots for ref in by_name.get(need, []))
    for ref in sorted(made):
        bom.register_dependency(made[ref], [made[need] for need in sorted(edges.get(ref, set()) - {ref})])
    bom.register_dependency(root, [made[ref] for ref in sorted(top)])
    return bom


def reference(one: Dependency) -> str:
    """What a component is called within the document."""
    return f"{one.name}=={one.version}" if one.version else one.name


def component(ref: str, found: Sequence[tuple[Dependency, Manifest]]) -> Component:
    """One package, with what all manifests together say of it."""
    from cyclonedx.model import HashAlgorithm, HashType, Property  # noqa: PLC0415
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415
    from packageurl import PackageURL  # noqa: PLC0415

    one = found[0][0]
    paths = sorted({posixpath.normpath(manifest.path) for _, manifest in found})
    properties = [Property(name=f"{PREFIX}:manifest", value=printable(path)) for path in paths]
    main = any(not dependency.groups for dependency, _ in found)
    groups = set() if main else {group for dependency, _ in found for group in dependency.groups}
    properties += [Property(name=f"{PREFIX}:group", value=printable(group)) for group in sorted(groups)]
    if one.unjudgeable:
        properties.append(Property(name=f"{PREFIX}:source", value=printable(f"{one.unjudgeable} {one.detail}".strip())))
    public = one.unjudgeable in (None, Reason.UNPINNED, Reason.PARSE_ERROR)
    made = Component(
        name=printable(one.name),
        version=printable(one.version) or None,
        type=ComponentType.LIBRARY,
        bom_ref=printable(ref),
        purl=PackageURL("pypi", None, printable(one.name), printable(one.version) or None) if public else None,
        properties=properties,
    )
    for digest in sorted({digest for dependency, _ in found for digest in dependency.hashes}):
        # One hash per file of the release; which of the files gets installed is not known here.
        kind, _, value = digest.partition(":")
        if kind == "sha256" and len(value) == 64 and set(value) <= set("0123456789abcdef"):
            made.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=value))
    return made


def printable(text: str) -> str:
    """Text of the scanned tree; the document is JSON and XML's rules apply to some of its readers."""
    return "".join(character if character.isprintable() else "?" for character in text)
