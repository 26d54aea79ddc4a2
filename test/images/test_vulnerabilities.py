"""The vulnerability gate with a small genuine database: real advisories, real Trivy, images of chosen packages."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import layouts
import pytest
import trivy_db

from galway import catalog, evidence, local_registry, toolbox
from galway.reference import Digest, Platform
from galway.registry import Client, Repository, Upload
from galway.stages import scan
from galway.vulnerabilities import database, policy
from galway.vulnerabilities.waivers import Waiver
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from galway.evidence import Record
    from galway.toolbox import Tool
    from galway.vulnerabilities.database import Database

NOW = datetime.datetime.now(datetime.UTC)
POLICY = policy.load(REPOSITORY)
ARM64 = Platform.parse("arm64")
KEY = b"-----BEGIN RSA PRIVATE KEY-----\n" + b"MIIEowIBAAKCAQEA" * 20 + b"\n-----END RSA PRIVATE KEY-----\n"


def silent(_line: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """A checkout of its own with one image of chosen packages, and Trivy."""

    workspace: Workspace
    tool: Tool

    def image(self, *packages: tuple[str, str, str], extra: dict[str, bytes] | None = None) -> None:
        """Write the `ci` image for amd64 with Debian 12 packages: name, source, version."""
        layouts.build(self.workspace.layout("ci"), {**files(*packages), **(extra or {})})

    def image_of_two_platforms(self, amd64: tuple[str, str, str], arm64: tuple[str, str, str]) -> None:
        """The same with other packages on each platform."""
        folder = self.workspace.layout("ci")
        chosen = {"amd64": amd64, "arm64": arm64}
        manifests = [
            layouts.put_manifest(folder, [layouts.tar(files(package))], architecture=architecture)
            for architecture, package in chosen.items()
        ]
        layouts.put_index(folder, manifests)

    def database(self, source: str, *others: str) -> tuple[Database | None, str]:
        """Get one from the first of the places that gives one."""
        return database.obtain(self.workspace, self.tool, (source, *others), POLICY, say=silent)

    def scan(
        self,
        asked: tuple[Database | None, str],
        *waivers: Waiver,
        now: datetime.datetime = NOW,
        platforms: tuple[Platform, ...] = (Platform.parse("amd64"),),
    ) -> list[Record]:
        """Scan and decide."""
        images = catalog.load(REPOSITORY).select(["ci"])
        targets = scan.select(self.workspace, images, platforms)
        rules = scan.Rules(policy=POLICY, waivers=waivers, now=now)
        return scan.run(self.workspace, self.tool, targets, rules, asked=asked)


def files(*packages: tuple[str, str, str]) -> dict[str, bytes]:
    """What a package scanner reads of a Debian 12 with some packages."""
    stanzas = [
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: {version}\n"
        for name, source, version in (("base-files", "base-files", "12.4"), *packages)
    ]
    return {
        "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "etc/debian_version": b"12.0\n",
        "var/lib/dpkg/status": "\n".join(stanzas).encode(),
    }


@pytest.fixture
def scanner(tmp_path: Path) -> Scanner:
    pinned = Workspace.here()
    tool = toolbox.ensure(pinned, "trivy")
    return Scanner(workspace=Workspace(root=tmp_path / "checkout", cache=tmp_path / "cache"), tool=tool)


@pytest.fixture
def known(tmp_path: Path) -> str:
    """The small database, made now."""
    return str(trivy_db.write(tmp_path / "db", NOW))


def waiver(days: int = 30) -> Waiver:
    expires = NOW.date() + datetime.timedelta(days=days)
    return Waiver(
        id="CVE-2024-45491", image="ci", package="libexpat1", owner="@platform", reason="no XML here", expires=expires
    )


OLD = ("libexpat1", "expat", "2.5.0-1")
MENDED = ("libexpat1", "expat", "2.5.0-1+deb12u1")


def test_a_vulnerable_package_fails_and_is_named_with_its_fix(scanner: Scanner, known: str) -> None:
    scanner.image(OLD)
    (record,) = scanner.scan(scanner.database(known))
    assert record.status == "failed"
    assert "1 CRITICAL vulnerabilities, at most 0 allowed (CVE-2024-45491)" in record.reason
    (finding,) = record.measures["findings"]
    assert (finding["package"], finding["fixed"]) == ("libexpat1", "2.5.0-1+deb12u1")
    error = scan.verdict([record])
    assert error is not None
    assert error.exit_code == 7


def test_a_fixed_package_passes(scanner: Scanner, known: str) -> None:
    scanner.image(MENDED)
    (record,) = scanner.scan(scanner.database(known))
    assert (record.status, record.reason) == ("passed", "")
    assert record.measures["system"] == "debian 12.0"


def test_a_waived_package_passes_with_its_waiver_named(scanner: Scanner, known: str) -> None:
    scanner.image(OLD)
    (record,) = scanner.scan(scanner.database(known), waiver())
    assert record.status == "passed"
    (accepted,) = record.measures["waived"]
    assert "@platform" in accepted["waiver"]


@pytest.mark.parametrize(("days", "status"), [(2, "passed"), (730, "failed")])
def test_a_waiver_is_seen_two_days_and_two_years_later(scanner: Scanner, known: str, days: int, status: str) -> None:
    scanner.image(OLD)
    later = NOW + datetime.timedelta(days=days)
    (record,) = scanner.scan(scanner.database(known), waiver(), now=later)
    assert record.status == status
    assert ("has expired" in record.reason) == (status == "failed")


@pytest.mark.parametrize(("days", "status"), [(2, "passed"), (730, "not_evaluated")])
def test_a_database_is_seen_two_days_and_two_years_later(scanner: Scanner, known: str, days: int, status: str) -> None:
    scanner.image(MENDED)
    (record,) = scanner.scan(scanner.database(known), now=NOW + datetime.timedelta(days=days))
    assert record.status == status
    assert status == "passed" or "days old" in record.reason


def test_no_database_is_no_verdict(scanner: Scanner, tmp_path: Path) -> None:
    scanner.image(OLD)
    (record,) = scanner.scan(scanner.database("127.0.0.1:9/trivy-db:2"))
    assert record.status == "not_evaluated"
    error = scan.verdict([record])
    assert error is not None
    assert error.exit_code == 10


def test_a_database_that_knows_nothing_is_no_verdict(scanner: Scanner, tmp_path: Path) -> None:
    scanner.image(OLD)
    empty = trivy_db.write(tmp_path / "empty", NOW, known=[])
    (record,) = scanner.scan(scanner.database(str(empty)))
    assert record.status == "not_evaluated"
    assert "does not know CVE-2023-4863" in record.reason


def test_a_secret_fails_even_without_a_database(scanner: Scanner) -> None:
    scanner.image(extra={"root/id_rsa": KEY})
    (record,) = scanner.scan(scanner.database("127.0.0.1:9/trivy-db:2"))
    assert record.status == "failed"
    assert "secret private-key in" in record.reason


def test_each_platform_is_scanned_for_what_it_holds(scanner: Scanner, known: str) -> None:
    scanner.image_of_two_platforms(MENDED, OLD)
    amd64, arm64 = scanner.scan(scanner.database(known), platforms=(Platform.parse("amd64"), ARM64))
    assert (amd64.status, arm64.status) == ("passed", "failed")


def test_an_edited_report_convinces_nobody(scanner: Scanner, known: str) -> None:
    scanner.image(OLD)
    (record,) = scanner.scan(scanner.database(known))
    path = scanner.workspace.evidence / "ci" / "linux-amd64" / scan.REPORT
    path.write_bytes(path.read_bytes().replace(b"CRITICAL", b"LOW"))
    rules = scan.Rules(policy=POLICY, waivers=(), now=NOW)
    (again,) = scan.decide(scanner.workspace, [record], rules)
    assert again.status == "not_evaluated"


def test_an_edited_record_is_judged_by_its_reports(scanner: Scanner, known: str) -> None:
    scanner.image(OLD)
    (record,) = scanner.scan(scanner.database(known))
    path = scanner.workspace.evidence / "ci" / "linux-amd64" / "scan.json"
    path.write_text(path.read_text().replace('"failed"', '"passed"'))
    edited = evidence.read(scanner.workspace.evidence, "ci", "linux-amd64", "scan")
    assert edited is not None
    assert edited.status == "passed"
    (again,) = scan.decide(scanner.workspace, [edited], scan.Rules(policy=POLICY, waivers=(), now=NOW))
    assert again.status == "failed"
    assert again.reason == record.reason


def test_the_same_again_is_decided_without_a_second_scan(scanner: Scanner, known: str) -> None:
    scanner.image(MENDED)
    asked = scanner.database(known)
    (first,) = scanner.scan(asked)
    (second,) = scanner.scan(asked)
    assert second.started == first.started


def test_a_database_comes_from_a_registry_after_one_that_does_not_answer(
    scanner: Scanner, known: str, tmp_path: Path
) -> None:
    scanner.image(OLD)
    with local_registry.running(Workspace.here(), tmp_path / "registry") as registry:
        push_database(registry.name, Path(known))
        asked = scanner.database("127.0.0.1:9/trivy-db:2", f"{registry.name}/trivy-db:2")
        assert asked[0] is not None
        assert asked[0].source == f"{registry.name}/trivy-db:2"
        (record,) = scanner.scan(asked)
    assert record.status == "failed"


def push_database(registry: str, folder: Path) -> None:
    """Store a database as Trivy's own are: one gzip archive under its media type."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("trivy.db", "metadata.json"):
            tar.add(folder / name, arcname=name)
    repository = Repository(client=Client(registry), name="trivy-db", push=True)
    blobs = {}
    for name, content in (("config", b"{}"), ("layer", buffer.getvalue())):
        digest = layouts.put(folder, content)
        path = folder / "blobs" / "sha256" / digest.partition(":")[2]
        Upload(repository=repository, digest=Digest.parse(digest), path=path).run()
        blobs[name] = {"digest": digest, "size": len(content)}
    kind = "application/vnd.aquasec.trivy"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": f"{kind}.config.v1+json", **blobs["config"]},
        "layers": [
            {
                "mediaType": f"{kind}.db.layer.v1.tar+gzip",
                **blobs["layer"],
                "annotations": {"org.opencontainers.image.title": "db.tar.gz"},
            }
        ],
    }
    repository.put("2", json.dumps(manifest).encode(), manifest["mediaType"])
