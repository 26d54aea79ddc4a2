"""Runs a throw-away registry on this machine's loopback; it ends with this process, however that ends."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests

from galway import process, toolbox
from galway.errors import MissingToolError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from galway.workspace import Workspace

TOOL = "docker-registry"
LOOPBACK = "127.0.0.1"

UP_SECONDS = 15.0
"""Until a registry that was started has to answer."""

TRIES = 5
"""Ports that are tried: another program can take one between our choice and the registry's start."""


@dataclass(kw_only=True)
class LocalRegistry:
    """A registry program with its folder; `start` and `stop` it as often as needed, on one port.

    Parameters
    ----------
    program:
        Debian's `docker-registry` or the distribution project's `registry`.
    folder:
        Holds configuration, log and, below `storage`, what is pushed; the caller deletes it.
    port:
        0 chooses a free one at the first start.
    accounts:
        An htpasswd file (bcrypt) of who may use it; None lets everybody.
    """

    program: Path
    folder: Path
    port: int = 0
    accounts: Path | None = None

    _child: subprocess.Popen[bytes] | None = None
    _secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def name(self) -> str:
        """What references call it: `127.0.0.1:PORT`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """What the program says."""
        return self.folder / "registry.log"

    @property
    def storage(self) -> Path:
        """What was pushed."""
        return self.folder / "storage"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises
        ------
        MissingToolError
            It does not come up; the end of its log is the detail.
        """
        chosen = self.port
        for _ in range(1 if chosen else TRIES):
            self.port = chosen or _free_port()
            if self._try():
                return
        raise MissingToolError(
            f"the local registry {self.name} does not come up", hint=f"see {self.log}", detail=_tail(self.log)
        )

    def stop(self) -> None:
        """End it at once; nothing is lost that it has acknowledged."""
        if self._child is not None:
            process.end(self._child)
            self._child = None

    def _try(self) -> bool:
        self.storage.mkdir(parents=True, exist_ok=True)
        self._child = process.accompany(self.command(), log=self.log)
        until = time.monotonic() + UP_SECONDS
        with requests.Session() as session:
            session.trust_env = False  # no proxy for loopback
            while self._child.poll() is None and time.monotonic() < until:
                with contextlib.suppress(requests.RequestException):
                    if session.get(f"http://{self.name}/v2/", timeout=2).status_code in (200, 401):
                        return True
                time.sleep(0.05)
        self.stop()
        return False

    def command(self) -> tuple[str, ...]:
        """Write the configuration; what starts the program with it."""
        path = self.folder / "registry.json"
        path.write_text(json.dumps(self.configuration(), indent=2), encoding="utf-8")  # JSON is YAML
        return (str(self.program), "serve", str(path))

    def configuration(self) -> dict[str, object]:
        """The program's configuration file (distribution project, configuration reference)."""
        made: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            # With a secret of its own the program forgets uploads that had begun when it restarts.
            "http": {"addr": self.name, "secret": self._secret},
        }
        if self.accounts is not None:
            made["auth"] = {"htpasswd": {"realm": "local", "path": str(self.accounts)}}
        return made


@contextlib.contextmanager
def running(
    workspace: Workspace, folder: Path, *, say: Callable[[str], None] = lambda _line: None
) -> Iterator[LocalRegistry]:
    """A registry for the time of a `with` block; its folder is deleted at the end.

    Parameters
    ----------
    folder:
        New or empty, on a disk with room for the images.

    Raises
    ------
    MissingToolError
        The program cannot be had, or does not come up.
    """
    tool = toolbox.ensure(workspace, TOOL, say=say)
    registry = LocalRegistry(program=tool.path, folder=folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        registry.start()
        say(f"a local registry listens on {registry.name}")
        yield registry
    finally:
        registry.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _tail(log: Path, lines: int = 10) -> str:
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
