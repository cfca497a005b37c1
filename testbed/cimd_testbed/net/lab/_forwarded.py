"""Insert forwarding headers into a stream of HTTP/1.1 requests, without I/O.

Only the lines added and removed differ from what was sent: attack URLs and odd heads
pass byte for byte. Bodies are passed on as they come. What cannot be understood is
passed through untouched from there on.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_LIMIT = 1 << 16
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINES = re.compile(rb"[^\n]*\n")
_OURS = frozenset({b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-for"})


class ForwardedHeaders:
    """Rewrites each request head of one connection from `source`.

    Headers of these names that the peer sent are removed, as a proxy in front of a
    production server does.
    """

    def __init__(self, proto: str, source: str) -> None:
        self._proto = proto.encode()
        self._source = source.encode()
        self._buffer = b""
        self._left = 0
        self._step: Callable[[], bytes] = self._head

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, return what to pass on."""
        self._buffer += data
        out = b""
        while self._buffer:
            piece = self._step()
            if not piece:
                break
            out += piece
        return out

    def rest(self) -> bytes:
        """Return what is held back, at the end of the stream."""
        return self._take(len(self._buffer))

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _through(self) -> bytes:
        return self._take(len(self._buffer))

    def _give_up(self) -> bytes:
        self._step = self._through
        return self._through()

    def _head(self) -> bytes:
        if self._buffer[:1] in b"\r\n":  # tolerated before a request line
            return self._take(1)
        end = _HEAD_END.search(self._buffer)
        if end is None:
            return self._give_up() if len(self._buffer) > _LIMIT else b""
        lines: list[bytes] = _LINES.findall(self._take(end.end()))
        headers = _parse(lines[1:-1])
        self._choose_framing(lines[0], headers)
        return lines[0] + b"".join(self._edited(lines[1:-1], headers)) + lines[-1]

    def _edited(
        self, lines: list[bytes], headers: list[tuple[bytes, bytes]]
    ) -> list[bytes]:
        kept: list[bytes] = []
        removing = False
        for line in lines:
            if line[:1] not in b" \t":  # a folded line belongs to the one before
                removing = line.partition(b":")[0].strip().lower() in _OURS
            if not removing:
                kept.append(line)
        added = [
            (b"X-Forwarded-Proto", self._proto),
            (b"X-Forwarded-For", self._source),
        ]
        hosts = [value for name, value in headers if name == b"host"]
        added += [(b"X-Forwarded-Host", host) for host in hosts[:1]]
        return kept + [b"%s: %s\r\n" % pair for pair in added]

    def _choose_framing(
        self, request_line: bytes, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """Choose what follows this head: a body, chunks, or the next head."""
        lengths = {value for name, value in headers if name == b"content-length"}
        codings = [value for name, value in headers if name == b"transfer-encoding"]
        upgrade = any(name == b"upgrade" for name, _ in headers)
        self._step = self._head
        if upgrade or request_line.startswith(b"CONNECT "):
            self._step = self._through
        elif codings:
            chunked = codings[-1].lower().endswith(b"chunked")
            self._step = self._chunk_size if chunked else self._through
        elif lengths:
            length = lengths.pop()
            if lengths or not length.isdigit():
                self._step = self._through
            elif int(length):
                self._left = int(length)
                self._step = self._body

    def _body(self) -> bytes:
        return self._count_down(self._head)

    def _chunk(self) -> bytes:
        return self._count_down(self._chunk_size)

    def _count_down(self, after: Callable[[], bytes]) -> bytes:
        piece = self._take(self._left)
        self._left -= len(piece)
        if self._left == 0:
            self._step = after
        return piece

    def _chunk_size(self) -> bytes:
        end = self._buffer.find(b"\n")
        if end < 0:
            return self._give_up() if len(self._buffer) > _LIMIT else b""
        text = self._buffer[:end].partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", text):
            return self._give_up()
        size = int(text, 16)
        self._left = size + 2
        self._step = self._chunk if size else self._trailer
        return self._take(end + 1)

    def _trailer(self) -> bytes:
        end = self._buffer.find(b"\n")
        if end < 0:
            return self._give_up() if len(self._buffer) > _LIMIT else b""
        if not self._buffer[:end].strip():
            self._step = self._head
        return self._take(end + 1)


def _parse(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    split = (line.partition(b":") for line in lines)
    return [(name.strip().lower(), value.strip()) for name, _, value in split]
