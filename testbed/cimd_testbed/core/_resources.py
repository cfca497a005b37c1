"""Resource indicators (RFC 8707) and scopes (RFC 6749 section 3.3)."""

from __future__ import annotations

from cimd_testbed.core._decision import Decision, accept, refuse
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


def known_resources(
    requested: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the requested resources as spelled here, or None: `invalid_target`.

    RFC 8707 section 2: absolute URIs without fragment that are known here. Without any
    the only known resource is meant, where there is but one.
    """
    if not requested:
        return known if len(known) == 1 else None
    spelled = {canonical_resource(uri): uri for uri in known}
    found = [spelled.get(canonical_resource(uri)) for uri in requested]
    if None in found:
        return None
    return tuple(dict.fromkeys(uri for uri in found if uri is not None))


def narrowed_resources(
    requested: tuple[str, ...], granted: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return the grant's resources, or those of them that are asked for (RFC 8707 2.2).

    None, `invalid_target`, for any other, whether it is `known` here or not.
    """
    del known
    return known_resources(requested, granted) if requested else granted


def token_audience(
    resources: tuple[str, ...], known: tuple[str, ...]
) -> tuple[str, ...]:
    """Return whom a token is for: the resources it was asked for.

    RFC 8707 section 2.
    """
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
    """Return the request, else the default under the client's ceiling."""
    if requested:
        return requested
    return tuple(item for item in default if registered is None or item in registered)


def scope_subset(requested: tuple[str, ...], granted: tuple[str, ...]) -> Decision:
    """Check that a refresh narrows the scope, never widens it (RFC 6749 section 6)."""
    clause = "refresh-scope-resource-narrowing"
    if not set(granted).issuperset(requested):
        return refuse(clause, "The grant does not have this scope.")
    return accept(clause)
