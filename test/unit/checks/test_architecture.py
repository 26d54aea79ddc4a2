"""Programs are of their manifest's platform, and platforms hold the same packages; each breach is named."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import layouts
import pytest
from elftools.common.exceptions import ELFError

from galway import catalog
from galway.checks import Check, Subject, architecture
from galway.reference import Platform

if TYPE_CHECKING:
    from galway.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
X86_64, AARCH64, I386, PPC64 = 62, 183, 3, 21


def elf(machine: int, *, bits: int = 64, little: bool = True, kind: int = 3) -> bytes:
    """The header of an ELF file (System V gABI) with something behind it."""
    order = "<" if little else ">"
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if little else 2, 1]) + bytes(9)
    word = "Q" if bits == 64 else "I"
    rest = struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", kind, machine, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)
    return ident + rest + b"code" * 100


def subject(layout: Layout) -> Subject:
    (manifest,) = layout.manifests()
    return Subject(
        image=catalog.load(ROOT).select(["ci"])[0],
        layout=layout,
        manifest=manifest,
        root=ROOT,
        scratch=layout.folder,
        engine=None,
        reference="",
        runs="no",
    )


def check(folder: Path, *layers: dict[str, layouts.Node | bytes], architecture_: str = "amd64") -> dict[str, Check]:
    made = layouts.build(folder, *layers, architecture=architecture_)
    return {found.name: found for found in architecture.check(subject(made))}


@pytest.mark.parametrize(("name", "machine"), [("amd64", X86_64), ("arm64", AARCH64)])
def test_programs_of_the_manifests_platform_pass_and_are_counted(tmp_path: Path, name: str, machine: int) -> None:
    files = {"bin/tool": elf(machine), "lib/x.so": elf(machine), "app/run.sh": b"#!/bin/sh\n"}
    found = check(tmp_path, files, architecture_=name)
    assert found["programs"].status == "passed"
    assert found["programs"].detail.startswith("2 ELF files")


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        (elf(AARCH64), "AARCH64 64-bit little-endian"),
        (elf(I386, bits=32), "386 32-bit little-endian"),
        (elf(X86_64, bits=32), "X86_64 32-bit little-endian"),
        (elf(PPC64, little=False), "PPC64 64-bit big-endian"),
        (elf(AARCH64, kind=1), "AARCH64"),
    ],
    ids=["other machine", "32 bits", "x32", "other byte order", "object file"],
)
def test_one_foreign_file_among_many_fails_and_is_named(tmp_path: Path, foreign: bytes, said: str) -> None:
    files = {f"bin/tool{number}": elf(X86_64) for number in range(20)}
    found = check(tmp_path, {**files, "opt/x/odd": foreign})["programs"]
    assert found.status == "failed"
    assert f"/opt/x/odd is for {said}" in found.detail
    assert "tool" not in found.detail


def test_a_foreign_program_that_a_later_layer_hides_is_still_named(tmp_path: Path) -> None:
    found = check(tmp_path, {"bin/tool": elf(AARCH64)}, {"bin/tool": elf(X86_64)})["programs"]
    assert found.status == "failed"
    assert "/bin/tool" in found.detail


def test_many_foreign_files_are_counted_not_listed(tmp_path: Path) -> None:
    found = check(tmp_path, {f"bin/t{number}": elf(AARCH64) for number in range(9)})["programs"]
    assert "and 4 more" in found.detail


def test_what_begins_as_an_elf_file_and_is_none_proves_nothing(tmp_path: Path) -> None:
    found = check(tmp_path, {"bin/good": elf(X86_64), "bin/cut": elf(X86_64)[:20]})["programs"]
    assert found.status == "failed"
    assert "/bin/cut is a broken ELF file" in found.detail


@pytest.mark.parametrize("start", [b"\x7fELF", b"\x7fELF\x09\x01\x01" + bytes(60), b"\x7fELF\x02\x09\x01" + bytes(60)])
def test_a_header_that_cannot_be_judged_is_an_error(start: bytes) -> None:
    with pytest.raises(ELFError):
        architecture.machine(start)


def test_other_formats_are_not_looked_at() -> None:
    for start in (b"", b"\x7fEL", b"MZ\x90", b"!<arch>\n", b"\xcf\xfa\xed\xfe"):
        assert architecture.machine(start) is None


def test_an_image_without_programs_is_not_evaluated(tmp_path: Path) -> None:
    assert check(tmp_path, {"etc/x": b"text"})["programs"].status == "not_evaluated"


def sbom(folder: Path, name: str, *packages: tuple[str, str, str]) -> Path:
    components = [
        {"type": "library", "name": n, "version": v, "purl": f"pkg:{kind}/{n}@{v}"} for kind, n, v in packages
    ]
    path = folder / name
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "components": components}))
    return path


def drift(folder: Path, one: Path, two: Path, differs: str = "") -> dict[str, Check]:
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker" / "sbom.toml").write_text(f"[expects.ci]\ndpkg = ['bash']\n{differs}")
    image = catalog.load(ROOT).select(["ci"])[0]
    found = architecture.drift(image, {AMD64: one, ARM64: two}, root=folder)
    return {check.name: check for check in found}


SAME = (("deb", "debian/bash", "5.2-1"), ("pypi", "nox", "2026.10"), ("cargo", "http", "1.0"))


def test_the_same_versions_pass_one_check_for_each_kind(tmp_path: Path) -> None:
    found = drift(tmp_path, sbom(tmp_path, "a", *SAME), sbom(tmp_path, "b", *SAME))
    assert list(found) == ["drift cargo", "drift dpkg", "drift python"]
    assert {check.status for check in found.values()} == {"passed"}


@pytest.mark.parametrize(
    ("other", "name", "said"),
    [
        ((*SAME[:2], ("cargo", "http", "1.1")), "drift cargo", "http 1.0 on linux/amd64, 1.1 on linux/arm64"),
        ((*SAME[1:],), "drift dpkg", "bash 5.2-1 only on linux/amd64"),
        ((*SAME, ("pypi", "extra", "3")), "drift python", "extra 3 only on linux/arm64"),
    ],
    ids=["version", "missing", "added"],
)
def test_drift_names_package_versions_and_platforms(
    tmp_path: Path, other: tuple[tuple[str, str, str], ...], name: str, said: str
) -> None:
    found = drift(tmp_path, sbom(tmp_path, "a", *SAME), sbom(tmp_path, "b", *other))
    assert [check.name for check in found.values() if check.status == "failed"] == [name]
    assert said in found[name].detail


def test_a_rebuild_of_the_same_source_is_no_drift(tmp_path: Path) -> None:
    one, two = (("deb", "bash", "5.2-1+b2"),), (("deb", "bash", "5.2-1+b13"),)
    assert drift(tmp_path, sbom(tmp_path, "a", *one), sbom(tmp_path, "b", *two))["drift dpkg"].status == "passed"


def test_an_excused_package_passes_with_its_reason_shown_and_excuses_no_other(tmp_path: Path) -> None:
    excuse = "[[differs]]\nimage = 'ci'\nkind = 'dpkg'\nname = 'libx'\nreason = 'amd64 only'\n"
    one = sbom(tmp_path, "a", *SAME, ("deb", "libx", "1"))
    found = drift(tmp_path, one, sbom(tmp_path, "b", *SAME), excuse)["drift dpkg"]
    assert found.status == "passed"
    assert "libx (amd64 only)" in found.detail
    one = sbom(tmp_path, "a", *SAME, ("deb", "libx", "1"), ("pypi", "libx", "1"))
    found = drift(tmp_path, one, sbom(tmp_path, "b", *SAME), excuse)["drift python"]
    assert found.status == "failed"


def test_one_platform_alone_is_not_evaluated(tmp_path: Path) -> None:
    image = catalog.load(ROOT).select(["ci"])[0]
    (found,) = architecture.drift(image, {AMD64: sbom(tmp_path, "a", *SAME)})
    assert found.status == "not_evaluated"
    assert "--platform all" in found.hint


@pytest.mark.parametrize("content", [None, "{", '{"bomFormat": "CycloneDX"}'])
def test_an_sbom_that_is_missing_broken_or_empty_is_not_evaluated(tmp_path: Path, content: str | None) -> None:
    broken = tmp_path / "broken.json"
    if content is not None:
        broken.write_text(content)
    (found,) = drift(tmp_path, broken, broken).values()
    assert found.status == "not_evaluated"
