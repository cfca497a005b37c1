"""Take a URL apart without changing a byte of it.

Every URL library normalises: case, default ports, dot segments, percent-encoding.
OAuth compares identifiers as strings, so this module only cuts (RFC 3986, appendix B).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_PARTS = re.compile(
    r"(?:(?P<scheme>[^:/?#]+):)?(?://(?P<authority>[^/?#]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)

DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class UrlParts:
    """The pieces of a URL, exactly as written; None where a piece is absent."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None
    fragment: str | None

    @property
    def userinfo(self) -> str | None:
        """What stands before the last `@` of the authority, or None."""
        if self.authority is None or "@" not in self.authority:
            return None
        return self.authority.rpartition("@")[0]

    @property
    def _host_port(self) -> tuple[str, str | None]:
        hostport = (self.authority or "").rpartition("@")[2]
        if hostport.startswith("["):
            host, bracket, rest = hostport.partition("]")
            return host + bracket, rest[1:] if rest.startswith(":") else None
        host, colon, port = hostport.partition(":")
        return host, port if colon else None

    @property
    def host(self) -> str:
        """The host as written, IPv6 literals with their brackets."""
        return self._host_port[0]

    @property
    def port_text(self) -> str | None:
        """The port as written, or None where there is no colon."""
        return self._host_port[1]

    @property
    def port(self) -> int | None:
        """The port to connect to, or None where none is given or implied.

        Raises `ValueError` when the written port is no number from 0 to 65535.
        """
        text = self.port_text
        if not text:
            return DEFAULT_PORTS.get((self.scheme or "").lower())
        if not (text.isascii() and text.isdigit()) or int(text) > 65535:
            raise ValueError("The port of the URL is not a number from 0 to 65535.")
        return int(text)

    @property
    def target(self) -> str:
        """The origin-form request target, byte for byte (RFC 9112 section 3.2.1)."""
        query = "" if self.query is None else f"?{self.query}"
        return (self.path or "/") + query

    @property
    def origin(self) -> str:
        """Scheme and authority without userinfo, as written."""
        return f"{self.scheme}://{(self.authority or '').rpartition('@')[2]}"


@functools.lru_cache(maxsize=1024)
def split_url(url: str) -> UrlParts:
    """Cut `url` into its parts; never fails and never normalises."""
    match = _PARTS.fullmatch(url)
    assert match is not None, "the expression of RFC 3986 matches every string"
    return UrlParts(
        match["scheme"],
        match["authority"],
        match["path"],
        match["query"],
        match["fragment"],
    )
