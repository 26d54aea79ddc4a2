"""What the host was like before the engine started, and putting exactly that back."""

from __future__ import annotations

import re
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.engine import firewall, netlink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SYSCTL = Path("/proc/sys")

SYSCTL_GLOBS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/*",
    "net/ipv6/conf/*/*",
    "net/bridge/*",
    "kernel/keys/root_max*",
)
"""Settings that dockerd writes, and those that the kernel resets on its own when ip_forward changes
(Documentation/networking/ip-sysctl.rst). In this order: ip_forward first, since it resets the others."""

FOLDERS = (
    *("/run/docker", "/run/containerd", "/run/runc", "/opt/containerd"),
    *("/run/xtables.lock", "/var/lib/docker", "/etc/docker"),
)
"""Paths outside its own folders that dockerd, containerd, runc and iptables make, whatever their configuration says."""

STATES = "/run/runc"
"""Holds a folder per running container, of whoever started it with runc; the engine's own have ended."""

CGROUPS = Path("/sys/fs/cgroup")

BUILDERS = Path("docker/buildx")
"""The control group below which buildx puts a builder's container (its driver option `cgroup-parent`)."""

IN_USE = ("containerd.sock", "docker.sock")
"""Sockets whose presence means that somebody else has begun to use such a folder meanwhile."""

FAMILIES = {"ip": "iptables", "ip6": "ip6tables"}
"""nftables' address families and the programs that write to them."""

BRIDGES = re.compile(r"docker0|br-[0-9a-f]{12}")
"""Interfaces that dockerd makes: the default bridge, and one for each user-defined network."""


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The host's state, as `before.json` keeps it.

    Parameters
    ----------
    boot:
        The kernel's boot id: a note from before a reboot says nothing any more.
    links:
        Names of the network interfaces.
    folders:
        Which of `FOLDERS` were there.
    sysctl:
        Settings by their path under /proc/sys.
    tables:
        `iptables-save` by address family.
    chains:
        The firewall's built-in chains by address family (`firewall.parse_chains`); None where they were not noted.
    control:
        `cgroup.subtree_control` of the version 2 hierarchy's root; None where there is none.
    """

    boot: str
    links: list[str]
    folders: list[str]
    sysctl: dict[str, str]
    tables: dict[str, str]
    chains: dict[str, list[str]] | None = None
    control: str | None = None


def boot_id() -> str:
    """A name for the time since the machine started."""
    return (SYSCTL / "kernel/random/boot_id").read_text().strip()


def note(env: Mapping[str, str]) -> Note:
    """Look at the host; changes nothing. `env` leads to the private iptables."""
    return Note(
        boot=boot_id(),
        links=sorted(_links()),
        folders=[path for path in FOLDERS if Path(path).exists()],
        sysctl=dict(_settings()),
        tables={family: _save(program, env) for family, program in FAMILIES.items()},
        chains={family: _chains(family, env) for family in FAMILIES},
        control=_read(_control()),
    )


def restore(before: Note, env: Mapping[str, str] | None) -> None:
    """Put back what `before` says. Links first: their routes and settings go with them.

    Without `env` (somebody deleted the private iptables) the firewall stays as it is.
    """
    links = made(before.links, _links())
    nets = firewall.subnets(Path("/proc/net/route").read_text(), links)
    for link in links:
        netlink.delete(link)
    if env is not None:
        for family, program in FAMILIES.items():
            _restore_tables(family, program, before.tables.get(family, ""), nets, env)
            if before.chains is not None:
                _remove_idle_chains(family, program, before.chains.get(family, []), env)
    for name, value in before.sysctl.items():
        if _read(SYSCTL / name) not in (value, None):
            _write(SYSCTL / name, value)
    _restore_control(before.control)
    for path in FOLDERS:
        if path not in before.folders:
            _remove(Path(path))


def made(before: Iterable[str], now: Iterable[str]) -> list[str]:
    """The interfaces that dockerd made since."""
    return sorted(link for link in set(now) - set(before) if BRIDGES.fullmatch(link))


def save(before: Note, path: Path) -> None:
    """Write the note, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(before)))
    part.rename(path)


def load(path: Path) -> Note | None:
    """Read the note of this boot; None where there is none."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return found if found.boot == boot_id() else None


def remove_cgroups(name: str, containers: Iterable[str] = (), root: Path = CGROUPS) -> None:
    """Remove the control groups of the engine (see `cgroups`), innermost first; their processes have ended."""
    for top in cgroups(name, containers, root):
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        top.rmdir()
        for folder in (top.parent, top.parent.parent) if top.parent.name == BUILDERS.name else ():
            with suppress(OSError):  # somebody else's container is below
                folder.rmdir()


def cgroups(name: str, containers: Iterable[str] = (), root: Path = CGROUPS) -> list[Path]:
    """The engine's control groups, in the unified hierarchy or in each of version 1's.

    Parameters
    ----------
    name:
        The group of the engine.
    containers:
        Ids of its containers: buildx puts those of builders aside, whatever the engine's configuration says.
    """
    inside = [name, *(str(BUILDERS / container) for container in containers)]
    tops = [root, *sorted(path for path in root.glob("*") if path.is_dir())]
    return [path for group in inside for top in tops if (path := top / group).is_dir()]


def _links() -> list[str]:
    """Of this network namespace; /sys/class/net may show another one's."""
    return [name for _index, name in socket.if_nameindex()]


def _settings() -> Iterator[tuple[str, str]]:
    for pattern in SYSCTL_GLOBS:
        for path in sorted(SYSCTL.glob(pattern)):
            value = _read(path)
            if value is not None:
                yield str(path.relative_to(SYSCTL)), value


def _read(path: Path) -> str | None:
    """A kernel file's text; None where it is missing or cannot be read, as `stable_secret` without a secret."""
    try:
        return path.read_text().rstrip("\n")
    except OSError:
        return None


def _write(path: Path, value: str) -> None:
    try:
        path.write_text(f"{value}\n")
    except OSError:
        return  # read-only ones, such as `mc_forwarding`, follow from others


def _save(program: str, env: Mapping[str, str]) -> str:
    return process.run([f"{program}-save"], env=env, ok=None).stdout


def _restore_tables(
    family: str, program: str, before: str, nets: tuple[firewall.Subnet, ...], env: Mapping[str, str]
) -> None:
    changed = firewall.cleaned(firewall.parse(before), firewall.parse(_save(program, env)), nets)
    if text := firewall.restore_input(changed):
        process.run([f"{program}-restore"], env=env, stdin=[text.encode()])
    for table in (name for name, lines in changed.items() if not lines):
        process.run(["nft", "delete", "table", family, table], env=env)


def _chains(family: str, env: Mapping[str, str]) -> list[str]:
    return firewall.parse_chains(process.run(["nft", "-j", "list", "chains", family], env=env, ok=None).stdout)


def _remove_idle_chains(family: str, program: str, before: list[str], env: Mapping[str, str]) -> None:
    for place in firewall.idle(before, _chains(family, env), firewall.parse(_save(program, env))):
        process.run(["nft", "delete", "chain", family, *place.split(" ", 1)], env=env, ok=None)


def _control() -> Path:
    return Path("/sys/fs/cgroup/cgroup.subtree_control")


def _restore_control(before: str | None) -> None:
    """Take back the controllers that runc enabled for the groups below; busy ones (somebody uses them) stay."""
    now = _read(_control())
    if before is None or now is None:
        return
    for controller in set(now.split()) - set(before.split()):
        _write(_control(), f"-{controller}")


def _remove(path: Path) -> None:
    if any((path / name).exists() for name in IN_USE) or (
        str(path) == STATES and path.is_dir() and any(path.iterdir())
    ):
        return
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
