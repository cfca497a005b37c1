"""What a target prints, without secrets: nobody knows in what form it prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cimd_conformance.evidence._redact import Redactor

_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_WORD = re.compile(r"(?<![\w‹-])[A-Za-z0-9_\-+=~]{16,}(?![\w›-])")
_CREDENTIAL = re.compile(
    r"\b(?:Basic|Bearer|DPoP) +([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SPELLED = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}|[0-9]{3,}|[-_=+~]")
"""What words, constants and numbers are made of, and random characters seldom."""
_PIECE = re.compile(r"[A-Za-z0-9+=~]{12,}")


class OutputRedactor:
    """Redacts lines in their order; besides what is known, whatever looks random.

    A code is printed before it is sent, so it cannot be known by then. A commit id or a
    digest is lost with it, which is the smaller harm.
    """

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._redactor = Redactor(tuple(known))
        self._in_key = False

    def line(self, line: str) -> str:
        """Return a line without secrets; the lines of a private key are all one."""
        if self._in_key:
            self._in_key = _END.search(line) is None
            return "‹private-key›"
        self._in_key = _BEGIN.search(line) is not None and _END.search(line) is None
        for value in _CREDENTIAL.findall(line):
            mixed = any(char.isdigit() or char.isupper() for char in value)
            if mixed and not value.startswith("eyJ"):
                self._redactor.secret("credential", value)
        return _WORD.sub(self._word, self._redactor.text(line))

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        if word.startswith("eyJ") or not _looks_random(word):
            return word
        return self._redactor.secret("opaque", word)


def _looks_random(word: str) -> bool:
    """Whether a word mixes cases, letters and digits as names do not.

    Of 32 random characters of base64 one in three hundred gets by, of 22 one in eighty.
    """
    mixed = word != word.lower() and word != word.upper()
    if mixed and 6 * len(_SPELLED.sub("", word)) >= len(word):
        return True
    return _UUID.search(word) is not None or any(
        sum(char.isdigit() for char in piece) >= 3
        and sum(char.isalpha() for char in piece) >= 3
        for piece in _PIECE.findall(word)
    )
