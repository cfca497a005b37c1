"""What `serve` says about its servers: for people, and as a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from cimd_certs import trust_hints

if TYPE_CHECKING:
    from cimd_testbed import Testbed


class Asked(Protocol):
    """What of the command line is repeated."""

    @property
    def documents(self) -> Path | None:
        """The folder that the document host publishes."""
        ...

    @property
    def pki(self) -> Path | None:
        """The folder of a CA that outlives the servers."""
        ...

    @property
    def resources(self) -> tuple[str, ...]:
        """Tool servers besides our own."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Where everything is."""

    issuer: str
    metadata_url: str
    jwks_uri: str
    resource: str
    resource_metadata_url: str
    agent_client_id: str
    document_host: str
    published: tuple[str, ...]
    resources: tuple[str, ...]
    users: tuple[tuple[str, str], ...]
    ca_file: Path
    ca_lasts: bool

    @classmethod
    def of(cls, bed: Testbed, ca_file: Path, asked: Asked) -> Self:
        """Read them off a running testbed."""
        origin, folder = bed.document_host.origin, asked.documents
        names = sorted(file.name for file in folder.glob("*.json")) if folder else []
        return cls(
            issuer=bed.issuer,
            metadata_url=bed.metadata_url,
            jwks_uri=bed.jwks_uri,
            resource=bed.resource,
            resource_metadata_url=bed.resource_metadata_url,
            agent_client_id=bed.agent_client_id,
            document_host=origin,
            published=tuple(f"{origin}/{name}" for name in names),
            resources=asked.resources,
            users=tuple(bed.users.items()),
            ca_file=ca_file,
            ca_lasts=asked.pki is not None,
        )


def document(facts: Facts) -> dict[str, Any]:
    """Return the facts as JSON."""
    return {
        "issuer": facts.issuer,
        "authorization_server_metadata": facts.metadata_url,
        "jwks_uri": facts.jwks_uri,
        "resource": facts.resource,
        "protected_resource_metadata": facts.resource_metadata_url,
        "further_resources": list(facts.resources),
        "agent_host_client_id": facts.agent_client_id,
        "document_host": facts.document_host,
        "published": list(facts.published),
        "users": [
            {"username": name, "password": password} for name, password in facts.users
        ],
        "ca_file": str(facts.ca_file),
        "trust": [
            {
                "runtime": hint.runtime,
                "environment": dict(hint.environment),
                "command": list(hint.command),
                "note": hint.note,
            }
            for hint in trust_hints(facts.ca_file)
        ],
    }


def describe(facts: Facts) -> str:
    """Return the facts as text."""
    return "\n".join([*_servers(facts), "", *_advice(facts), "", *_trust(facts)])


def _servers(facts: Facts) -> Iterator[str]:
    rows = [
        ("issuer", facts.issuer),
        ("  metadata", facts.metadata_url),
        ("  keys", facts.jwks_uri),
        ("MCP server", facts.resource),
        ("  metadata", facts.resource_metadata_url),
        ("agent host", f"{facts.agent_client_id} (its client_id)"),
        ("document host", facts.document_host),
        *(("  publishes", url) for url in facts.published),
        *(("user", f"{name}, password {password}") for name, password in facts.users),
        ("CA", str(facts.ca_file)),
    ]
    for name, value in rows:
        yield f"{name:<14}{value}"


def _advice(facts: Facts) -> Iterator[str]:
    yield "Your MCP client"
    yield f"  server URL  {facts.resource}"
    if facts.published:
        yield "  client_id   the URL of your document, published above"
    else:
        yield "  client_id   `cimd-conformance new-client --out my-client`; restart"
        yield "              with `--documents my-client`, or host it yourself, on"
        yield "              https://localhost:PORT with a leaf of `certs`"
    yield "Your MCP server"
    yield f"  issuer      {facts.issuer}"
    yield f"  jwks_uri    {facts.jwks_uri}"
    if facts.resources:
        yield from (f"  audience    {uri}" for uri in facts.resources)
    else:
        yield "  audience    its URL; restart with `--resource URL`, so that tokens"
        yield "              are issued for it (scopes: mcp:read mcp:write)"
    yield "Your authorization server"
    yield f"  client_id   {facts.agent_client_id}"
    yield "              is a document to fetch; `cimd-conformance run` tests it all"


def _trust(facts: Facts) -> Iterator[str]:
    yield "Trust the CA, in the environment of your product:"
    if not facts.ca_lasts:
        yield "# It is gone when this ends. To keep one:"
        yield "#   cimd-conformance certs --out pki --keep-key --leaf localhost"
        yield "#   cimd-conformance serve --certs pki"
    yield from (hint.shell() for hint in trust_hints(facts.ca_file))
