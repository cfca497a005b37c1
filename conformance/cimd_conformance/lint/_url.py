"""Rules for URLs: the client's own identifier, and those in its document."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cimd_conformance.lint._finding import Wrong
from cimd_testbed.core import split_url

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_DANGEROUS = ("javascript", "data", "file", "blob", "vbscript", "about", "view-source")
_ODD = re.compile(r"[\s\x00-\x20\x7f\\]")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_LONG = 2048


def client_id_url(url: str) -> Iterator[Wrong]:
    """Yield what keeps a URL from being a client identifier (CIMD-03 section 3)."""
    parts = split_url(url)

    def wrong(requirement: str, what: str, fix: str) -> Wrong:
        return Wrong(f"cimd-client-id-{requirement}", "client_id", what, fix)

    if parts.scheme != "https":
        yield wrong("https", "The client_id is no https URL.", "Publish it over https.")
    if not parts.path:
        yield wrong("path-required", "The client_id has no path.", "Give it a path.")
    elif parts.path == "/":
        what = "The path of the client_id is only a slash."
        yield wrong("root-path", what, "Give the document a path of its own.")
    if _DOTS.search(parts.path):
        what = "The path of the client_id has dot segments."
        yield wrong("dot-segments", what, "Write the path that they lead to.")
    if parts.fragment is not None:
        yield wrong("fragment", "The client_id has a fragment.", "Drop it.")
    if parts.userinfo is not None:
        yield wrong("userinfo", "The client_id has a user name.", "Drop it.")
    if parts.query is not None:
        what = "The client_id has a query, which servers may refuse."
        yield wrong("query", what, "Use a path without a query.")
    if _ODD.search(url):
        what = "The client_id has a blank, a control character or a backslash."
        yield wrong("whitespace-control", what, "Encode or drop it.")
    if len(url) > _LONG:
        what = f"The client_id has {len(url)} characters."
        yield wrong("length", what, "Choose a short URL that can stay.")


def redirect_uri(uri: str, at: str) -> Iterator[Wrong]:
    """Yield what is wrong with one redirect URI (RFC 8252 section 7, CIMD-03)."""
    parts = split_url(uri)
    scheme = (parts.scheme or "").lower()
    if not scheme:
        what = f"{uri!r} is not absolute."
        yield Wrong("cimd-doc-redirect-uri-syntax", at, what, "Give a whole URL.")
        return
    if scheme in _DANGEROUS:
        what = f"{uri!r} would run as a script or open a file."
        fix = "Use https, or http on 127.0.0.1."
        yield Wrong("cimd-doc-redirect-uri-dangerous-scheme", at, what, fix)
    elif scheme == "http" and parts.host not in _LOOPBACK:
        what = f"{uri!r} is plain http away from this machine."
        fix = "Use https; http is for 127.0.0.1 and [::1]."
        yield Wrong("cimd-doc-redirect-uri-scheme", at, what, fix)
    elif scheme == "http" and parts.host == "localhost":
        what = f"{uri!r} names localhost, which may be another interface."
        fix = "Use 127.0.0.1 or [::1]."
        yield Wrong("cimd-client-redirect-loopback-literal", at, what, fix)
    elif scheme not in ("http", "https") and "." not in scheme:
        what = f"{uri!r} has a private scheme without a period."
        fix = "Use the name of a domain of yours in reverse, com.example.app:/callback."
        yield Wrong("cimd-doc-private-scheme-period", at, what, fix)
    if parts.fragment is not None:
        what = f"{uri!r} has a fragment."
        yield Wrong("cimd-doc-redirect-uri-syntax", at, what, "Drop it.")
    if "*" in (parts.host or ""):
        what = f"The host of {uri!r} has an asterisk, which stands for no other host."
        fix = "List each redirect URI in full."
        yield Wrong("cimd-redirect-exact-match", at, what, fix)


def web_url(url: object, at: str) -> Iterator[Wrong]:
    """Yield why a URL for people or servers cannot be used."""
    scheme = (split_url(url).scheme or "").lower() if isinstance(url, str) else ""
    if scheme != "https":
        what = f"{at} is no https URL."
        yield Wrong("cimd-uri-scheme-allowlist", at, what, "Give an https URL.")
