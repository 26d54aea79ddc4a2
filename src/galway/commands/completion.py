"""`inv completion`: what a shell has to read to complete tasks and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.commands.options import task

if TYPE_CHECKING:
    from invoke.context import Context

SHELLS = ("bash", "zsh", "fish")


@task(help={"shell": "bash, zsh or fish."})
def completion(_: Context, shell: str) -> None:
    """Print what makes a shell complete tasks and options; its first line says where it goes."""
    from importlib.resources import files

    from galway import console
    from galway.catalog.model import nearest
    from galway.errors import ConfigurationError

    with console.edge():
        if shell not in SHELLS:
            raise ConfigurationError(f"no completion for {shell!r}", hint=nearest(shell, SHELLS))
        script = files("galway.commands") / "completions" / f"inv.{shell}"
        console.out.file.write(script.read_text(encoding="utf-8"))
