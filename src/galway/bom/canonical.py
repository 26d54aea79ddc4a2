"""Makes the bytes of Trivy's SBOMs a function of the manifest that they speak of.

Trivy draws random identifiers and writes the time of the scan, so that no two runs give the same file. Here the time is
the image's own creation time, document identifiers come from the manifest's digest, and the identifiers of components
from their content and their place in the graph. The document names the manifest in place of the scanned folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.reference import Digest, ImageRef, Platform

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an SBOM is about.

    Parameters
    ----------
    reference:
        Registry and repository of the image; its tag plays no part.
    digest:
        Of the platform's manifest.
    created:
        The image's creation time (RFC 3339), which builds take from the commit.
    """

    reference: ImageRef
    digest: Digest
    platform: Platform
    created: str

    @property
    def name(self) -> str:
        """The immutable reference."""
        return f"{self.reference.name}@{self.digest}"

    @property
    def purl(self) -> str:
        """The image's package URL (purl-spec, type oci)."""
        last = self.reference.repository.rpartition("/")[2]
        where = quote(self.reference.name, safe="")
        return f"pkg:oci/{last}@{quote(str(self.digest))}?arch={self.platform.architecture}&repository_url={where}"

    def uuid(self, what: str) -> uuid.UUID:
        """An identifier that is the same for the same image and use."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{self.purl}#{what}")


def cyclonedx(content: bytes, subject: Subject) -> bytes:
    """A CycloneDX document of Trivy's, in canonical form; needs nothing but its input."""
    document = json.loads(content)
    root = document["metadata"]["component"]
    old = root["bom-ref"]
    root.update({"bom-ref": subject.purl, "purl": subject.purl, "name": subject.reference.name})
    root["version"] = str(subject.digest)
    document["serialNumber"] = subject.uuid("cyclonedx").urn
    document["metadata"]["timestamp"] = subject.created
    names = {old: subject.purl, **_identifiers(document, old, subject)}
    for component in document["components"]:
        component["bom-ref"] = names.get(component["bom-ref"], component["bom-ref"])
    document["components"].sort(key=lambda component: component["bom-ref"])
    document["dependencies"] = sorted(
        (
            {
                "ref": names.get(edge["ref"], edge["ref"]),
                "dependsOn": sorted(names.get(end, end) for end in edge.get("dependsOn", [])),
            }
            for edge in document["dependencies"]
        ),
        key=lambda edge: edge["ref"],
    )
    return _encode(document)


def spdx(content: bytes, subject: Subject) -> bytes:
    """An SPDX 2.3 document of Trivy's, in canonical form; needs nothing but its input."""
    document = json.loads(content)
    document["name"] = subject.name
    last = subject.reference.repository.rpartition("/")[2]
    document["documentNamespace"] = f"https://spdx.org/spdxdocs/{last}-{subject.uuid('spdx')}"
    document["creationInfo"]["created"] = subject.created
    for part in document["packages"]:
        for annotation in part.get("annotations", []):
            annotation["annotationDate"] = subject.created
        if part.get("primaryPackagePurpose") == "CONTAINER":
            part.update({"name": subject.reference.name, "versionInfo": str(subject.digest)})
            purl = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": subject.purl}
            part["externalRefs"] = [purl]
    return _encode(document)


def _identifiers(document: Mapping[str, Any], root: str, subject: Subject) -> dict[str, str]:
    """New names for the random ones: Trivy draws one where a package URL alone would not tell two components apart.

    Labels start from a component's content and take in those of its neighbours, round by round, until that tells no
    further components apart (colour refinement); two programs' copies of a crate differ by the programs.
    """
    content = {part["bom-ref"]: {k: v for k, v in part.items() if k != "bom-ref"} for part in document["components"]}
    drawn = [ref for ref in content if _UUID.fullmatch(ref)]
    labels = {ref: _hash(content[ref]) if ref in content else "root" for ref in (root, *content)}
    needs, needed = defaultdict(list), defaultdict(list)
    for edge in document["dependencies"]:
        for end in edge.get("dependsOn", []):
            needs[edge["ref"]].append(end)
            needed[end].append(edge["ref"])
    while True:
        refined = {
            ref: _hash([label, sorted(labels[n] for n in needs[ref]), sorted(labels[n] for n in needed[ref])])
            for ref, label in labels.items()
        }
        if len(set(refined.values())) == len(set(labels.values())):
            break
        labels = refined
    names: dict[str, str] = {}
    seen: defaultdict[str, int] = defaultdict(int)
    for ref in sorted(drawn, key=labels.__getitem__):
        label = labels[ref]
        names[ref] = str(subject.uuid(f"{label}{seen[label] or ''}"))
        seen[label] += 1
    return names


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _encode(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
