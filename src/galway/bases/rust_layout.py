"""Puts Debian's Rust where the official image has it, with the standard library of every architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import archive
from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.bases.rootfs import Rootfs

TRIPLES = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")
"""What the compiler can make, with a cross gcc as the linker."""

_PROGRAMS = ("cargo", "rustc", "rustdoc")


def lay(rootfs: Rootfs, others: Sequence[Path]) -> None:
    """Add the other architectures' standard libraries and the official image's folders.

    Parameters
    ----------
    rootfs:
        With Debian's compiler installed.
    others:
        The standard library's packages of the other architectures; same compiler version, or rustc refuses them.
    """
    archive.unpack(others, rootfs.path)
    home = rootfs.path / "usr" / "local" / "cargo"
    (home / "bin").mkdir(parents=True)
    (rootfs.path / "usr" / "local" / "rustup").mkdir()
    for path in (home, home / "bin", rootfs.path / "usr" / "local" / "rustup"):
        path.chmod(0o777)  # as in the official image: any user may build
    for name in _PROGRAMS:
        (home / "bin" / name).symlink_to(f"/usr/bin/{name}")
    for triple in TRIPLES:
        # The shared std of the other architecture comes with its whole compiler, so the link to it leads nowhere;
        # rustc links the static one.
        for path in (rootfs.path / "usr" / "lib" / "rustlib" / triple / "lib").glob("*.so"):
            if not path.exists():
                path.unlink()


def check(rootfs: Rootfs) -> None:
    """Compile a library for every architecture, which needs no linker.

    Raises
    ------
    BuildError
        A standard library is missing or of another compiler.
    """
    source = rootfs.path / "tmp" / "probe.rs"
    source.write_text("pub fn answer() -> Vec<u8> { vec![42] }\n")
    for triple in TRIPLES:
        if not (rootfs.path / "usr" / "lib" / "rustlib" / triple).is_dir():
            raise BuildError(f"the Rust stand-in lacks the standard library of {triple}")
        rootfs.run(["rustc", "--crate-type=lib", f"--target={triple}", "--out-dir=/tmp", "/tmp/probe.rs"])  # noqa: S108
