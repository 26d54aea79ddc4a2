"""The engine is cut after its last loaded byte, and nothing that is loaded is lost."""

from __future__ import annotations

import importlib.util
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def unpacker(program: Path) -> Any:
    spec = importlib.util.spec_from_file_location("unpack_semgrep", program / "build/unpack_semgrep.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def elf(*, loaded: int, after: int) -> bytes:
    """One loaded segment of `loaded` bytes from the file's start, then `after` bytes of tables."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 32, 64)
    struct.pack_into("<Q", header, 40, loaded)
    struct.pack_into("<HHHHH", header, 54, 56, 1, 64, 9, 8)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, loaded, loaded, 4096)
    return (bytes(header) + segment).ljust(loaded, b"L") + b"S" * after


def test_what_follows_the_last_segment_goes(unpacker: Any) -> None:
    cut = unpacker.without_sections(elf(loaded=4096, after=1000))
    assert len(cut) == 4096
    assert cut.endswith(b"L")
    assert struct.unpack_from("<Q", cut, 40) == (0,)
    assert struct.unpack_from("<HHH", cut, 58) == (64, 0, 0)


def test_another_kind_of_file_is_refused(unpacker: Any) -> None:
    with pytest.raises(ValueError, match="ELF"):
        unpacker.without_sections(b"#!/bin/sh\n")


def test_the_wheel_gives_engine_libraries_and_metadata_and_no_python(unpacker: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        inside = "semgrep-1.data/purelib/semgrep"
        wheel.writestr(f"{inside}/bin/semgrep-core", elf(loaded=200, after=10))
        wheel.writestr(f"{inside}/bin/libs/libz.so.1", b"z")
        wheel.writestr(f"{inside}/bin/libs/libm.so.6", b"m")
        wheel.writestr(f"{inside}/cli.py", b"")
        wheel.writestr("semgrep-1.dist-info/METADATA", b"Name: semgrep")
    unpacker.unpack(tmp_path / "w.whl", tmp_path / "out/semgrep")
    files = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["semgrep/libs/libz.so.1", "semgrep/osemgrep", "semgrep/semgrep-1.dist-info/METADATA"]


def test_a_wheel_without_an_engine_is_an_error(unpacker: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        wheel.writestr("semgrep/cli.py", b"")
    with pytest.raises(FileNotFoundError):
        unpacker.unpack(tmp_path / "w.whl", tmp_path / "out")
