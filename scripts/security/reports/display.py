"""Text of the scanned tree made safe to show."""

from __future__ import annotations

import unicodedata


def display(text: str) -> str:
    """Text for any terminal, log or JSON reader: control characters and bytes that are no UTF-8 become escapes.

    Marks that turn the direction of writing are among these: they make code look like other code.
    """
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if readable.isascii() and readable.isprintable():
        return readable
    return "".join(character if shown(character) else escape(character) for character in readable)


def shown(character: str) -> bool:
    """Whether a character may stand as it is."""
    return character == "\n" or (character.isprintable() and unicodedata.category(character) != "Cf")


def escape(character: str) -> str:
    """`\\x1b` and the like."""
    return character.encode("unicode_escape").decode("ascii")


def one_line(text: str, *, limit: int = 400) -> str:
    """No line breaks and nothing that moves the cursor."""
    return display(" ".join(text.split()))[:limit]
