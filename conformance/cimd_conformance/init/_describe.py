"""From what a server says about itself to the fields of a target file. Pure."""

from __future__ import annotations

from typing import Any

from cimd_conformance.init._draft import Draft, Facts
from cimd_conformance.model import Role
from cimd_testbed.core import split_url

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Hosts of this machine."""

_URL_HINT = (
    "Its own URL is a setting of yours: name the variable, and start `init` again with "
    "--env NAME='{origin}'."
)


def role_of(facts: Facts) -> tuple[Role | None, str]:
    """Return what a server is by what it says, and how one sees that.

    A tool server may repeat the metadata of the issuer that it trusts.
    """
    issuer = str(facts.metadata.get("issuer"))
    parts = split_url(issuer)
    own = parts.origin == facts.origin or parts.host in LOCAL
    if facts.metadata and (own or not (facts.resource or facts.endpoint)):
        return Role.AUTHORIZATION_SERVER, f"it publishes metadata of issuer {issuer}"
    if facts.resource:
        return Role.TOOL_SERVER, f"it publishes {_path(facts.resource_url)}"
    if facts.endpoint:
        return Role.TOOL_SERVER, f"{facts.endpoint} answers like an MCP endpoint"
    return None, ""


def described(draft: Draft, facts: Facts) -> Draft:
    """Fill in what the server says about itself."""
    match draft.file.role:
        case Role.AUTHORIZATION_SERVER:
            return _authorization_server(draft, facts)
        case Role.TOOL_SERVER:
            return _tool_server(draft, facts)
        case Role.AGENT_HOST:
            return draft


# --- an authorization server --------------------------------------------------------


def _authorization_server(draft: Draft, facts: Facts) -> Draft:
    if not facts.metadata:
        text = (
            "No authorization server metadata were found at the well-known places. "
            "Where are they? Is this an authorization server?"
        )
        if facts.refused:
            text = f"{text} It answered {facts.refused}."
        example = 'metadata = "{origin}/path/to/metadata"'
        return draft.say("server.metadata", text, todo=True, example=example)
    draft = _issuer(draft, facts)
    draft = _forwarded(draft, facts)
    draft = _resource(draft, facts)
    if facts.metadata.get("client_id_metadata_document_supported") is not True:
        text = (
            "Its metadata do not say client_id_metadata_document_supported: does it "
            "take URLs as client ids, and is that switched on?"
        )
        draft = draft.say("", text, todo=True)
    return draft


def _issuer(draft: Draft, facts: Facts) -> Draft:
    announced = facts.metadata.get("issuer")
    issuer = facts.template(announced)
    draft = draft.put("server", issuer=issuer)
    if not issuer.startswith("{origin}"):
        return _another_issuer(draft, str(announced), facts)
    usual = _metadata_places(issuer)
    found = facts.template(facts.metadata_url)
    if found and found not in usual:
        draft = draft.put("server", metadata=found)
        draft = draft.say("server.metadata", "It is not where RFC 8414 puts it.")
    elif found and found != usual[0]:
        draft = draft.put("server", ready=_path(facts.metadata_url))
    return draft


def _another_issuer(draft: Draft, announced: str, facts: Facts) -> Draft:
    """Tell that the server does not know what it is called here.

    One on loopback can be reached there as well, if with less to be seen.
    """
    text = f"It announces {announced}, but is reached as {facts.origin}. {_URL_HINT}"
    known = draft.file.server.env
    named = [name for name, value in known.items() if "{origin}" in value]
    if named:
        text = f"{text} {', '.join(named)} did not change it."
    if split_url(announced).host not in LOCAL:
        return draft.say("server.issuer", text, todo=True)
    said = f"{text} Until then it is tried on loopback, where its guards may be off."
    local = announced.replace(f":{facts.port}", ":{port}", 1)
    return draft.put("server", issuer=local).say("server.issuer", said, todo=True)


def _metadata_places(issuer: str) -> list[str]:
    """Return where the metadata of an issuer can be (RFC 8414 section 3.1, OIDC)."""
    path = issuer.removeprefix("{origin}").rstrip("/")
    known = "{origin}/.well-known"
    return [
        f"{known}/oauth-authorization-server{path}",
        f"{known}/openid-configuration{path}",
        f"{{origin}}{path}/.well-known/openid-configuration",
    ]


def _forwarded(draft: Draft, facts: Facts) -> Draft:
    """Notice URLs with http where the front speaks https."""
    plain = facts.origin.replace("https://", "http://", 1)
    endpoint = facts.metadata.get("authorization_endpoint")
    known = draft.file.server.issuer.startswith("{origin}")
    if not known or plain == facts.origin or not _begins(endpoint, plain):
        return draft
    text = f"It makes URLs of the request, and says {endpoint} without these headers."
    return draft.put("server", forwarded=True).say("server.forwarded", text)


def _begins(url: object, origin: str) -> bool:
    return isinstance(url, str) and (url + "/").startswith(f"{origin}/")


def _resource(draft: Draft, facts: Facts) -> Draft:
    """Say what tokens are for, and how one sees that they work."""
    where = facts.template(facts.resource.get("resource"))
    if where.startswith("{origin}"):
        draft = draft.put("resource", uri=where)
        draft = draft.say("resource.uri", f"So says {_path(facts.resource_url)}.")
    elif facts.endpoint:
        draft = draft.put("resource", uri="{origin}" + facts.endpoint)
        draft = draft.say("resource.uri", "There it answers like an MCP endpoint.")
    draft = _scope(draft, facts)
    if facts.closed:
        draft = draft.put("resource", shown_by="call")
        return draft.say("resource.shown_by", "Its MCP endpoint wants a token.")
    return draft


def _scope(draft: Draft, facts: Facts) -> Draft:
    scopes = scopes_of(facts)
    if not scopes:
        return draft
    source = "the challenge" if facts.challenge.get("scope") else "scopes_supported"
    draft = draft.put("resource", scope=scopes[0])
    return draft.say("resource.scope", f"From {source}: {', '.join(offered(facts))}.")


def offered(facts: Facts) -> list[str]:
    """Return the scopes that are announced, those of the resource before others."""
    challenged = facts.challenge.get("scope", "").split()
    if challenged:
        return challenged
    return _strings(facts.resource, "scopes_supported") or _strings(
        facts.metadata, "scopes_supported"
    )


def scopes_of(facts: Facts) -> list[str]:
    """Return the scopes to ask for, the likeliest first.

    Those of OpenID Connect are about the person, and not for a tool.
    """
    about_people = {"openid", "profile", "email", "address", "phone", "offline_access"}
    everything = offered(facts)
    scopes = [one for one in everything if one not in about_people]
    found = [" ".join(scopes), *scopes, " ".join(everything)]
    return list(dict.fromkeys(one for one in found if one))


def _strings(value: dict[str, Any], name: str) -> list[str]:
    listed = value.get(name)
    return [x for x in listed if isinstance(x, str)] if isinstance(listed, list) else []


# --- a tool server ------------------------------------------------------------------


def _tool_server(draft: Draft, facts: Facts) -> Draft:
    if not facts.endpoint and not facts.resource:
        text = "No MCP endpoint and no protected resource metadata were found. Where?"
        return draft.say(
            "resource.uri", text, todo=True, example='uri = "{origin}/mcp"'
        )
    if facts.resource_url:
        draft = draft.put("server", ready=_path(facts.resource_url))
    draft = _where(draft, facts)
    draft = _scope(draft, facts)
    said = " ".join([*draft.file.server.start, *draft.file.server.env.values()])
    if not any(mark in said for mark in ("{issuer}", "{jwks_uri}", "{introspection_")):
        text = (
            "Nothing tells the server whose tokens to trust: give "
            "--env ISSUER='{issuer}' and --env JWKS_URI='{jwks_uri}', with the names "
            "that your server reads."
        )
        draft = draft.say("server.env", text, todo=True, example='ISSUER = "{issuer}"')
    elif "{introspection_endpoint}" in said and "{jwks_uri}" not in said:
        draft = draft.put("tokens", judged_by="introspection")
        draft = draft.say("tokens.judged_by", "It is told an introspection endpoint.")
    return draft


def _where(draft: Draft, facts: Facts) -> Draft:
    """Say where the endpoint is: where it answers, whatever its metadata call it."""
    announced = facts.resource.get("resource")
    named = facts.template(announced)
    draft = draft.put("resource", uri="{origin}" + facts.endpoint)
    if named and not named.startswith("{origin}"):
        text = f"It calls itself {announced}, but is reached as {facts.origin}."
        return draft.say("resource.uri", f"{text} {_URL_HINT}", todo=True)
    if named == draft.file.resource.uri:
        return draft.say("resource.uri", f"So says {_path(facts.resource_url)}.")
    text = "There it answers like an MCP endpoint."
    if named:
        text = f"{text} Its metadata call the resource {announced}."
    return draft.say("resource.uri", text)


def _path(url: str) -> str:
    return split_url(url).path
