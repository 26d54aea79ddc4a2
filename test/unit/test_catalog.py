"""The catalog: the real one loads, and every way of breaking it is one clear error."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from galway import catalog
from galway.catalog import Catalog
from galway.errors import ConfigurationError, NothingSelectedError

ROOT = Path(__file__).parents[2]
Break = Callable[[str, str], ConfigurationError]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that the catalog speaks of, without the rest of the repository."""
    table = catalog.load(ROOT)
    for image in table.images:
        profile = () if image.run.seccomp == "default" else (image.run.seccomp,)
        for name in (image.dockerfile, image.structure_test, *profile):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / catalog.FILE, tmp_path / catalog.FILE)
    return tmp_path


@pytest.fixture
def error(checkout: Path) -> Break:
    """The error that a replacement in the table gives."""

    def replace(old: str, new: str) -> ConfigurationError:
        path = checkout / catalog.FILE
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(ConfigurationError) as caught:
            catalog.load(checkout)
        assert catalog.FILE in caught.value.message
        return caught.value

    return replace


@pytest.fixture(scope="module")
def real() -> Catalog:
    return catalog.load(ROOT)


def test_the_real_catalog_has_the_specifications_images(real: Catalog) -> None:
    names = {image.name: str(image.reference) for image in real.images}
    specified = {
        "security-scanner": "ghcr.io/jpoley/jp-spec-kit-security:0.0.250",
        "ci": "ghcr.io/jpoley/jp-spec-kit-ci:0.1.0",
        "agent-updates-collector": "ghcr.io/jpoley/agent-updates-collector:0.1.0",
    }
    assert {name: names.get(name) for name in specified} == specified


def test_every_base_is_pinned_by_digest(real: Catalog) -> None:
    bases = [base for image in real.images for base in image.bases]
    assert {name for name, _ in bases} == {"PYTHON_BASE", "UBUNTU_BASE", "RUST_BASE", "RUNTIME_BASE"}
    assert all("@sha256:" in reference for _, reference in bases)


def test_registry_and_version_are_configuration() -> None:
    table = catalog.load(ROOT, registry="localhost:5000", version="9.9.9")
    assert str(table.images[0].reference).startswith("localhost:5000/")
    assert {image.version for image in table.images} == {"9.9.9"}


def test_an_unknown_key_names_the_nearest(error: Break) -> None:
    caught = error("size_budget_mb", "size_budget")
    assert "images.security-scanner" in caught.message
    assert "'size_budget_mb'" in caught.hint


def test_an_unknown_run_key_names_the_nearest(error: Break) -> None:
    caught = error("read_only", "readonly")
    assert "run" in caught.message
    assert "'read_only'" in caught.hint


def test_an_unknown_top_level_key_names_the_nearest(error: Break) -> None:
    assert "'registry'" in error("registry =", "registri =").hint


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('dockerfile = "docker/Dockerfile.ci"', 'dockerfile = "docker/Dockerfile.cii"', "no such file"),
        ('context = "src/agent-updates-collector"', 'context = "src/collector"', "no such folder"),
        ('"jp-spec-kit-ci"', '"jp-spec-kit-security"', "already"),
        ('["amd64", "arm64"]', '["amd64", "riscv"]', "unknown platform"),
        ('["amd64", "arm64"]', '["amd64", "amd64"]', "once"),
        ("size_budget_mb = 100", "size_budget_mb = 0", "above 0"),
        ("size_budget_mb = 100", 'size_budget_mb = "100"', "Expected `float`"),
        ('user = "1000:1000"', 'user = "root"', "numeric"),
        ('memory = "512m"', 'memory = "half"', "not a size"),
        ("ports = [8080", "ports = [80", "above 1024"),
        ('visibility = "public"', 'visibility = "secret"', "secret"),
        ('version = "0.0.250"', 'version = "0 0"', "tag"),
        ('visibility = "public"', 'visibility = "public"\nneeds = ["cli"]', "unknown image 'cli'"),
        ('visibility = "public"', 'visibility = "public"\nneeds = ["security-scanner"]', "circle"),
        ("registry =", "registry", "TOML"),
    ],
)
def test_a_broken_table_says_what_is_wrong(error: Break, old: str, new: str, words: str) -> None:
    caught = error(old, new)
    assert words in caught.message
    assert "\n" not in caught.message


def test_a_name_that_is_no_image_name_is_refused(checkout: Path) -> None:
    path = checkout / catalog.FILE
    path.write_text(path.read_text().replace("[images.ci", "[images.CI"))
    with pytest.raises(ConfigurationError, match=r"images\.CI: not a valid name"):
        catalog.load(checkout)


def test_a_missing_file_names_the_nearest(error: Break) -> None:
    assert "Dockerfile.ci?" in error('"docker/Dockerfile.ci"', '"docker/Dockerfile.cii"').hint


def test_an_unknown_image_names_the_nearest(real: Catalog) -> None:
    with pytest.raises(ConfigurationError) as caught:
        real.select(["scanner-security"])
    assert "security-scanner" in caught.value.hint


def test_what_an_image_needs_is_selected_with_it_and_before_it(checkout: Path) -> None:
    path = checkout / catalog.FILE
    text = path.read_text().replace('visibility = "public"', 'visibility = "public"\nneeds = ["ci"]', 1)
    path.write_text(text)
    selected = catalog.load(checkout).select(["security-scanner"])
    assert [image.name for image in selected] == ["ci", "security-scanner"]


def test_an_empty_catalog_selects_nothing(checkout: Path) -> None:
    path = checkout / catalog.FILE
    path.write_text(path.read_text().partition("[images")[0] + "[images]\n")
    with pytest.raises(NothingSelectedError):
        catalog.load(checkout).select()


def test_several_images_in_one_word_are_told_apart() -> None:
    with pytest.raises(ConfigurationError) as caught:
        catalog.load(ROOT).select(["ci,security-scanner"])
    assert caught.value.hint == "one image for each option: -i ci -i security-scanner"
