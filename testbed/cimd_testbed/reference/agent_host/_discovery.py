"""From a 401 to the authorization server: RFC 9728, then RFC 8414.

The order of requests is MCP's: the challenge's `resource_metadata`, otherwise the
well-known URLs; then each place where the issuer's metadata may be.
"""

from __future__ import annotations

from dataclasses import dataclass

from cimd_testbed.core import JsonObject, split_scope
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._errors import demand, stopped
from cimd_testbed.reference.agent_host._outgoing import Outgoing


@dataclass(frozen=True, slots=True)
class Found:
    """The authorization server of one resource, validated."""

    issuer: str
    metadata: JsonObject
    challenged: tuple[str, ...]
    """The scope of the challenge."""
    supported: tuple[str, ...]
    """`scopes_supported` of the resource."""

    def endpoint(self, name: str) -> str:
        """Return an endpoint's URL; raises `Stopped` when it is not announced."""
        url = self.metadata.text(name)
        if url is None:
            raise stopped("client-no-legacy-fallback", f"There is no {name}.")
        return url

    @property
    def announces_iss(self) -> bool:
        """Whether every response is to name its issuer (RFC 9207 section 3)."""
        name = "authorization_response_iss_parameter_supported"
        return self.metadata.get(name) is True


async def discover(
    out: Outgoing, checks: AgentHostChecks, server_url: str, challenge: JsonObject
) -> Found:
    """Find the authorization server; raises `Stopped` at the first doubt."""
    challenged = challenge.text("resource_metadata")
    resource = await _resource_metadata(out, checks, server_url, challenged)
    if resource is None:
        guessed = checks.issuer_without_metadata(server_url)
        issuers = tuple(filter(None, (guessed,)))
    else:
        issuers = checks.chosen_issuers(resource, server_url)
    if not issuers:
        raise stopped("client-prm-used", "The server names no authorization server.")
    issuer, metadata = await _server_metadata(out, checks, issuers)
    demand(checks.pkce_support(metadata))
    return Found(
        issuer,
        metadata,
        split_scope(challenge.text("scope")),
        resource.texts("scopes_supported") if resource is not None else (),
    )


async def _resource_metadata(
    out: Outgoing, checks: AgentHostChecks, server_url: str, challenged: str | None
) -> JsonObject | None:
    for url in checks.resource_metadata_urls(server_url, challenged):
        metadata = await out.metadata(url)
        if metadata is not None:
            demand(checks.resource_identity(metadata, server_url, url))
            return metadata
    return None


async def _server_metadata(
    out: Outgoing, checks: AgentHostChecks, issuers: tuple[str, ...]
) -> tuple[str, JsonObject]:
    for issuer in issuers:
        for url in checks.server_metadata_urls(issuer):
            metadata = await out.metadata(url)
            if metadata is not None:
                demand(checks.server_metadata_issuer(metadata, issuer))
                return issuer, metadata
    raise stopped("client-prm-used", "The authorization server publishes no metadata.")
