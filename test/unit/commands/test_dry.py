"""Every task says what it would do and starts nothing for it, or is known to change nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bundles
import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.loader import FilesystemLoader

from galway import evidence, judges, process, versioning
from galway.layout import Layout
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
NAMESPACE = Collection.from_module(FilesystemLoader(start=str(ROOT)).load("tasks")[0])

READERS = {
    "next",
    "plan",
    "inspect",
    "tags",
    "digest",
    "checklist",
    "completion",
    "engine.show",
    "doctor",
    "lint",
}
"""They take no --dry: they show or check, and what they start only reads."""

PROGRAMS = ("docker ", "cosign ", "trivy ", "container-structure-test ", "would ")
"""How a line begins that says what would be done; every such line is compared, and the rest is a table, set in."""

COMPOSE = "docker compose --project-directory {root} --file {root}/docker-compose.yml"
BAKE = "docker buildx bake --file .galway/{0}/bake.json --metadata-file .galway/{0}/metadata.json --progress rawjson"
TRIVY = "trivy image --quiet --cache-dir {cache}/trivy --skip-version-check --disable-telemetry --offline-scan"
SCAN = (
    f"{TRIVY} --skip-check-update --scanners vuln,secret --image-config-scanners misconfig,secret"
    " --skip-db-update --skip-java-db-update --format json --output trivy.json --input image"
)
HERE = "--allow-http-registry 127.0.0.1:PORT/jpoley/jp-spec-kit-ci@DIGEST"
THROWN_AWAY = f"throw-away.key --tlog-upload=false {HERE}"
SIGN = "cosign sign --yes --key /k.key --tlog-upload=false {name}@"
ATTEST = (
    "cosign attest --yes --type https://slsa.dev/provenance/v1 --predicate provenance.json --key /k.key"
    " --tlog-upload=false {name}@"
)
CI: Mapping[str, object] = {"image": ["ci"]}
AMD64: Mapping[str, object] = {"image": ["ci"], "platform": ["amd64"]}

SAID: Mapping[str, tuple[Mapping[str, object], tuple[str, ...]]] = {
    "build": ({"image": ["ci"], "platform": ["all"], "no_cache": True}, (BAKE.format("plan"),)),
    "reproduce": (AMD64, (BAKE.format("reproduce"),)),
    "test": (
        AMD64,
        (
            "container-structure-test test --driver tar --image image.tar --config files.yaml --output json --no-color",
            "docker load",
            (
                "container-structure-test test --driver docker"
                " --image localhost/galway/ci:linux-amd64-{short}-checkout.run --platform linux/amd64"
                " --config commands.yaml --output json --no-color"
            ),
            "docker image rm localhost/galway/ci:linux-amd64-{short}-checkout.run",
        ),
    ),
    "sbom": (
        AMD64,
        (
            f"{TRIVY} --format cyclonedx --output cyclonedx.json --input image",
            f"{TRIVY} --format spdx-json --output spdx.json --input image",
        ),
    ),
    "scan": (
        {**AMD64, "database": []},
        (
            SCAN,
            "trivy convert --quiet --format sarif --output trivy.sarif trivy.json",
        ),
    ),
    "push": ({**CI, "stand_in": []}, ("ci {name}@{index} main-aaaaaaa, main, latest yes",)),
    "sign": (
        {**CI, "key": "/k.key"},
        (f"{SIGN}{{index}}", f"{SIGN}{{amd64}}", f"{ATTEST}{{amd64}}", f"{SIGN}{{arm64}}", f"{ATTEST}{{arm64}}"),
    ),
    "verify": (
        {**CI, "key": "/k.key"},
        (
            "cosign verify --key /k.pub --insecure-ignore-tlog=true --output json {name}@{index}",
            (
                "cosign verify-attestation --type https://slsa.dev/provenance/v1 --key /k.pub"
                " --insecure-ignore-tlog=true {name}@{index}"
            ),
        ),
    ),
    "merge": (
        {"image": "ci", "part": ["{root}/.galway"], "digest": []},
        (
            "would take linux/amd64 {short} from {root}/.galway",
            "would take linux/arm64 {other} from {root}/.galway",
            "would write {root}/.galway/oci/ci",
        ),
    ),
    "pipeline": (
        {**AMD64, "database": []},
        (
            "ci linux/amd64 ghcr.io/jpoley/jp-spec-kit-ci:0.1.0 ubuntu:22.04 130.0 MB",
            "# build: ci linux/amd64",
            BAKE.format("plan"),
            "# test, then looks at files and containers",
            "container-structure-test test --driver tar --image image.tar --config files.yaml --output json --no-color",
            "docker load",
            (
                "container-structure-test test --driver docker --image localhost/galway/ci:linux-amd64-DIGEST"
                " --platform linux/amd64 --config commands.yaml --output json --no-color"
            ),
            "docker image rm localhost/galway/ci:linux-amd64-DIGEST",
            f"{TRIVY} --format cyclonedx --output cyclonedx.json --input image",
            f"{TRIVY} --format spdx-json --output spdx.json --input image",
            SCAN,
            "trivy convert --quiet --format sarif --output trivy.sarif trivy.json",
            "# publish, to a registry that runs here meanwhile: ci as main-aaaaaaa, main, latest",
            f"cosign sign --yes --key {THROWN_AWAY}",
            (
                "cosign attest --yes --type https://slsa.dev/provenance/v1 --predicate provenance.json"
                f" --key {THROWN_AWAY}"
            ),
            f"cosign verify --key throw-away.pub --insecure-ignore-tlog=true --output json {HERE}",
            (
                "cosign verify-attestation --type https://slsa.dev/provenance/v1 --key throw-away.pub"
                f" --insecure-ignore-tlog=true {HERE}"
            ),
        ),
    ),
    "bundle.bundle": (
        {**CI, "output": "/there/b.tar"},
        ("ci 0.1.0 {whole} linux/amd64, linux/arm64 /there/b.tar",),
    ),
    "bundle.load": ({"file": "b.tar", "stand_in": []}, ("would check b.tar and load it into this machine's Docker",)),
    "scorecard": ({**CI, "html": "/there/card.html"}, ("would write: /there/card.html",)),
    "up": ({}, (f"{COMPOSE} up --detach --no-build --pull never",)),
    "logs": ({"service": ["agent-collector"], "follow": True}, (f"{COMPOSE} logs --follow agent-collector",)),
    "down": ({"volumes": True}, (f"{COMPOSE} down --volumes",)),
    "keygen": ({"key": "/there/k.key"}, ("would make /there/k.key and /there/k.pub",)),
    "advisories": ({"output": "/there/a.zip"}, ("would fetch https://osv.example/PyPI.zip to /there/a.zip",)),
    "scan-source": (
        {"path": "/there", "output": "/results"},
        (
            (
                "docker run --rm --pull never --network none --read-only --tmpfs /tmp:rw,noexec,nosuid --cap-drop ALL"
                " --security-opt no-new-privileges --user 1000:1000"
                " --security-opt seccomp={root}/docker/seccomp/security-scanner.json --cpus 1.0 --memory 512m"
                " --memory-swap 512m --volume /there:/scan:ro --volume /results:/results:rw --env SCAN_TYPE=full"
                " --env OUTPUT_DIR=/results ghcr.io/jpoley/jp-spec-kit-security:0.0.250"
            ),
        ),
    ),
    "engine.start": ({}, ("would start the embedded engine",)),
    "engine.stop": ({}, ("would stop the embedded engine and its containers",)),
    "engine.env": (
        {},
        ("would print the exports of the engine that answers, and start the embedded one where none does",),
    ),
    "tools": ({"install": True}, ("oras not installed: scripts/inv tools --install",)),
    "clean": ({}, ("would delete {root}/.galway",)),
}
"""Arguments of each task, and what it says: each line that names a program or what would be, and one of its table."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where tasks run in these tests: a checkout with one built image."""

    workspace: Workspace
    names: Mapping[str, str]

    def fill(self, value: Any) -> Any:
        """A text, or each of a list, with the names of this place."""
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value.format(**self.names) if isinstance(value, str) else value


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A checkout that may be published, in which nothing starts: not even git is asked what is committed."""
    workspace = Workspace(root=bundles.checkout(tmp_path / "checkout").root, cache=tmp_path / "cache")
    image = bundles.build(workspace, "program")
    layout = Layout(workspace.layout(image.name))
    index, (amd64, arm64) = layout.digest, [manifest.digest for manifest in layout.manifests()]
    record = evidence.Record(stage="publish", image="ci", platform="index", digest=str(index), status="passed")
    evidence.write(workspace.evidence, record)
    source = versioning.Source(revision=bundles.REVISION, branch="main", epoch=1767323045, tree="t", dirty=False)
    monkeypatch.setattr(Workspace, "here", lambda: workspace)
    monkeypatch.setattr(versioning.Source, "read", lambda *_: source)
    monkeypatch.setattr(versioning, "commit", lambda *_: bundles.REVISION)
    monkeypatch.setattr(versioning, "contents", lambda *_: "contents")
    monkeypatch.setattr(judges, "judges", lambda *_: {})  # the records' reports are made up
    monkeypatch.setattr(os, "execvpe", lambda *argv: pytest.fail(f"a dry run became {argv}"))
    monkeypatch.setattr(process, "run", lambda argv, **_: pytest.fail(f"a dry run started {argv}"))
    monkeypatch.setenv("OSV_EXPORT", "https://osv.example/PyPI.zip")
    names = {"root": workspace.root, "cache": workspace.cache, "name": "ghcr.io/jpoley/jp-spec-kit-ci"}
    digests = {"index": index, "amd64": amd64, "arm64": arm64}
    shorts = {"whole": index.short, "short": amd64.short, "other": arm64.short}
    return Place(workspace=workspace, names={key: str(value) for key, value in (names | digests | shorts).items()})


def files(root: Path) -> dict[Path, bytes]:
    """All that is in a folder, links as what they are."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_symlink()}


def takes_dry(name: str) -> bool:
    """Whether a task has the flag."""
    return any("dry" in argument.names for argument in NAMESPACE[name].get_arguments())


def test_every_task_takes_dry_or_is_a_reader() -> None:
    assert sorted(NAMESPACE.task_names) == sorted([*READERS, *SAID])
    assert {name for name in NAMESPACE.task_names if not takes_dry(name)} == READERS


@pytest.mark.parametrize("name", SAID)
def test_dry_says_what_it_would_do_and_does_nothing(
    name: str, place: Place, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = files(tmp_path)
    arguments, expected = SAID[name]
    NAMESPACE[name](Context(), **{key: place.fill(value) for key, value in arguments.items()}, dry=True)
    printed = capsys.readouterr()
    lines = (printed.out + printed.err).splitlines()
    wanted = [place.fill(line) for line in expected]
    assert [line for line in lines if line.startswith(PROGRAMS)] == [
        line for line in wanted if line.startswith(PROGRAMS)
    ]
    assert [line for line in wanted if line not in (" ".join(each.split()) for each in lines)] == []
    assert files(tmp_path) == before
