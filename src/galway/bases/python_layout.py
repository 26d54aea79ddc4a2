"""Moves Debian's Python into the official image's layout: `/usr/local`, `site-packages`, and no trace of dpkg."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from galway import archive
from galway.bases.python_patches import PYTHONS, undo
from galway.errors import BuildError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.bases.python_patches import Python
    from galway.bases.rootfs import Rootfs

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


def of(packages: Sequence[str]) -> Python:
    """The Python among a stand-in's packages, by the name of Debian's interpreter.

    Raises
    ------
    ConfigurationError
        There is none whose patches are known.
    """
    for python in PYTHONS.values():
        if f"{python.name}-minimal" in packages:
            return python
    raise ConfigurationError(
        f"docker/bases.toml: no known Python among {', '.join(packages) or 'no packages'}",
        hint=f"name one of {', '.join(f'{python.name}-minimal' for python in PYTHONS.values())}",
    )


def lay(rootfs: Rootfs, python: Python, packages: Sequence[Path], aside: Path) -> None:
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
    name, library = python.name, rootfs.path / python.library
    _move(aside / "usr" / "bin" / name, local / "bin" / name)
    _move(aside / "usr" / "lib" / name, library)
    _move(aside / "usr" / "include" / name, local / "include" / name)
    # Debian's pyconfig.h only includes the one of the architecture
    [configuration] = (aside / "usr" / "include").glob(f"*/{name}/pyconfig.h")
    configuration.replace(local / "include" / name / "pyconfig.h")
    _move(aside / "usr" / "share" / "python-wheels", library / "ensurepip" / "_bundled")
    shutil.rmtree(aside)
    for removed in _REMOVED:
        _remove(library / removed)
    for folder in library.glob("config-*"):
        shutil.rmtree(folder)  # static libraries
    interpreter = local / "bin" / name
    interpreter.write_bytes(python.thaw(interpreter.read_bytes()))
    for edit in python.edits:
        undo(library, edit)
    (library / "site-packages").mkdir()
    for link in ("python3", "python"):
        (local / "bin" / link).symlink_to(name)
    _install(rootfs, python, sorted(path.name for path in (library / "ensurepip" / "_bundled").glob("*.whl")))


def _install(rootfs: Rootfs, python: Python, wheels: Sequence[str]) -> None:
    """Install pip, and what else the official image has, with the pip inside its own wheel."""
    folder = f"/{python.library}/ensurepip/_bundled"
    [pip] = [name for name in wheels if name.startswith("pip-")]
    options = ("--no-index", "--no-compile", "--no-cache-dir", "--root-user-action=ignore", "--ignore-installed")
    command = (f"/usr/local/bin/{python.name}", f"{folder}/{pip}/pip", "install", *options, f"--find-links={folder}")
    rootfs.run([*command, *python.seeds])


# Runs in the finished root. A venv with pip and a reinstalled package are what builds do there; both are undone.
_PROBE = """
import json, os, platform, shutil, site, ssl, sqlite3, subprocess, sys, sysconfig, ctypes, lzma, bz2
import readline, curses, uuid, zlib, dbm.ndbm, hashlib, decimal, multiprocessing, zoneinfo, venv
library, seed = sys.argv[1:]
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "install", "--quiet", "--no-index",
       "--no-compile", "--no-deps", "--root-user-action=ignore", f"--find-links=/{library}/ensurepip/_bundled"]
subprocess.run([*pip, "--force-reinstall", seed], check=True)
subprocess.run([*pip, "--prefix=/tmp/prefix", "--ignore-installed", seed], check=True)
subprocess.run([sys.executable, "-m", "venv", "/tmp/venv"], check=True)
inside = "import pip, sys; print(pip.__file__, sys.base_prefix)"
answer = {
    "version": platform.python_version(),
    "executable": sys.executable,
    "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
    "purelib": sysconfig.get_path("purelib"),
    "platlib": sysconfig.get_path("platlib"),
    "scripts": sysconfig.get_path("scripts"),
    "include": sysconfig.get_path("include"),
    "site": os.path.normpath(site.getsitepackages()[0]),
    "path": [path for path in sys.path if "-packages" in path],
    "shebang": open(f"/usr/local/bin/{seed}").readline().strip(),
    "prefixed": os.path.isfile(f"/tmp/prefix/{library.removeprefix('usr/local/')}/site-packages/{seed}/__init__.py"),
    "venv": subprocess.run(["/tmp/venv/bin/python", "-c", inside], check=True, capture_output=True, text=True)
        .stdout.split(),
}
if sys.version_info < (3, 12):
    import distutils.sysconfig
    answer["distutils"] = distutils.sysconfig.get_python_lib()
print(json.dumps(answer))
shutil.rmtree("/tmp/venv"); shutil.rmtree("/tmp/prefix")
"""


def expected(python: Python) -> dict[str, object]:
    """What the official image answers to the same questions."""
    interpreter, packages = f"/usr/local/bin/{python.name}", f"/{python.library}/site-packages"
    answer: dict[str, object] = {
        "executable": interpreter,
        "prefix": ["/usr/local"] * 3,
        "purelib": packages,
        "platlib": packages,
        "scripts": "/usr/local/bin",
        "include": f"/usr/local/include/{python.name}",
        "site": packages,
        "path": [packages],
        "shebang": f"#!{interpreter}",
        "prefixed": True,
        "venv": [f"/tmp/venv/lib/{python.name}/site-packages/pip/__init__.py", "/usr/local"],  # noqa: S108 - in the root
    }
    return answer | ({"distutils": packages} if python.version == "3.11" else {})


def check(rootfs: Rootfs, python: Python) -> None:
    """Ask the finished Python where it is and installs, and compare with the official image.

    Raises
    ------
    BuildError
        An answer differs, or a module does not load.
    """
    (rootfs.path / "tmp" / "probe.py").write_text(_PROBE)
    command = (f"/usr/local/bin/{python.name}", "-W", "ignore", "/tmp/probe.py")  # noqa: S108 - in the root
    answer = json.loads(rootfs.run([*command, python.library, python.seeds[-1]]).stdout.splitlines()[-1])
    wrong = compare(answer, python)
    if wrong:
        raise BuildError(
            f"the Python stand-in differs from the official image in {', '.join(wrong)}",
            hint="a patch of Debian's is not undone, see src/galway/bases/python_patches.py",
            detail=json.dumps(answer, indent=1),
        )


def compare(answer: dict[str, object], python: Python) -> list[str]:
    """Names of the answers that are not the official image's."""
    return [name for name, value in expected(python).items() if answer.get(name) != value]


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
