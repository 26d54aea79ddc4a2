"""The CI image does what it is for: this project's own sessions that need no engine pass in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galway import host, process

if TYPE_CHECKING:
    from conftest import Built

SESSIONS = ("lint", "types", "tests")  # `collector` needs cargo, which the image does not hold
FORWARDED = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL")
CA = "/run/secrets/ca"
LONGEST = 1800
"""Seconds; 15 on an idle machine of two cores, of which half is the environment's download."""


def registries() -> tuple[str, ...]:
    """Options that let a container reach the package registries as its host does; nothing of it is in the image.

    Variables are named only: docker takes their values, which may hold a password, from its own environment.
    """
    options = []
    if (bundle := host.ca_bundle()) is not None:
        options += ["--volume", f"{bundle.resolve()}:{CA}:ro"]
        options += [word for name in host.CA_VARIABLES for word in ("--env", f"{name}={CA}")]
    if (pip := host.pip_configuration()) is not None:
        options += ["--volume", f"{pip.resolve()}:/etc/pip.conf:ro"]
    if (uv := Path.home() / ".config/uv/uv.toml").is_file():
        options += ["--volume", f"{uv}:/etc/uv/uv.toml:ro"]
    named = (spelling for name in FORWARDED for spelling in (name, name.lower()) if spelling in os.environ)
    return (*options, *(word for name in named for word in ("--env", name)))


@pytest.mark.slow
def test_the_projects_own_sessions_pass_in_the_ci_image(built: Built, tmp_path: Path) -> None:
    process.run(("git", "clone", "--quiet", str(built.workspace.root), str(tmp_path / "checkout")))
    mounts = ("--volume", f"{tmp_path}/checkout:/workspace:ro", *registries())
    # Worked on as a copy: the image's user may not write where the checkout's owner has another id.
    script = 'cp -R /workspace ~/galway && cd ~/galway && exec scripts/nox -s "$@"'
    image = built.images["ci"]
    argv = (built.engine.docker, "run", "--rm", *built.profile(image), *mounts, str(image.reference))
    command = ("sh", "-ec", script, "sh", *SESSIONS)
    done = process.run((*argv, *command), env=built.engine.env, ok=None, timeout=LONGEST)
    said = done.stdout + done.stderr
    passed = [session for session in SESSIONS if f"* {session}: success" in said]
    assert passed == list(SESSIONS), said
