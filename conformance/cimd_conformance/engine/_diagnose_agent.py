"""Causes with an agent host: how far it came with our server, and why no further."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cimd_conformance.engine._diagnosis import (
    Case,
    Diagnosis,
    first_of,
    printed,
)
from cimd_conformance.flows.agent_host import AgentView
from cimd_conformance.model import Exchange, Message, Outcome

AgentCase = Case[AgentView]

_URL = re.compile(r"[a-z][a-z0-9+.-]*:[^\s\"'<>]*[?&]response_type=code")
_HUNG = re.compile(r"did not end within|did not answer within|in time")


def agent(case: AgentCase) -> Diagnosis:
    """Return why the client did not call the tool."""
    found = first_of(_RULES, case)
    return found or Diagnosis(
        "control",
        "client-stopped",
        f"The client came as far as this: {_detail(case)}.{printed(case.output)}",
        "Its output says why it went no further; what it needs to know of us is in "
        "`client.env`, and what it can do in `client.features`.",
        ("client.env", "client.features"),
    )


def _detail(case: AgentCase) -> str:
    return case.result.redact(case.end.detail)


def stages(exchanges: Iterable[Exchange]) -> set[str]:
    """Return how far a client came: discovered, authorized, called-back, redeemed."""
    found = set()
    for one in exchanges:
        if one.message == "as_metadata":
            found.add("discovered")
        elif one.message == "token_response":
            found.add("redeemed")
        elif one.message == "authorization_response":
            found.add("called-back" if one.receiver == "target" else "authorized")
    return found


def _never_came(case: AgentCase) -> Diagnosis | None:
    if case.exchanges or any(seen.depth > 1 for seen in case.seen):
        return None
    drive = case.file.client.drive
    if drive == "attended":
        return Diagnosis(
            "connect",
            "nobody-connected",
            f"Nobody connected a client: {_detail(case)}.",
            "Connect your client to the URL that is shown, or raise `client.seconds`.",
            ("client.seconds",),
        )
    field = "client.hook" if case.file.client.hook else "client.command"
    return Diagnosis(
        "connect",
        "never-connected",
        f"The client was told the server's URL and never connected: {_detail(case)}."
        f"{printed(case.output)}",
        "The URL is the last argument of `client.command`, or wherever {server_url} "
        f"stands in it: check `{field}`, and that the client uses it.",
        (field, "client.env"),
    )


def _not_opened(case: AgentCase) -> Diagnosis | None:
    """Return that the authorization URL never came to the browser."""
    opens = case.file.client.opens
    if stages(case.exchanges) != {"discovered"}:
        return None
    on_output = any(_URL.search(line) for line in case.output)
    if on_output and "output" not in opens:
        write = sorted({*opens, "output"})
        return Diagnosis(
            "opens",
            "url-on-output",
            "The client printed its authorization URL, and `client.opens` does not say "
            "that its output is to be read.",
            f"Write `client.opens = {write}`.".replace("'", '"'),
            ("client.opens",),
        )
    if "browser" not in opens or "output" not in opens:
        return Diagnosis(
            "opens",
            "no-url-opened",
            "The client read the authorization server's metadata, and no authorization "
            f"URL came to a browser: {_detail(case)}. What `client.opens` says is "
            f"{list(opens)}.{printed(case.output)}",
            'Leave `client.opens` out: that is `["browser", "output"]`. `[]` is only '
            "for a client that goes to its authorization URL itself.",
            ("client.opens",),
        )
    how = f"`client.opens` is {opens}".replace("'", '"')
    return Diagnosis(
        "opens",
        "no-url-opened",
        "The client read the authorization server's metadata, and no authorization URL "
        f"came to a browser ({how}): {_detail(case)}.{printed(case.output)}",
        "It has to hand the URL to $BROWSER or to the system's opener, to print it, or "
        "to go there itself (then `client.opens = []`). If it stopped before: it may "
        "want to register in another way than with a client metadata document.",
        ("client.opens", "client.env"),
    )


def _callback(case: AgentCase) -> Diagnosis | None:
    """Return that the browser came back and the client was not there."""
    found = stages(case.exchanges)
    if "authorized" not in found or "redeemed" in found:
        return None
    request = case.result.messages.get(Message.AUTHORIZATION_REQUEST)
    uri = request.get("redirect_uri", "") if isinstance(request, dict) else ""
    visits = case.of("target", "authorization_response")
    if any(visit.response is not None for visit in visits):
        return Diagnosis(
            "opens",
            "callback-refused",
            f"The browser came to the client's redirect URI {uri} with a code, and the "
            f"client did not exchange it: {_detail(case)}.{printed(case.output)}",
            "The client's output says what it does not like about the answer.",
            ("client.env",),
        )
    return Diagnosis(
        "opens",
        "callback-unreachable",
        f"The browser was sent to the client's redirect URI {uri}, and nobody answered "
        f"there: {_detail(case)}.",
        "The client has to listen where `client.redirect_uris` says: pass "
        "{redirect_uri} or {callback_port} to it in `client.env` or `client.command`.",
        ("client.redirect_uris", "client.env"),
    )


def _no_metadata(case: AgentCase) -> Diagnosis | None:
    if not case.exchanges or stages(case.exchanges):
        return None
    return Diagnosis(
        "connect",
        "no-discovery",
        "The client got a 401 that says where to get a token, and did not look there: "
        f"{_detail(case)}.{printed(case.output)}",
        "It may need a setting to begin an OAuth flow: `client.env`, `client.command`.",
        ("client.env", "client.command"),
    )


def _hung(case: AgentCase) -> Diagnosis | None:
    calls = case.end.outcome is Outcome.NO_ANSWER and _HUNG.search(case.end.detail)
    if not calls:
        return None
    return Diagnosis(
        "control",
        "client-hangs",
        f"{_detail(case)[:1].upper()}{_detail(case)[1:]}.{printed(case.output)}",
        "A `command` has to end when the tool was called, with code 0; if it is only "
        'slow, raise `client.seconds`; one that stays is `client.drive = "program"`.',
        ("client.seconds", "client.drive"),
    )


def _failed(case: AgentCase) -> Diagnosis | None:
    if case.end.outcome is not Outcome.CLIENT_FAILED:
        return None
    return Diagnosis(
        "control",
        "client-failed",
        f"The client called the tool and says that it failed: {_detail(case)}."
        f"{printed(case.output)}",
        "A `command` says with exit code 0 that all went well: check what it does "
        "after the call (`client.command`).",
        ("client.command",),
    )


_RULES = (_never_came, _failed, _not_opened, _callback, _no_metadata, _hung)
