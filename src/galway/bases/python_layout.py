"""Moves Debian's Python into the official image's layout: `/usr/local`, `site-packages`, and no trace of dpkg."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from galway import archive
from galway.bases.python_patches import EDITS, LIBRARY, NAME, VERSION, thaw, undo
from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.bases.rootfs import Rootfs

__all__ = ["EXPECTED", "VERSION", "check", "compare", "lay"]

# Debian's own additions; the test packages are left out of official slim images as well.
_REMOVED = (
    "EXTERNALLY-MANAGED",
    "sitecustomize.py",
    "_distutils_system_mod.py",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
)


def lay(rootfs: Rootfs, packages: Sequence[Path], aside: Path) -> None:
    """Put the files of Debian's Python packages where the official image has them, and install pip.

    Parameters
    ----------
    rootfs:
        With the libraries that Python is linked with.
    packages:
        The `.deb` files of the interpreter, the library, the headers and the wheels.
    aside:
        A folder to unpack into, removed in the end.
    """
    archive.unpack(packages, aside)
    local = rootfs.path / "usr" / "local"
    library = rootfs.path / LIBRARY
    _move(aside / "usr" / "bin" / NAME, local / "bin" / NAME)
    _move(aside / "usr" / "lib" / NAME, library)
    _move(aside / "usr" / "include" / NAME, local / "include" / NAME)
    # Debian's pyconfig.h only includes the one of the architecture
    [configuration] = (aside / "usr" / "include").glob(f"*/{NAME}/pyconfig.h")
    configuration.replace(local / "include" / NAME / "pyconfig.h")
    _move(aside / "usr" / "share" / "python-wheels", library / "ensurepip" / "_bundled")
    shutil.rmtree(aside)
    for name in _REMOVED:
        _remove(library / name)
    for folder in library.glob("config-*"):
        shutil.rmtree(folder)  # static libraries
    interpreter = local / "bin" / NAME
    interpreter.write_bytes(thaw(interpreter.read_bytes()))
    for edit in EDITS:
        undo(library, edit)
    (library / "site-packages").mkdir()
    for link in ("python3", "python"):
        (local / "bin" / link).symlink_to(NAME)
    wheels = sorted(path.name for path in (library / "ensurepip" / "_bundled").glob("*.whl"))
    _install(rootfs, wheels)


def _install(rootfs: Rootfs, wheels: Sequence[str]) -> None:
    """Install pip, setuptools and wheel with the pip inside its own wheel."""
    folder = f"/{LIBRARY}/ensurepip/_bundled"
    [pip] = [name for name in wheels if name.startswith("pip-")]
    options = ("--no-index", "--no-compile", "--no-cache-dir", "--root-user-action=ignore", "--ignore-installed")
    command = (f"/usr/local/bin/{NAME}", f"{folder}/{pip}/pip", "install", *options, f"--find-links={folder}")
    rootfs.run([*command, "pip", "setuptools", "wheel"])


# Runs in the finished root. A venv with pip and a reinstalled wheel are what builds do there; both are undone.
_PROBE = f"""
import distutils.sysconfig, json, platform, shutil, site, ssl, sqlite3, subprocess, sys, sysconfig, ctypes, lzma, bz2
import readline, curses, uuid, zlib, dbm.ndbm, hashlib, decimal, multiprocessing, zoneinfo, venv
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
quiet = ["--quiet", "--no-index", "--no-compile", "--find-links=/{LIBRARY}/ensurepip/_bundled"]
subprocess.run([*pip, "uninstall", "--yes", "--quiet", "--root-user-action=ignore", "wheel"], check=True)
subprocess.run([*pip, "install", "--root-user-action=ignore", *quiet, "wheel"], check=True)
subprocess.run([*pip, "install", *quiet, "--prefix=/tmp/prefix", "--ignore-installed", "wheel"], check=True)
subprocess.run([sys.executable, "-m", "venv", "/tmp/venv"], check=True)
inside = "import pip, sys; print(pip.__file__, sys.base_prefix)"
print(json.dumps({{
    "version": platform.python_version(),
    "executable": sys.executable,
    "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
    "purelib": sysconfig.get_path("purelib"),
    "platlib": sysconfig.get_path("platlib"),
    "scripts": sysconfig.get_path("scripts"),
    "include": sysconfig.get_path("include"),
    "site": site.getsitepackages()[0],
    "path": [path for path in sys.path if "-packages" in path],
    "distutils": distutils.sysconfig.get_python_lib(),
    "shebang": open("/usr/local/bin/wheel").readline().strip(),
    "prefixed": bool(__import__("glob").glob("/tmp/prefix/lib/{NAME}/site-packages/wheel/__init__.py")),
    "venv": subprocess.run(["/tmp/venv/bin/python", "-c", inside], check=True, capture_output=True, text=True)
        .stdout.split(),
}}))
shutil.rmtree("/tmp/venv"); shutil.rmtree("/tmp/prefix")
"""

EXPECTED: dict[str, object] = {
    "executable": f"/usr/local/bin/{NAME}",
    "prefix": ["/usr/local"] * 3,
    "purelib": f"/{LIBRARY}/site-packages",
    "platlib": f"/{LIBRARY}/site-packages",
    "scripts": "/usr/local/bin",
    "include": f"/usr/local/include/{NAME}",
    "site": f"/{LIBRARY}/site-packages",
    "path": [f"/{LIBRARY}/site-packages"],
    "distutils": f"/{LIBRARY}/site-packages",
    "shebang": f"#!/usr/local/bin/{NAME}",
    "prefixed": True,
    "venv": [f"/tmp/venv/lib/{NAME}/site-packages/pip/__init__.py", "/usr/local"],  # noqa: S108 - in the root
}
"""What the official image answers to the same questions."""


def check(rootfs: Rootfs) -> None:
    """Ask the finished Python where it is and installs, and compare with the official image.

    Raises
    ------
    BuildError
        An answer differs, or a module does not load.
    """
    (rootfs.path / "tmp" / "probe.py").write_text(_PROBE)
    lines = rootfs.run([f"/usr/local/bin/{NAME}", "-W", "ignore", "/tmp/probe.py"]).stdout.splitlines()  # noqa: S108
    answer = json.loads(lines[-1])
    wrong = compare(answer)
    if wrong:
        raise BuildError(
            f"the Python stand-in differs from the official image in {', '.join(wrong)}",
            hint="a patch of Debian's is not undone, see src/galway/bases/python_patches.py",
            detail=json.dumps(answer, indent=1),
        )


def compare(answer: dict[str, object]) -> list[str]:
    """Names of the answers that are not the official image's."""
    return [name for name, value in EXPECTED.items() if answer.get(name) != value]


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
