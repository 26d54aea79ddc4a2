"""A checkout in which every metric and every item of the checklist passes, for tests that break one of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import layouts
from shop import ROOT

from galway import catalog, evidence, facts, history, scorecard, versioning
from galway.history import Build, History, Pull, Target
from galway.vulnerabilities.gate import Thresholds
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from galway.catalog import Image
    from galway.facts import Facts

AT = "2026-11-25T12:00:00Z"
PLATFORMS = ("linux-amd64", "linux-arm64")
SHA = "0123456789" * 4

DOCKERFILE = """\
# A comment, as files begin.
ARG PYTHON_BASE=python:3.11-slim@sha256:0dd364ba7e10242f07755449e3a3d0e35f9efd987952737b90def6709ab0c5ce

FROM ${PYTHON_BASE} AS builder
RUN apt-get update && \\
    apt-get install --yes gcc && \\
    rm -rf /var/lib/apt/lists/*
COPY requirements.txt ./
RUN --mount=type=secret,id=ca <<'SH'
set -eu
pip install --no-cache-dir -r requirements.txt
SH
COPY src/ src/

FROM ${PYTHON_BASE}
LABEL org.opencontainers.image.title="x"
COPY --from=builder /build /app
USER 1000:1000
HEALTHCHECK CMD ["true"]
"""


@dataclass(kw_only=True)
class World:
    """A checkout; change a field, then ask."""

    root: Path
    dockerfile: str = DOCKERFILE
    content: bytes = b"program"
    config: dict[str, Any] = field(default_factory=dict)
    builds: list[Build] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    entries: list[history.Entry] = field(default_factory=list)
    records: dict[tuple[str, str], dict[str, Any]] = field(
        default_factory=dict
    )  # (platform, stage): fields; {} is none
    image: Image = field(init=False)

    def __post_init__(self) -> None:
        (image,) = catalog.load(ROOT).select(["ci"])
        self.image = replace(image, dockerfile="Dockerfile", size_budget=4000)
        source = versioning.Source(revision=SHA, branch="", epoch=1767323045, tree="", dirty=False)
        self.config = {
            "User": "1000:1000",
            "Healthcheck": {"Test": ["CMD", "true"]},
            "Labels": dict(versioning.labels(catalog.load(ROOT), image, source)),
        }
        self.builds = [
            *(build(400, platform, cached=0) for platform in PLATFORMS),
            *(build(30, platform, cached=10) for platform in PLATFORMS for _ in range(200)),
        ]
        self.pulls = [Pull(at="2026-11-02T00:00:00Z", reference="ghcr.io/x/y@sha256:0", ok=True) for _ in range(3000)]
        checks = [
            {"kind": kind, "name": name, "status": "passed", "detail": "", "hint": ""}
            for kind, name in (
                ("structure", "binary"),
                ("content", "app-read-only"),
                ("content", "setuid"),
                ("content", "world-writable"),
                ("content", "package-caches"),
            )
        ]
        built = {"steps": 10, "steps_cached": 9, "bases": {"B": {"kind": "registry"}}, "compressed": 1000}
        for platform in PLATFORMS:
            self.records[platform, "build"] = {"measures": built, "seconds": 31.0, "started": "2026-11-24T00:00:00Z"}
            self.records[platform, "test"] = {"measures": {"checks": checks}}
            self.records[platform, "sbom"] = {"measures": {"packages": {"dpkg": 3}}}
            self.records[platform, "reproduce"] = {"measures": {}}
            self.records[platform, "scan"] = {"measures": {"objection": "", "counts": {"HIGH": 4}, "findings": []}}
        tags = {"0.1.0": {"result": "set", "reason": ""}, "latest": {"result": "set", "reason": ""}}
        self.records["index", "publish"] = {"measures": {"registry": "ghcr.io", "reference": "ghcr.io/x", "tags": tags}}
        self.records["index", "sign"] = {"measures": {}, "tool": "cosign"}
        self.records["index", "verify"] = {"measures": {"proofs": []}, "tool": "cosign"}

    @property
    def workspace(self) -> Workspace:
        return Workspace(root=self.root, cache=self.root / "cache")

    def known(self) -> Facts:
        """Write it all down, and read it as the commands do."""
        (self.root / "Dockerfile").write_text(self.dockerfile)
        (self.root / "docker").mkdir(exist_ok=True)
        folder = self.workspace.layout("ci")
        tar = [layouts.tar({"app": self.content})]
        descriptors = [
            layouts.put_manifest(folder, tar, architecture=name, config=self.config, history=["COPY <big> /"])
            for name in ("amd64", "arm64")
        ]
        layout = layouts.put_index(folder, descriptors)
        digests = {m.platform.slug: str(m.digest) for m in layout.manifests()} | {"index": str(layout.digest)}
        for (platform, stage), fields in self.records.items():
            if fields:
                values = {"digest": digests[platform], "status": "passed", **fields}
                record = evidence.Record(stage=stage, image="ci", platform=platform, **values)
                evidence.write(self.workspace.evidence, record)
        return facts.read(self.workspace, self.image, judges={})

    def log(self) -> History:
        return History(entries=(*self.builds, *self.pulls, *self.entries))

    def card(self) -> scorecard.Scorecard:
        return scorecard.score([self.known()], self.log(), thresholds=Thresholds(), at=AT)

    def change(self, platform: str, stage: str, **measures: Any) -> None:
        """Change figures of a record."""
        fields = self.records[platform, stage]
        self.records[platform, stage] = {**fields, "measures": {**fields["measures"], **measures}}


def build(seconds: float, *platforms: str, cached: int, ok: bool = True, at: str = "2026-11-02T00:00:00Z") -> Build:
    """A run of the builder, of ten steps a target."""
    targets = tuple(Target(image="ci", platform=name, digest="d", steps=10, cached=cached) for name in platforms)
    return Build(at=at, seconds=seconds, ok=ok, reason="" if ok else "RUN false", targets=targets)
