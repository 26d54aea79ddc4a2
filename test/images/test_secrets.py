"""What a build is given in confidence is nowhere in what it leaves; the same search finds it once it leaks."""

from __future__ import annotations

import re
import secrets as random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import certifi
import pytest

from galway import engine, host, plan as planning, prepare, process
from galway.checks import Subject, content
from galway.checks.secrets import canaries
from galway.checks.secrets.canaries import Needles
from galway.layout import Layout
from galway.reference import Platform
from galway.stages import build
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Built
    from galway.checks.secrets import Search

BASE = next(
    line
    for line in (REPOSITORY / "src/agent-updates-collector/Dockerfile").read_text().splitlines()
    if line.startswith("ARG RUNTIME_BASE=")
)
MOUNTS = """RUN --mount=type=secret,id=ca,target=/run/secrets/ca --mount=type=secret,id=pip,target=/run/secrets/pip \\
    --mount=type=secret,id=cargo,target=/usr/local/cargo/config.toml \\
    set -eu; cat /run/secrets/ca /run/secrets/pip /usr/local/cargo/config.toml | wc -l >/lines"""
HONEST = f"{BASE}\nFROM ${{RUNTIME_BASE}}\n{MOUNTS}\nUSER 1000:1000\n"
LEAKY = f"""{BASE}
FROM ${{RUNTIME_BASE}}
ARG CANARY_TOKEN
ENV LEAKED=$CANARY_TOKEN
{MOUNTS}; gzip -c /run/secrets/ca >/ca.gz; cp /run/secrets/pip /etc/pip.conf; \\
    base64 /usr/local/cargo/config.toml >/etc/c
RUN rm /etc/pip.conf
USER 1000:1000
"""
TABLE = """vendor = "v"
source = "https://example.org/x"
licenses = "Apache-2.0"
file_time = 2026-01-01T00:00:00Z
registry = "ghcr.io/jpoley"
[images.canary]
repository = "canary"
version = "0.1.0"
title = "Canary"
description = "Is given secrets"
dockerfile = "Dockerfile"
context = "."
platforms = ["amd64", "arm64"]
size_budget_mb = 100
structure_test = "Dockerfile"
visibility = "public"
[images.canary.run]
user = "1000:1000"
cpus = 0.5
memory = "64m"
"""


def say(text: str) -> None:
    """Progress, which pytest shows with -s and after a failure."""
    sys.stderr.write(text + "\n")


@dataclass(frozen=True, kw_only=True)
class Bird:
    """A repository of one image whose build is given a secret by every way that there is.

    Parameters
    ----------
    values:
        The secrets, by the way in which each is given.
    """

    workspace: Workspace
    values: dict[str, bytes]

    def build(self, dockerfile: str) -> Layout:
        """Build by the commands' own path, from the host's settings to the layout."""
        root = self.workspace.root
        (root / "Dockerfile").write_text(dockerfile)
        for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message", "x")):
            process.run(("git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments))
        plan = prepare.plan(self.workspace)
        request = prepare.request(self.workspace, plan, builder=None, say=say)
        assert {"ca", "pip", "cargo"} <= set(request.secrets["canary"])
        build.run(self.workspace, request, observe=lambda _: None, say=print)
        return Layout(self.workspace.layout("canary"))

    def search(self, layout: Layout) -> Search:
        """Look for all of them."""
        (manifest,) = layout.manifests()
        return canaries(layout, manifest, self.values)


@pytest.fixture
def bird(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bird]:
    """The repository, with the secrets in the places from which `prepare` takes a host's settings."""
    values = {
        name: f"canary-{random.token_hex(16)}".encode() for name in ("ca", "pip", "cargo", "environment", "argument")
    }
    root, given = tmp_path / "repository", tmp_path / "given"
    (root / "docker").mkdir(parents=True)
    given.mkdir()
    (root / "Dockerfile").touch()
    (root / ".gitignore").write_text(".galway\n")
    (root / "Dockerfile.dockerignore").write_text("*\n")
    (root / "docker/images.toml").write_text(TABLE)
    shutil.copy(REPOSITORY / "docker/bases.toml", root / "docker/bases.toml")
    bundle = host.ca_bundle()
    (given / "ca.crt").write_bytes((bundle.read_bytes() if bundle else b"") + b"\n# " + values["ca"] + b"\n")
    (given / "pip.conf").write_bytes(b"[global]\n# " + values["pip"] + b"\n")
    (given / "config.toml").write_bytes(b"# " + values["cargo"] + b"\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(given / "ca.crt"))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(given / "pip.conf"))
    monkeypatch.setenv("CARGO_HOME", str(given))
    for name in ("CANARY", "NPM_TOKEN", "CARGO_REGISTRY_TOKEN"):
        monkeypatch.setenv(name, values["environment"].decode())
    bake = planning.bake

    def with_argument(*arguments: Any, **options: Any) -> dict[str, Any]:
        definition = bake(*arguments, **options)
        for target in definition["target"].values():
            target["args"]["CANARY_TOKEN"] = values["argument"].decode()
        return definition

    monkeypatch.setattr(planning, "bake", with_argument)
    workspace = Workspace(root=root, cache=Workspace.here().cache)
    was_there = engine.find(workspace) is not None
    yield Bird(workspace=workspace, values=values)
    if not was_there:
        engine.stop(workspace, say=say)


def test_secrets_environment_and_arguments_of_a_build_are_nowhere_in_its_layout_and_records(bird: Bird) -> None:
    seen = bird.search(bird.build(HONEST))
    assert (seen.found, seen.unread) == ((), ())
    needles = Needles(bird.values)
    for path in bird.workspace.evidence.rglob("*"):
        if path.is_file():
            needles.look(path.name, [path.read_bytes()])
    assert list(needles.found) == []


def test_each_of_them_is_found_once_it_leaks(bird: Bird) -> None:
    layout = bird.build(LEAKY)
    found = bird.search(layout).found
    places = {
        "ca": "/ca.gz!gzip: ca",
        "pip": "/etc/pip.conf (hidden by layer",
        "cargo": "/etc/c: cargo as base64",
        "argument": "of the layout: argument",
    }
    for name, place in places.items():
        assert any(place in hit for hit in found), (name, found)
    (manifest,) = layout.manifests()
    (image,) = prepare.load_catalog(bird.workspace).images
    shutil.copy(REPOSITORY / "docker/content.toml", bird.workspace.root / "docker/content.toml")
    subject = Subject(
        image=image,
        layout=layout,
        manifest=manifest,
        root=bird.workspace.root,
        scratch=bird.workspace.root,
        engine=None,
        reference="",
        runs="no",
    )
    (check,) = (check for check in content.check(subject) if check.name == "secrets")
    assert check.status == "failed"
    assert "CANARY_TOKEN" in check.detail


@pytest.mark.parametrize("name", ["security-scanner", "ci", "agent-updates-collector"])
def test_nothing_of_the_hosts_own_settings_is_in_the_real_images(built: Built, name: str) -> None:
    values = confidential({key: built.workspace.root / path for key, path in built.request.secrets[name].items()})
    if not values:
        pytest.skip("this host's settings hold nothing of its own: no CA, no mirror")
    layout = Layout(built.workspace.layout(name))
    manifest = next(m for m in layout.manifests() if m.platform == Platform.of_host())
    seen = canaries(layout, manifest, values)
    assert (seen.found, seen.unread) == ((), ())


PUBLIC = ("debian.org", "ubuntu.com", "pypi.org", "crates.io", "pythonhosted.org")
CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----(.*?)-----END", re.DOTALL)


def confidential(files: dict[str, Path]) -> dict[str, bytes]:
    """What a host's settings say of its site alone: certificates that are in no public bundle, hosts, passwords."""
    public = set()
    for bundle in (Path(certifi.where()), *Path("/usr/share/ca-certificates/mozilla").glob("*.crt")):
        public |= certificates(bundle)
    found: dict[str, bytes] = {}
    for key, path in files.items():
        if key == "ca":
            for number, certificate in enumerate(sorted(certificates(path) - public)):
                found[f"the host's own CA {number}"] = certificate[80:200].encode()
            continue
        for address in re.findall(r"https?://[^\s\"']+", path.read_text(errors="replace")):
            parts = urlsplit(address)
            if parts.hostname and not parts.hostname.endswith(PUBLIC) and len(parts.hostname) >= 8:
                found[f"the address in {key}"] = parts.hostname.encode()
            if parts.password and len(parts.password) >= 8:
                found[f"the password in {key}"] = parts.password.encode()
    return found


def certificates(path: Path) -> set[str]:
    """A bundle's certificates, each as one line of base64."""
    return {re.sub(r"\s", "", body) for body in CERTIFICATE.findall(path.read_text(errors="replace"))}
