"""HTML that is compressed into the page, and shown by its script when asked for."""

from __future__ import annotations

import base64
import zlib

import msgspec
from markupsafe import Markup

_SIZE = 40
"""Pieces in one pack: opening one unpacks the others."""


class Packs:
    """Numbered packs of named pieces."""

    def __init__(self) -> None:
        self.coded: list[Markup] = []
        """The packs so far, as the page holds them."""
        self._waiting: dict[str, str] = {}

    def add(self, name: str, piece: Markup) -> int:
        """Put a piece away; return the number of its pack."""
        number = len(self.coded)
        self._waiting[name] = str(piece)
        if len(self._waiting) >= _SIZE:
            self.close()
        return number

    def add_all(self, pieces: dict[str, Markup]) -> int:
        """Put pieces into a pack of their own; return its number."""
        self.close()
        number = len(self.coded)
        self._waiting = {name: str(piece) for name, piece in pieces.items()}
        self.close()
        return number

    def close(self) -> None:
        """Compress what is waiting."""
        if self._waiting:
            packed = zlib.compress(msgspec.json.encode(self._waiting))
            coded = base64.b64encode(packed).decode()
            self.coded.append(Markup(coded))  # noqa: S704 - the alphabet of base64
            self._waiting = {}
