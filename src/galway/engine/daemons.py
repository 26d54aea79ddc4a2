"""The two daemons of the embedded engine: their configuration, their start, and whether they answer."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from galway import process
from galway.engine import residents
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from galway.engine.packages import Programs
    from galway.engine.places import Places

READY_SECONDS = 60.0
"""How long the daemons may take until they answer; 2 to 8 s were measured on two cores."""

BUSY_SECONDS = 30.0
"""How long a daemon that takes connections may leave a ping unanswered, on a machine at its limits, before it counts as
hung and is replaced."""


NO_UPPER = ("overlay", "nfs", "nfs4", "cifs", "9p", "ecryptfs", "vfat", "exfat")
"""File systems that overlayfs does not take as its upper layer (Documentation/filesystems/overlayfs.rst)."""

MOUNTS = Path("/proc/self/mountinfo")


def docker_configuration(places: Places, *, snapshotter: str) -> dict[str, object]:
    """The configuration file of dockerd.

    Control groups are made directly (systemd's driver would leave slices behind) under one name of ours, so that a
    stop knows what to remove. Logs of containers are bounded, because the engine lives in a cache.
    """
    return {
        "data-root": str(places.data),
        "exec-root": str(places.run / "exec"),
        "pidfile": str(places.run / "dockerd.pid"),
        "hosts": [places.host],
        "containerd": str(places.containerd),
        "storage-driver": snapshotter,
        "features": {"containerd-snapshotter": True},
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{places.name}",
        "shutdown-timeout": 5,
        "log-opts": {"max-size": "10m", "max-file": "2"},
    }


def containerd_configuration(places: Places) -> str:
    """The configuration file of containerd (version 2 of its format; containerd 2 migrates it by itself).

    A containerd of our own, because dockerd would otherwise take the host's where one runs, and with a folder for
    its `opt` plugin, which would make /opt/containerd. Names are quoted as JSON, which TOML's strings include.
    """
    return f"""\
version = 2
root = {_quoted(places.data / "containerd/daemon")}
state = {_quoted(places.run / "exec/containerd/daemon")}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = {_quoted(places.containerd)}
[plugins."io.containerd.internal.v1.opt"]
path = {_quoted(places.run / "opt")}
"""


def containerd_command(programs: Programs, places: Places) -> tuple[str, ...]:
    """containerd in a mount namespace of its own, so that the engine's mounts end with it even when it is killed.

    `slave` lets mounts of the host in (a bind mount sees them) and none of the engine's out.
    """
    config = str(places.run / "containerd.toml")
    return ("unshare", "--mount", "--propagation", "slave", "--", str(programs.containerd), "--config", config)


def docker_command(programs: Programs, places: Places, containerd: int) -> tuple[str, ...]:
    """Dockerd in the mount namespace of containerd, since each uses what the other mounts."""
    enter = ("nsenter", "--mount", "--wd", "--target", str(containerd), "--")
    return (*enter, str(programs.dockerd), "--config-file", str(places.config))


def launch(programs: Programs, places: Places) -> None:
    """Start both and wait until the API answers.

    Raises
    ------
    MissingToolError
        One of them ended, or did not answer in time; the end of the log is in the detail.
    """
    (places.run / "exec/containerd").mkdir(parents=True)
    (places.run / "containerd.toml").write_text(containerd_configuration(places), encoding="utf-8")
    places.config.write_text(
        json.dumps(docker_configuration(places, snapshotter=snapshotter(places)), indent=2), encoding="utf-8"
    )
    places.log.write_bytes(b"")
    deadline = time.monotonic() + READY_SECONDS
    containerd = process.spawn(containerd_command(programs, places), log=places.log, env=programs.env)
    _wait(lambda: accepts(places.containerd), lambda: containerd.poll() is not None, places, deadline)
    command = docker_command(programs, places, containerd.pid)
    dockerd = process.spawn(command, log=places.log, env=programs.env)
    _wait(lambda: pings(places.socket, seconds=1.0), lambda: dockerd.poll() is not None, places, deadline)


def snapshotter(places: Places) -> str:
    """How containerd layers file systems: overlayfs, or full copies where the disk cannot carry it (in a container)."""
    return "native" if filesystem(MOUNTS.read_text(encoding="utf-8"), places.data) in NO_UPPER else "overlayfs"


def filesystem(mounts: str, path: Path) -> str:
    """The type of the file system that holds a path, from mountinfo (proc(5)); the last mount on a point counts."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        # Spaces, tabs, newlines and backslashes stand as octal escapes; other bytes as they are.
        point = Path(re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[fields.index("-") + 1]
    return kind


def healthy(places: Places, *, seconds: float) -> bool:
    """Whether dockerd runs, answers within this time, and has its containerd."""
    running = residents.daemon(places) is not None and accepts(places.containerd)
    return running and pings(places.socket, seconds=seconds)


def accepts(path: Path) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        try:
            channel.connect(str(path))
        except OSError:
            return False
        return True


def pings(path: Path, *, seconds: float) -> bool:
    """Whether the API answers its ping within this time (it takes connections before it is ready)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(seconds)
        try:
            channel.connect(str(path))
            channel.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in channel.recv(64)
        except OSError:
            return False


def _wait(ready: Callable[[], bool], ended: Callable[[], bool], places: Places, deadline: float) -> None:
    while not ended() and time.monotonic() < deadline:
        if ready():
            return
        time.sleep(residents.TICK)
    log = places.log.read_text(encoding="utf-8", errors="replace")
    raise MissingToolError(
        f"the embedded Docker engine did not start, its log is {places.log}",
        hint="containers need a kernel with cgroups, overlayfs and nftables, and all of root's capabilities",
        detail="\n".join(log.splitlines()[-process.TAIL_LINES :]),
    )


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
