"""A browser's cookies (RFC 6265 section 5): whose they are, where they are sent.

Names are kept apart by path: some servers give each interaction a cookie of the same
name. `Secure` and `SameSite` make no difference here, since ours navigates, and goes to
the target's own origins alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from cimd_testbed.core import split_url


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie; without `shared` it is for its host alone."""

    name: str
    value: str
    host: str
    shared: bool
    path: str

    def is_for(self, host: str, path: str) -> bool:
        """Whether a request to this place carries it."""
        below = self.shared and host.endswith(f".{self.host}")
        return (host == self.host or below) and _covers(self.path, path)


@dataclass(slots=True)
class CookieJar:
    """The cookies of one session of one browser."""

    now: Callable[[], float] = time.time
    _cookies: dict[tuple[str, str, str], Cookie] = field(default_factory=dict)

    def keep(self, url: str, line: str) -> str | None:
        """Take in one `Set-Cookie`; return the value that is kept, if any is.

        One that is for a foreign domain is ignored, one that has expired forgotten.
        """
        pair, *rest = line.split(";")
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            return None
        attributes = dict(_attribute(text) for text in rest)
        parts = split_url(url)
        host = parts.host.lower()
        domain = attributes.get("domain", "").lower().removeprefix(".")
        if domain and host != domain and not host.endswith(f".{domain}"):
            return None
        path = attributes.get("path", "")
        cookie = Cookie(
            name.strip(),
            value.strip(),
            domain or host,
            bool(domain),
            path if path.startswith("/") else _default_path(parts.path),
        )
        key = cookie.name, cookie.host, cookie.path
        self._cookies.pop(key, None)
        if self._expired(attributes):
            return None
        self._cookies[key] = cookie
        return cookie.value

    def header(self, url: str) -> str | None:
        """Return the `Cookie` header of a request, the longest paths first."""
        parts = split_url(url)
        host, path = parts.host.lower(), parts.path or "/"
        found = [one for one in self._cookies.values() if one.is_for(host, path)]
        found.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{one.name}={one.value}" for one in found) or None

    def _expired(self, attributes: dict[str, str]) -> bool:
        """Whether a cookie is over when it comes; Max-Age goes before Expires."""
        seconds = attributes.get("max-age", "")
        if seconds.removeprefix("-").isdigit():
            return int(seconds) <= 0
        try:
            moment = parsedate_to_datetime(attributes["expires"])
        except (KeyError, ValueError):
            return False
        return moment.timestamp() <= self.now()


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()


def _default_path(path: str) -> str:
    """Return the directory of a path (RFC 6265 section 5.1.4)."""
    folder = path.rpartition("/")[0]
    return folder if folder.startswith("/") else "/"


def _covers(cookie_path: str, path: str) -> bool:
    if path == cookie_path:
        return True
    folder = cookie_path if cookie_path.endswith("/") else f"{cookie_path}/"
    return path.startswith(folder)
