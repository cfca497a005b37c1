"""Redirect URIs: what a document may register, and what a request may name."""

from __future__ import annotations

import re
from dataclasses import replace

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._url import UrlParts, split_url

_CHARACTERS = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_DANGEROUS = frozenset(
    {"about", "blob", "data", "file", "filesystem", "javascript", "vbscript"}
)
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})


def is_loopback_redirect(redirect_uri: str) -> bool:
    """Whether a redirect URI goes to the user's own machine (RFC 8252 section 7.3)."""
    parts = split_url(redirect_uri)
    return parts.scheme in ("http", "https") and parts.host in LOOPBACK_HOSTS


def registrable_redirect_uri(redirect_uri: str) -> Decision:
    """Judge one registered redirect URI (RFC 6749 section 3.1.2, RFC 9700 section 2.6).

    Absolute, without fragment and userinfo (RFC 9110 section 4.2.4); https, loopback
    http, or a private-use scheme with a period.
    """
    syntax, scheme_clause = (
        "cimd-doc-redirect-uri-syntax",
        "cimd-doc-redirect-uri-scheme",
    )
    parts = split_url(redirect_uri)
    scheme = (parts.scheme or "").lower()
    if scheme in _DANGEROUS:
        return refuse(
            "cimd-doc-redirect-uri-dangerous-scheme",
            "A redirect URI has a scheme that runs or reads something.",
        )
    if not _CHARACTERS.fullmatch(redirect_uri) or not _SCHEME.fullmatch(scheme):
        return refuse(syntax, "A redirect URI is not an absolute URI.")
    if parts.fragment is not None:
        return refuse(syntax, "A redirect URI has a fragment.")
    if scheme in ("http", "https"):
        return _registrable_web_uri(parts, scheme)
    if "." not in scheme:
        return refuse(
            "cimd-doc-private-scheme-period",
            "A private-use redirect URI scheme is not a reversed domain name.",
        )
    return accept(scheme_clause)


def _registrable_web_uri(parts: UrlParts, scheme: str) -> Decision:
    try:
        usable = bool(parts.host) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        return refuse(
            "cimd-doc-redirect-uri-syntax", "A redirect URI has no usable authority."
        )
    if parts.userinfo is not None:
        return refuse(
            "cimd-doc-redirect-uri-userinfo", "A redirect URI has a user name."
        )
    if scheme == "http" and parts.host not in LOOPBACK_HOSTS:
        return refuse(
            "cimd-doc-redirect-uri-scheme",
            "A redirect URI uses http outside the user's own machine.",
        )
    return accept("cimd-doc-redirect-uri-scheme")


def redirect_uri_required(
    requested: str | None, registered: tuple[str, ...]
) -> Decision:
    """Allow leaving it out only where one is registered (RFC 6749 section 3.1.2.3)."""
    clause = "cimd-redirect-omitted"
    if requested is not None:
        return accept(clause)
    if len(registered) == 1:
        return free(clause, "The one registered redirect URI is meant.")
    return refuse(clause, "The request has to name a redirect_uri.")


def redirect_uri_exact(requested: str, registered: tuple[str, ...]) -> Decision:
    """Compare as strings, byte for byte (CIMD-03 section 4.2, RFC 9700 section 2.1)."""
    clause = "cimd-redirect-exact-match"
    if requested in registered:
        return accept(clause)
    return refuse(clause, "The redirect_uri is not one that the client registered.")


def redirect_uri_loopback_port(requested: str, registered: tuple[str, ...]) -> Decision:
    """Let the port vary for loopback redirects, nothing else (RFC 8252 section 8.4).

    CIMD-03 section 4.2 read alone forbids it, so accepting is free. For the name
    `localhost` RFC 8252 and RFC 9700 disagree besides.
    """
    clause = "cimd-redirect-loopback-only-port-varies"
    wanted = split_url(requested)
    if not _plain_loopback(wanted):
        return refuse(clause, "The redirect_uri is not one that the client registered.")
    for uri in registered:
        if _plain_loopback(split_url(uri)) and _without_port(uri) == _without_port(
            requested
        ):
            name = wanted.host == "localhost"
            kind = "localhost-name" if name else "any-port"
            return free(
                f"cimd-redirect-loopback-{kind}", "Only the loopback port differs."
            )
    return refuse(clause, "The redirect_uri differs in more than its loopback port.")


def _plain_loopback(parts: UrlParts) -> bool:
    if parts.scheme != "http" or parts.host not in LOOPBACK_HOSTS:
        return False
    port = parts.port_text
    written = f"{parts.host}:{port}" if port is not None else parts.host
    if parts.authority != written:
        return False
    return port is None or (port.isascii() and port.isdigit() and int(port) < 65536)


def _without_port(uri: str) -> UrlParts:
    parts = split_url(uri)
    return replace(parts, authority=parts.host)
