"""Lets the kernel run another architecture's programs through qemu, and takes that back (binfmt_misc)."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import archive, process
from galway.engine import hoststate, packages
from galway.engine.lock import locked
from galway.engine.places import Places
from galway.errors import GalwayError, MissingToolError
from galway.reference import Platform

if TYPE_CHECKING:
    from galway.engine.packages import Say
    from galway.workspace import Workspace

BINFMT = Path("/proc/sys/fs/binfmt_misc")

QEMU_PACKAGES = {"debian": "qemu-user", "ubuntu": "qemu-user-static"}
"""The package with statically linked user-mode emulators; on Debian since trixie."""

MACHINES = {"amd64": ("x86_64", 62), "arm64": ("aarch64", 183)}
"""qemu's name of an architecture and its `e_machine` (elf.h)."""

FLAGS = "OCF"
"""Open the program for qemu, keep its credentials (setuid works), open qemu now, so that it runs in any root
(Documentation/admin-guide/binfmt-misc.rst)."""

BINFMT_IMAGE = "tonistiigi/binfmt@sha256:400a4873b838d1b89194d982c45e5fb3cda4593fbfd7e08a02e76b03b21166f0"
"""What registers emulators on a Docker host. renovate: datasource=docker depName=tonistiigi/binfmt (qemu-v10.2.3-68)"""


class Registered(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was done, as `binfmt.json` keeps it: the names registered, and whether the file system was mounted."""

    boot: str
    names: list[str]
    mounted: bool


def rule(name: str, architecture: str, interpreter: str) -> str:
    r"""The line for binfmt_misc's `register`: 64-bit little-endian ELF executables of one machine, any OS ABI.

    The mask lets `ET_EXEC` (2) and `ET_DYN` (3) through, which differ in their lowest bit.
    """
    _qemu, machine = MACHINES[architecture]
    magic = b"\x7fELF\x02\x01\x01\x00" + bytes(8) + b"\x02\x00" + machine.to_bytes(2, "little")
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff" + b"\xff\xff"
    return f":{name}:M::{_escaped(magic)}:{_escaped(mask)}:{interpreter}:{FLAGS}"


def is_usable(registration: str) -> bool:
    """Whether a registration's file says that it works inside containers: enabled, emulator opened in advance."""
    lines = registration.splitlines()
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags:")), "")
    return "enabled" in lines and "F" in flags


def refusal(platform: Platform) -> MissingToolError:
    """The error where the user's own Docker cannot run a platform."""
    return MissingToolError(
        f"the Docker engine cannot run {platform}",
        hint=f"register emulation: docker run --privileged --rm {BINFMT_IMAGE} --install {platform.architecture}",
    )


def register(workspace: Workspace, platform: Platform, *, say: Say) -> None:
    """Make this kernel run programs of `platform`, in any root and container; once is enough, `undo` takes it back.

    Raises
    ------
    MissingToolError
        The kernel has no binfmt_misc, or qemu could not be fetched.
    """
    if platform == Platform.of_host():
        return
    places = Places.of(workspace)
    with locked(places, say=say):
        done = _load(places)
        done.mounted = _mount() or done.mounted
        _save(places, done)
        name = f"qemu-{MACHINES[platform.architecture][0]}"
        if _usable(name) or _usable(f"galway-{name}"):
            return
        name = f"galway-{name}" if (BINFMT / name).exists() else name
        qemu = _install(places, platform, say=say)
        # The kernel takes 127 bytes of path and no colon: a link in /run stands for a cache of any name.
        link = places.run / qemu.name
        link.unlink(missing_ok=True)
        link.symlink_to(qemu)
        done.names.append(name)
        _save(places, done)
        say(f"registering qemu for {platform}")
        _register(name, platform, link)


def undo(places: Places) -> None:
    """Take back what `register` did in this boot."""
    done = _load(places)
    for name in done.names:
        with suppress(FileNotFoundError):
            (BINFMT / name).write_text("-1")
    if done.mounted and (BINFMT / "register").exists():
        process.run(["umount", str(BINFMT)], ok=None)
    places.binfmt.unlink(missing_ok=True)


def _register(name: str, platform: Platform, interpreter: Path) -> None:
    try:
        (BINFMT / "register").write_text(rule(name, platform.architecture, str(interpreter)))
    except OSError as error:
        raise MissingToolError(f"the kernel refused qemu for {platform}: {error.strerror}") from error


def _usable(name: str) -> bool:
    try:
        return is_usable((BINFMT / name).read_text())
    except OSError:
        return False


def _mount() -> bool:
    """Mount binfmt_misc where it is not; the look itself mounts it where systemd waits for one."""
    if (BINFMT / "register").exists():
        return False
    if not BINFMT.is_dir() and shutil.which("modprobe"):
        process.run(["modprobe", "binfmt_misc"], ok=None)
    try:
        process.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)])
    except GalwayError as error:
        raise MissingToolError(
            "this kernel cannot run other architectures: binfmt_misc is not available",
            hint="build each platform on a machine of its own architecture",
            detail=error.detail,
        ) from error
    return True


def _install(places: Places, platform: Platform, *, say: Say) -> Path:
    """The emulator, fetched when first needed: qemu's package is as large as the engine itself."""
    program = f"qemu-{MACHINES[platform.architecture][0]}"
    kept = places.home / "qemu" / program
    if kept.exists():
        return kept
    mirror = archive.Mirror.of_host()
    suite = packages.ENGINE_SUITE.get(mirror.codename, mirror.codename)
    say(f"fetching qemu for {platform} from the {mirror.distribution} archive ({suite}), once")
    aside = places.home / "qemu.part"
    with packages.room_in(places.home):
        found = packages.fetch(places.home, mirror, suite, (QEMU_PACKAGES.get(mirror.distribution, "qemu-user"),))
        shutil.rmtree(aside, ignore_errors=True)
        packages.unpack(found, aside)
        names = (aside / "usr/bin" / name for name in (f"{program}-static", program))
        kept.parent.mkdir(exist_ok=True)
        next(path for path in names if path.is_file()).rename(kept)
        shutil.rmtree(aside)
        shutil.rmtree(places.home / "apt", ignore_errors=True)
    return kept


def _load(places: Places) -> Registered:
    try:
        done = msgspec.json.decode(places.binfmt.read_bytes(), type=Registered)
    except (FileNotFoundError, msgspec.MsgspecError):
        done = None
    if done is None or done.boot != hoststate.boot_id():
        return Registered(boot=hoststate.boot_id(), names=[], mounted=False)
    return done


def _save(places: Places, done: Registered) -> None:
    places.run.mkdir(mode=0o755, exist_ok=True)
    places.binfmt.write_bytes(msgspec.json.encode(done))


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)
