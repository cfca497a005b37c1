"""Resource indicators (RFC 8707) and scopes (RFC 6749 section 3.3)."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, free, refuse
from cimd_testbed.core._url import DEFAULT_PORTS, split_url


def canonical_resource(uri: str) -> str:
    """Return a resource with scheme and host in lower case, without default port.

    MCP, "Canonical Server URI": upper case SHOULD be tolerated. Nothing else changes.
    """
    parts = split_url(uri)
    if not parts.scheme or parts.authority is None or parts.userinfo is not None:
        return uri
    scheme, host = parts.scheme.lower(), parts.host.lower()
    port = parts.port_text
    if port is not None and port != str(DEFAULT_PORTS.get(scheme)):
        host = f"{host}:{port}"
    path = parts.path if parts.path != "/" else ""
    query = "" if parts.query is None else f"?{parts.query}"
    fragment = "" if parts.fragment is None else f"#{parts.fragment}"
    return f"{scheme}://{host}{path}{query}{fragment}"


def known_resource(requested: tuple[str, ...], known: tuple[str, ...]) -> Decision:
    """Accept the known resources alone; without one, only where there is no choice.

    RFC 8707 section 2: an absolute URI without fragment, else `invalid_target`.
    """
    if not requested:
        if len(known) == 1:
            return free("resource-omitted", "The one known resource is meant.")
        return refuse("resource-omitted", "The request has to name a resource.")
    for uri in requested:
        parts = split_url(uri)
        if not parts.scheme or parts.fragment is not None:
            return refuse("resource-syntax", "A resource is no absolute URI.")
    canonical = {canonical_resource(uri) for uri in known}
    if not canonical.issuperset(map(canonical_resource, requested)):
        return refuse("resource-unknown", "A resource is not known here.")
    return accept("resource-unknown")


def granted_resources(
    requested: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the known spelling of each requested resource, in the order known."""
    wanted = set(map(canonical_resource, requested))
    if not wanted and len(known) == 1:
        return known
    return tuple(uri for uri in known if canonical_resource(uri) in wanted)


def resource_subset(requested: tuple[str, ...], granted: tuple[str, ...]) -> Decision:
    """A token request narrows the grant's resources, never widens (RFC 8707 section 2.2)."""
    clause = "resource-token-subset"
    canonical = {canonical_resource(uri) for uri in granted}
    if not canonical.issuperset(map(canonical_resource, requested)):
        return refuse(clause, "The grant is not for this resource.")
    return accept(clause)


def narrowed_resources(
    requested: tuple[str, ...], granted: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the grant's resources, or those of them that the request names."""
    if not requested:
        return granted
    return granted_resources(requested, granted)


def token_audience(
    resources: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    """Return whom a token is for: the resources it was asked for (RFC 8707 section 2)."""
    del known
    return resources


def split_scope(scope: str | None) -> tuple[str, ...]:
    """Return the scope values in order, without repetitions (RFC 6749 section 3.3)."""
    return tuple(dict.fromkeys((scope or "").split(" "))) if scope else ()


def known_scope(
    requested: tuple[str, ...],
    known: tuple[str, ...],
    registered: tuple[str, ...] | None,
) -> Decision:
    """Accept scope values that exist and that the client registered, if it did."""
    if not set(known).issuperset(requested):
        return refuse("token-scope-unknown", "A scope value is not known here.")
    if registered is not None and not set(registered).issuperset(requested):
        return refuse("cimd-doc-scope-ceiling", "The client did not register a scope.")
    return accept("token-scope-unknown")


def granted_scope(
    requested: tuple[str, ...],
    default: tuple[str, ...],
    registered: tuple[str, ...] | None,
) -> tuple[str, ...]:
    """Return what is granted: the request, else the default under the client's ceiling."""
    if requested:
        return requested
    return tuple(item for item in default if registered is None or item in registered)


def scope_subset(requested: tuple[str, ...], granted: tuple[str, ...]) -> Decision:
    """A refresh narrows the scope, never widens it (RFC 6749 section 6)."""
    clause = "refresh-scope-resource-narrowing"
    if not set(granted).issuperset(requested):
        return refuse(clause, "The grant does not have this scope.")
    return accept(clause)
