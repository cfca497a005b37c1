"""How a client finds out where to go: RFC 9728, RFC 8414, MCP "Discovery".

Everything here comes from a server that the client has never met.
"""

from __future__ import annotations

from cimd_testbed.core._addresses import IPAddress, public_addresses
from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._fetching import TlsProblem
from cimd_testbed.core._json import JsonObject
from cimd_testbed.core._metadata import well_known_url
from cimd_testbed.core._redirect import LOOPBACK_HOSTS
from cimd_testbed.core._resources import canonical_resource
from cimd_testbed.core._url import split_url

_RESOURCE = "oauth-protected-resource"
_OAUTH = "oauth-authorization-server"
_OIDC = "openid-configuration"


def resource_metadata_urls(server_url: str, challenged: str | None) -> tuple[str, ...]:
    """Return where the resource's metadata may be, in order.

    The challenge's URL alone when there is one; otherwise the well-known URL with the
    server's path, then the one at the root (client-prm-order).
    """
    if challenged:
        return (challenged,)
    root = f"{split_url(server_url).origin}/.well-known/{_RESOURCE}"
    with_path = well_known_url(_without_query(server_url), _RESOURCE)
    return tuple(dict.fromkeys((with_path, root)))


def _without_query(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]


def resource_identity(metadata: JsonObject, server_url: str, found_at: str) -> Decision:
    """Demand that the metadata is about the server that was asked (RFC 9728 3.3).

    The texts leave open what metadata at the root of the host may name: its origin,
    then, is not wrong.
    """
    clause = "client-prm-resource-check"
    stated = metadata.text("resource")
    wanted = canonical_resource(_without_query(server_url))
    if stated is not None and canonical_resource(stated) == wanted:
        return accept(clause)
    origin = split_url(wanted).origin
    at_root = split_url(found_at).path == f"/.well-known/{_RESOURCE}"
    if at_root and stated is not None and canonical_resource(stated) == origin:
        return free(clause, "The metadata at the root is about the whole host.")
    return refuse(clause, "The metadata is about another resource.")


def issuer_without_metadata(server_url: str) -> str | None:
    """Guess no issuer for a server that names none (client-no-legacy-fallback).

    MCP 2025-03-26 took the server's origin.
    """
    del server_url
    return None


def chosen_issuers(metadata: JsonObject, server_url: str) -> tuple[str, ...]:
    """Return whose metadata is looked for: the first one listed, nobody else's.

    RFC 9728 section 7.6; that the server names it is what counts (client-prm-used).
    """
    del server_url
    return metadata.texts("authorization_servers")[:1]


def discovered_anew(known: bool) -> bool:
    """Look for the metadata at every challenge, known or not (RFC 9728 section 5.2)."""
    del known
    return True


def server_metadata_urls(issuer: str) -> tuple[str, ...]:
    """Return where the issuer's metadata may be, in the order of MCP "Discovery"."""
    parts = split_url(issuer)
    inserted = (well_known_url(issuer, _OAUTH), well_known_url(issuer, _OIDC))
    path = parts.path.rstrip("/")
    if not path:
        return inserted
    return (*inserted, f"{parts.origin}{path}/.well-known/{_OIDC}")


def server_metadata_issuer(metadata: JsonObject, issuer: str) -> Decision:
    """Demand that `issuer` is the identifier that was asked for, as a string.

    RFC 8414 section 3.3.
    """
    clause = "client-as-metadata-issuer-check"
    if metadata.get("issuer") != issuer:
        return refuse(clause, "The metadata is of another authorization server.")
    return accept(clause)


def pkce_support(metadata: JsonObject) -> Decision:
    """Demand that the server says that it supports S256 (MCP, "PKCE")."""
    methods = metadata.texts("code_challenge_methods_supported")
    if not methods:
        return refuse("client-pkce-verify-support", "The server announces no PKCE.")
    if "S256" not in methods:
        return refuse("client-pkce-no-downgrade", "The server does not support S256.")
    return accept("client-pkce-verify-support")


def discovery_url(url: str) -> Decision:
    """Allow https alone for what a server named; http on the own machine is free.

    RFC 9728 section 7.7, MCP security best practices.
    """
    clause = "client-ssrf-guard"
    parts = split_url(url)
    try:
        usable = bool(parts.host) and parts.userinfo is None and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        return refuse(clause, "A discovered URL has no plain authority.")
    if parts.scheme == "https":
        return accept(clause)
    if parts.scheme == "http" and parts.host in LOOPBACK_HOSTS:
        return free(clause, "Plain http stays on this machine.")
    return refuse(clause, "A discovered URL is not https.")


def server_tls(problem: TlsProblem) -> Decision:
    """Talk to no server whose TLS is not in order, whatever it is about.

    RFC 9728 section 7.3, RFC 8414 section 6, RFC 6750 section 5.3.
    """
    return refuse("client-tls-checks", f"The server's TLS is not in order: {problem}.")


def discovery_addresses(host: str, addresses: tuple[IPAddress, ...]) -> Decision:
    """Refuse names of this network and this machine (client-ssrf-guard)."""
    found = public_addresses(host, addresses)
    if found.refused:
        return refuse("client-ssrf-guard", "A discovered URL leads inward.")
    return accept("client-ssrf-guard")


def metadata_redirect(url: str, status: int, location: str | None) -> str | None:
    """Follow no redirect of metadata (client-metadata-redirects)."""
    del url, status, location
    return None


def authorization_url(url: str) -> Decision:
    """Open web addresses alone (client-authorization-url-scheme).

    Anything else would be handed to whatever program the system knows for it.
    """
    clause = "client-authorization-url-scheme"
    parts = split_url(url)
    if any(char <= " " or char in "\"'`<>\\^{|}" or char > "~" for char in url):
        return refuse(clause, "The authorization endpoint is no plain URL.")
    if parts.host and parts.scheme == "https":
        return accept(clause)
    if parts.scheme == "http" and parts.host in LOOPBACK_HOSTS:
        return free(clause, "Plain http stays on this machine.")
    return refuse(clause, "The authorization endpoint is no https URL.")
