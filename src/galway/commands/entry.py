"""What `scripts/inv` runs: Invoke's own program, with wrong command lines told in one line and the exit code 2."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import signal
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, NoReturn

from invoke.exceptions import ParseError
from invoke.program import Program

from galway.commands import listing
from galway.errors import ConfigurationError, Terminated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

    from invoke.parser.context import ParserContext

_UNKNOWN = re.compile(r"No idea what '(?P<word>.*)' is!")
_VALUE = re.compile(r"Flag '?<Argument: (?P<word>\S+)[^>]*>'? needed value .*")
_POSITIONAL = re.compile(r"'(?P<task>.*)' did not receive required positional arguments: '(?P<word>.*)'")
"""How Invoke says what is wrong with a command line."""


class Inv(Program):
    """Invoke's program; what it cannot read of a command line is a `ConfigurationError`, never a traceback."""

    def parse_core(self, argv: list[str] | None) -> None:
        """Read the options before the first task."""
        with _told(argv or sys.argv):
            super().parse_core(argv)

    def parse_tasks(self) -> None:
        """Read the tasks and their options."""
        with _told(self.core.unparsed, tasks=lambda: self.parser.contexts):
            super().parse_tasks()

    def execute(self) -> None:
        """Run the tasks; SIGTERM ends them and their children as Ctrl-C does. Before, there is nothing to clean up."""
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            super().execute()
        except KeyboardInterrupt as request:  # in front of a task's own edge, where its modules are loaded
            from galway import console

            console.interrupted(request)
        finally:
            signal.signal(signal.SIGTERM, before)

    def list_flat(self) -> None:
        """List all tasks under headings; a part of them, or a limited depth, as Invoke does."""
        if self.list_root or self.list_depth:
            super().list_flat()
            return
        for heading, pairs in listing.grouped(self._make_pairs(self.scoped_collection)):
            print(f"{heading}:\n")  # noqa: T201 - Invoke prints the rest
            self.print_columns(pairs)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line to its end.

    Parameters
    ----------
    argv:
        Program name and arguments; those of this process by default.
    """
    program = Inv(name="galway", binary="inv", binary_names=["inv"], version=version("galway"))
    try:
        try:
            program.run(list(argv) if argv is not None else ["inv", *sys.argv[1:]])
        finally:
            sys.stdout.flush()
    except ConfigurationError as error:
        from galway import console  # only an error needs it: `inv --list` answers at once

        console.fail(error)
    except BrokenPipeError:  # the reader went away, as `head` does; what is still to be flushed must go somewhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(0)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Raise it once: another one must not cut off what ends the children. No SIG_IGN, which those would inherit."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    raise Terminated


@contextlib.contextmanager
def _told(words: Sequence[str], *, tasks: Callable[[], Mapping[str, ParserContext]] = dict) -> Iterator[None]:
    """Invoke names what it does not know, but lets `int` raise for an option that is no number."""
    try:
        yield
    except ParseError as error:
        raise _wrong(str(error), error.context, tasks()) from error
    except ValueError as error:
        option, word = _no_number(words, literal=str(error).rpartition(": ")[2])
        raise ConfigurationError(f"{option} {word}: no whole number", hint="inv --help TASK") from error


def _wrong(said: str, context: ParserContext | None, tasks: Mapping[str, ParserContext]) -> ConfigurationError:
    """What a person should read for what Invoke said of a word, with the nearest thing that there is."""
    name = str(context.name) if context and context.name else ""
    more = f"inv --help {name}" if name else "inv --list"
    if lacks := _VALUE.fullmatch(said):
        return ConfigurationError(f"--{lacks['word'].replace('_', '-')} needs a value", hint=more)
    if lacks := _POSITIONAL.fullmatch(said):
        return ConfigurationError(f"{lacks['task']} needs its {lacks['word'].upper()}", hint=more)
    unknown = _UNKNOWN.fullmatch(said)
    return _unknown(unknown["word"], context, tasks, more) if unknown else ConfigurationError(said, hint=more)


def _unknown(
    word: str, context: ParserContext | None, tasks: Mapping[str, ParserContext], more: str
) -> ConfigurationError:
    """A word that is no task, or no option of the task before it: the nearest that is one."""
    name = str(context.name) if context and context.name else ""
    if word.startswith("-"):
        close = difflib.get_close_matches(word.partition("=")[0], list(context.flags) if context else (), n=1)
        hint = f"did you mean {close[0]}? Or see {more}" if close else more
        return ConfigurationError(f"unknown option {word!r}{f' of {name}' if name else ''}", hint=hint)
    inner = f"{name.rpartition('.')[0]}.{word}"  # `inv engine stop` for engine.stop
    close = [inner] if inner in tasks else difflib.get_close_matches(word.replace("_", "-"), list(tasks), 1, 0.7)
    if close:
        return ConfigurationError(f"unknown task {word!r}", hint=f"did you mean inv {close[0]}? Or see inv --list")
    if context and "--image" in context.flags:
        message = f"{word!r} is neither a task nor an option of {name}"
        return ConfigurationError(message, hint=f"for the image of that name: inv {name} -i {word}; or see {more}")
    return ConfigurationError(f"unknown task {word!r}", hint="inv --list")


def _no_number(words: Sequence[str], *, literal: str) -> tuple[str, str]:
    """The option that Invoke stopped at, and its word, whose `repr` alone is in the error."""
    for before, word in zip(("inv", *words), words, strict=False):
        option, equals, value = word.partition("=")
        if equals and repr(value) == literal:
            return option, value
        if repr(word) == literal:
            return before, word
    return "an option", literal


if __name__ == "__main__":
    main()
