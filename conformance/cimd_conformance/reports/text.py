"""Text that others wrote, made safe to show in a terminal."""

from __future__ import annotations

import unicodedata

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return the text with every character escaped that a terminal might obey.

    Controls, bidirectional overrides, invisible formatting, line separators, lone
    surrogates, private use and what is no character: a target must not be able to move
    the cursor, hide a line or forge one. XML and HTML can carry all that is left.
    """
    if text.isprintable():  # stricter: other spaces and what Unicode has not assigned
        return text
    return "".join(_visible_character(each) for each in text)


def _visible_character(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    if not no_character and unicodedata.category(character) not in _UNSAFE_CATEGORIES:
        return character
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shortened(text: str, limit: int = 300) -> str:
    """Return the text, cut with a mark when it is long."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
