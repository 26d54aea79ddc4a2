"""A bundle that was packed here is loaded there, by real signatures and registries; one that was touched is not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from bundles import NAME, REVISION, Sender, build, changed, checkout, is_empty, load

from galway import attachment, engine, evidence, local_registry, prepare, process, signing, toolbox
from galway.airgap import packing, seal
from galway.bundling import contents, tape
from galway.errors import PublishError, VerifyError
from galway.layout import Layout
from galway.provenance import PREDICATE_TYPE
from galway.reference import Digest
from galway.registry import Client, Repository
from galway.stages import verify
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from galway.local_registry import LocalRegistry

PASSPHRASE = "a passphrase of this test"


@pytest.fixture(scope="module")
def sender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    """A small image, packed once."""
    folder = tmp_path_factory.mktemp("sender")
    workspace = checkout(folder / "checkout")
    tool = toolbox.ensure(workspace, "cosign")
    key = signing.generate(tool, folder / "k.key", folder / "k.pub", {"COSIGN_PASSWORD": PASSPHRASE})
    database = folder / "database"
    database.mkdir()
    for name in packing.DATABASE:
        (database / name).write_bytes(b"a database")
    build(workspace, "hello")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSIGN_PASSWORD", PASSPHRASE)
        patch.setattr(packing.judges, "judges", lambda *_: {})  # no reports of real tools lie behind these records
        one = Sender(workspace=workspace, key=key, bundle=folder / "bundle.tar")
        one.pack(one.bundle, database=database)
        yield one


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[LocalRegistry]:
    """The site's registry."""
    with local_registry.running(Workspace.here(), tmp_path / "registry") as made:
        yield made


@pytest.fixture
def site(tmp_path: Path) -> Workspace:
    """The site's checkout."""
    return checkout(tmp_path / "site")


def test_a_bundle_is_loaded_into_a_registry_and_verified_there_by_the_ordinary_command(
    sender: Sender, site: Workspace, registry: LocalRegistry
) -> None:
    where = f"{registry.name}/site"
    (loaded,) = load(site, sender.bundle, registry=where, key=sender.key.public)
    assert loaded.digest == str(Layout(sender.workspace.layout(NAME)).digest)
    assert loaded.proofs == 3 + 2 * 4
    table = prepare.load_catalog(site, environment={"REGISTRY": where})
    (image,) = (one for one in table.images if one.name == NAME)
    cosign = signing.Cosign(tool=toolbox.ensure(site, "cosign"), trust=replace(sender.key, private=""))
    published = verify.published(
        table, image, image.reference, platforms=image.platforms, client=Client(registry.name), cosign=cosign
    )
    assert str(published.reference.digest) == loaded.digest
    assert verify.run(site, published).status == "passed"
    kept = site.state / "bundle" / "loaded"
    assert (kept / "database" / "trivy.db").read_bytes() == b"a database"
    assert evidence.read(kept / "evidence", NAME, evidence.INDEX, "sign") is not None
    assert len(list((kept / "sbom").rglob("*.json"))) == 2 * 2
    assert [path.name for path in (site.state / "bundle").iterdir()] == ["loaded"]


def test_loading_twice_changes_nothing(sender: Sender, site: Workspace, registry: LocalRegistry) -> None:
    load(site, sender.bundle, registry=registry.name, key=sender.key.public)
    (repository,) = registry.storage.glob("**/_manifests")
    before = {path: path.read_bytes() for path in repository.rglob("link")}
    load(site, sender.bundle, registry=registry.name, key=sender.key.public)
    assert {path: path.read_bytes() for path in repository.rglob("link")} == before


def test_a_second_signature_joins_the_first(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path
) -> None:
    tool = toolbox.ensure(site, "cosign")
    other = signing.generate(tool, tmp_path / "o.key", tmp_path / "o.pub", {"COSIGN_PASSWORD": PASSPHRASE})
    again = sender.pack(tmp_path / "again.tar", other)
    load(site, sender.bundle, registry=registry.name, key=sender.key.public)
    load(site, again, registry=registry.name, key=other.public)
    load(site, sender.bundle, registry=registry.name, key=sender.key.public)


def test_another_key_loads_nothing(sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path) -> None:
    tool = toolbox.ensure(site, "cosign")
    other = signing.generate(tool, tmp_path / "o.key", tmp_path / "o.pub", {"COSIGN_PASSWORD": PASSPHRASE})
    with pytest.raises(VerifyError, match="it was signed with the key") as caught:
        load(site, sender.bundle, registry=registry.name, key=other.public)
    assert "nothing was loaded" in caught.value.hint
    assert is_empty(registry)
    assert not list((site.state / "bundle").iterdir())


def test_whoever_signs_anew_and_swaps_the_key_is_found_out_by_the_operators_key_alone(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path
) -> None:
    tool = toolbox.ensure(site, "cosign")
    thief = signing.generate(tool, tmp_path / "t.key", tmp_path / "t.pub", {"COSIGN_PASSWORD": PASSPHRASE})
    forged = sender.pack(tmp_path / "forged.tar", thief)
    with pytest.raises(VerifyError, match="signature"):
        load(site, forged, registry=registry.name, key=sender.key.public)
    assert is_empty(registry)
    load(site, forged, registry=registry.name, trust_bundled=True)  # which is why it has to be asked for


def test_a_swapped_image_is_refused(sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path) -> None:
    def swap(folder: Path) -> None:
        thief = checkout(tmp_path / "thief")
        build(thief, "malware")
        layout = Layout(thief.layout(NAME))
        shutil.rmtree(folder / "oci" / NAME)
        shutil.copytree(layout.folder, folder / "oci" / NAME)
        document = json.loads((folder / contents.FILE).read_bytes())
        document["images"][0]["digest"] = str(layout.digest)
        (folder / contents.FILE).write_text(json.dumps(document))

    with pytest.raises(VerifyError, match="index signature"):
        load(site, changed(sender.bundle, tmp_path, swap), registry=registry.name, key=sender.key.public)
    assert is_empty(registry)


def test_a_changed_layer_is_refused(sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path) -> None:
    def tamper(folder: Path) -> None:
        layout = Layout(folder / "oci" / NAME)
        blob = layout.blob(layout.manifests()[0].layers[0].digest)
        blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    with pytest.raises(VerifyError, match="damaged"):
        load(site, changed(sender.bundle, tmp_path, tamper), registry=registry.name, key=sender.key.public)
    assert is_empty(registry)


def what_it_is(index: Path, entry: dict[str, Any]) -> str:
    """`sig`, `att` or `sbom`: Cosign 2 says it in a tag's ending, Cosign 3 in the manifest that its bundle hangs on."""
    if tag := entry.get("annotations", {}).get("org.opencontainers.image.ref.name"):
        return str(tag).rpartition(".")[2]
    document = Layout(index.parent).document(Digest.parse(entry["digest"]))
    if document["artifactType"] in attachment.SBOM_TYPES.values():
        return "sbom"
    return "att" if document["annotations"]["dev.sigstore.bundle.predicateType"] == PREDICATE_TYPE else "sig"


@pytest.mark.parametrize("kind", ["all", "sbom", "att", "sig"])
def test_an_image_without_one_of_its_proofs_is_refused(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path, kind: str
) -> None:
    def strip(folder: Path) -> None:
        path = folder / "attached" / NAME / "index.json"
        index = json.loads(path.read_bytes())

        index["manifests"] = [entry for entry in index["manifests"] if kind not in ("all", what_it_is(path, entry))]
        path.write_text(json.dumps(index))

    with pytest.raises(VerifyError):
        load(site, changed(sender.bundle, tmp_path, strip), registry=registry.name, key=sender.key.public)
    assert is_empty(registry)


def edit_record(folder: Path) -> None:
    path = folder / "evidence" / NAME / "linux-amd64" / "scan.json"
    path.write_bytes(path.read_bytes().replace(b"passed", b"failed"))


def clean_database(folder: Path) -> None:
    (folder / "database" / "trivy.db").write_bytes(b"a database that knows nothing")


def add_record(folder: Path) -> None:
    path = folder / "evidence" / NAME / "linux-amd64" / "scan.json"
    path.with_name("more.json").write_bytes(path.read_bytes())


def remove_record(folder: Path) -> None:
    (folder / "evidence" / NAME / "linux-amd64" / "scan.json").unlink()


def claim_more(folder: Path) -> None:
    path = folder / contents.FILE
    document = json.loads(path.read_bytes())
    document["images"][0]["version"] = "99.0.0"
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("change", [edit_record, clean_database, add_record, remove_record, claim_more])
def test_what_no_image_covers_is_sealed(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    with pytest.raises(VerifyError, match="is not what was sealed"):
        load(site, changed(sender.bundle, tmp_path, change), registry=registry.name, key=sender.key.public)
    assert is_empty(registry)
    assert not list((site.state / "bundle").iterdir())


def test_hashes_that_were_written_anew_are_signed_by_nobody(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path
) -> None:
    def reseal(folder: Path) -> None:
        clean_database(folder)
        paths = [path for path in folder.rglob("*") if path.is_file()]
        names = [tape.Member(name=path.relative_to(folder).as_posix(), path=path) for path in paths]
        (folder / seal.FOLDER / seal.SUMS).write_bytes(seal.sums(names))

    with pytest.raises(VerifyError, match="the seal of the bundle's records does not hold"):
        load(site, changed(sender.bundle, tmp_path, reseal), registry=registry.name, key=sender.key.public)
    assert is_empty(registry)


def test_a_version_that_is_another_image_there_stays_what_it_is(
    sender: Sender, site: Workspace, registry: LocalRegistry, tmp_path: Path
) -> None:
    load(site, sender.bundle, registry=registry.name, key=sender.key.public)
    (loaded,) = load(site, sender.bundle, registry=registry.name, key=sender.key.public)
    other = Sender(workspace=checkout(tmp_path / "other"), key=sender.key, bundle=tmp_path / "other.tar")
    build(other.workspace, "another build of the same version")
    other.pack(other.bundle)
    with pytest.raises(PublishError, match="is another image there"):
        load(site, other.bundle, registry=registry.name, key=sender.key.public)
    (folder,) = registry.storage.glob("**/_manifests")
    repository = Repository(
        client=Client(registry.name),
        name=str(folder.parent.relative_to(registry.storage / "docker/registry/v2/repositories")),
    )
    version = loaded.reference.rpartition(":")[2]
    assert str(repository.digest(version)) == loaded.digest
    assert repository.digest(str(Layout(other.workspace.layout(NAME)).digest)) is None


def test_a_stand_in_is_loaded_into_no_registry_beyond_this_machine_unless_it_is_asked_for(
    sender: Sender, site: Workspace, tmp_path: Path
) -> None:
    other = Sender(workspace=checkout(tmp_path / "other"), key=sender.key, bundle=tmp_path / "other.tar")
    build(other.workspace, "on a stand-in", **{"dev.galway.stand-in.of": "ubuntu:22.04"})
    other.pack(other.bundle)
    with pytest.raises(PublishError, match=r"stand-in of ubuntu:22\.04"):
        load(site, other.bundle, registry="registry.invalid/site", key=sender.key.public)


def test_a_gate_that_refuses_stops_the_bundle(sender: Sender, tmp_path: Path) -> None:
    other = Sender(workspace=checkout(tmp_path / "other"), key=sender.key, bundle=tmp_path / "other.tar")
    build(other.workspace, "untested")
    (record,) = other.workspace.evidence.glob(f"{NAME}/linux-amd64/test.json")
    record.unlink()
    with pytest.raises(PublishError, match="may not be published: test on linux/amd64 has no record"):
        other.pack(other.bundle)
    assert not other.bundle.exists()
    assert not list((other.workspace.state / "bundle").iterdir())


def test_packing_leaves_the_checkouts_own_records_alone(sender: Sender) -> None:
    for stage in ("publish", "sign", "verify"):
        assert evidence.read(sender.workspace.evidence, NAME, evidence.INDEX, stage) is None


def test_no_passphrase_and_no_private_key_is_in_a_bundle(sender: Sender) -> None:
    content = sender.bundle.read_bytes()
    assert PASSPHRASE.encode() not in content
    assert b"PRIVATE KEY" not in content


def test_without_a_registry_the_hosts_platform_goes_into_the_engine(
    sender: Sender, site: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY", "bundle.invalid/test")
    here = Workspace.here()
    answering = engine.ensure(here)
    (loaded,) = load(site, sender.bundle, key=sender.key.public, engine=lambda: answering)
    try:
        inspect = (answering.docker, "image", "inspect", "--format", "{{index .Config.Labels}}", loaded.reference)
        assert REVISION in process.run(inspect, env=answering.env).stdout
    finally:
        process.run((answering.docker, "image", "rm", loaded.reference), env=answering.env, ok=None)
