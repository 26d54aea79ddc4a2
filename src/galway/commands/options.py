"""What the options of all tasks share: `-d` is a dry run everywhere, and an option that takes a value wants one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from invoke import tasks

if TYPE_CHECKING:
    from invoke.parser.argument import Argument

RESERVED = {"d": "dry", "h": "help"}
"""Letters that no other option may get: who types `-d` for a dry run must never start a real one."""


class Command(tasks.Task[Any]):
    """Invoke's task; it would give each option the first free letter, and take a list without a value as empty."""

    def arg_opts(self, name: str, default: str, taken_names: set[str]) -> dict[str, Any]:
        """The make of one option."""
        return super().arg_opts(name, default, taken_names | {key for key, owner in RESERVED.items() if owner != name})

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """All options; `-i` with nothing behind it would mean every image, so that it is an error."""
        arguments = super().get_arguments(ignore_unknown_help)
        for argument in arguments:
            if argument.kind is list:
                argument.raw_value = None
        return arguments


task = partial(tasks.task, klass=Command)
"""The decorator of all tasks."""
