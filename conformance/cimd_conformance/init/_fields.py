"""What is written about each field of a target file, in a line. Data."""

from __future__ import annotations

from dataclasses import dataclass

from cimd_conformance.model import Role

AS, TS, AH = Role.AUTHORIZATION_SERVER, Role.TOOL_SERVER, Role.AGENT_HOST
SERVERS = (AS, TS)


@dataclass(frozen=True, slots=True)
class Explained:
    """A field, or a whole table where `field` is ''."""

    table: str
    field: str
    meaning: str
    example: str = ""
    """A line for a file that does not need the field; '' leaves it out."""
    roles: tuple[Role, ...] = (AS, TS, AH)
    always: str = ""
    """What stands there when the description says nothing: the default, in TOML."""


FIELDS = (
    Explained("server", "", "How it starts, and where it is.", roles=SERVERS),
    Explained(
        "server",
        "start",
        "The command. {port}, {origin} … are chosen for each run.",
        'start = ["python3", "server.py"]',
        SERVERS,
    ),
    Explained("server", "cwd", "Where the command runs, relative to this file."),
    Explained(
        "server",
        "prepare",
        "How it is installed, outside the lab, once for each content of `locks`.",
        'prepare = [["npm", "ci", "--prefix", "{cache}"]]',
    ),
    Explained("server", "locks", "", 'locks = ["package-lock.json"]'),
    Explained(
        "server",
        "issuer",
        "The issuer, byte for byte as its metadata say.",
        roles=(AS,),
        always='"{origin}"',
    ),
    Explained("server", "metadata", "Where its metadata are.", roles=(AS,)),
    Explained("server", "port", "The port, where it is not to be chosen."),
    Explained("server", "ready", "A path that answers as soon as it works."),
    Explained("server", "forwarded", "Whether the front adds X-Forwarded-* headers."),
    Explained("server.env", "", "Its environment.", roles=SERVERS),
    Explained(
        "login",
        "users",
        "Who logs in, where there is a login form.",
        'users = [{ username = "alice", password = "alice-password" }]',
        (AS,),
    ),
    Explained(
        "login",
        "origins",
        "Further origins that the browser may be sent to for that.",
        'origins = ["https://login.example.com"]',
        (AS,),
    ),
    Explained("resource", "uri", "What tokens are for (RFC 8707).", roles=(AS,)),
    Explained("resource", "uri", "The MCP endpoint.", roles=(TS,)),
    Explained(
        "resource",
        "scope",
        "The scope that is asked for.",
        'scope = "mcp:read"',
        SERVERS,
    ),
    Explained(
        "resource",
        "shown_by",
        "How a token is shown to work: jwks, introspection, call or userinfo.",
        roles=(AS,),
        always='"jwks"',
    ),
    Explained(
        "resource",
        "client_id",
        "Who may ask the introspection endpoint.",
        'client_id = "resource-server"',
        (AS,),
    ),
    Explained("resource", "client_secret", "", 'client_secret = "…"', (AS,)),
    Explained(
        "tokens",
        "judged_by",
        "How it judges tokens of our issuer: jwks (JWTs) or introspection (opaque).",
        'judged_by = "introspection"',
        (TS,),
    ),
    Explained("tokens", "alg", "How they are signed.", 'alg = "RS256"', (TS,)),
    Explained("tokens", "audience", "Their aud.", 'audience = "{origin}"', (TS,)),
    Explained(
        "tool",
        "call",
        "The tool that is called; {marker} is different each time.",
        'call = { name = "write", arguments = { text = "{marker}" } }',
        (TS,),
    ),
    Explained(
        "tool",
        "effect",
        "A tool that shows what that one did.",
        'effect = { name = "read" }',
        (TS,),
    ),
    Explained(
        "tool",
        "upstream",
        "A tool that asks the API behind the server, which is at {upstream_api}.",
        'upstream = { name = "list_pods" }',
        (TS,),
    ),
    Explained(
        "tool",
        "scope",
        "What of `resource.scope` this tool takes and not every request does.",
        'scope = "mcp:write"',
        (TS,),
    ),
    Explained(
        "client",
        "command",
        "The command; our server's URL comes last, or as {server_url}.",
        'command = ["python3", "client.py"]',
        (AH,),
    ),
    Explained("client", "cwd", "Where it runs, relative to this file.", roles=(AH,)),
    Explained(
        "client",
        "protocols",
        "The MCP revisions that it speaks.",
        'protocols = ["2025-11-25", "2026-07-28"]',
        (AH,),
    ),
    Explained(
        "client",
        "features",
        "What else it can do: also registration, keeps-tokens, server-side.",
        'features = ["step-up", "refresh"]',
        (AH,),
    ),
    Explained("client", "document", "Who publishes its document.", roles=(AH,)),
    Explained("client", "redirect_uris", "Where the browser comes back.", roles=(AH,)),
    Explained("client", "seconds", "How long it may take.", roles=(AH,)),
    Explained("client.env", "", "Its environment.", roles=(AH,)),
    Explained("client_document", "", "What every client document has besides."),
    Explained(
        "limits",
        "jobs",
        "How many scenarios run at the same time.",
        "jobs = 4",
    ),
    Explained(
        "limits",
        "grace",
        "Seconds after which an absence counts: more for a slow server.",
        "grace = 0.3",
    ),
)
"""In the order of the file."""
