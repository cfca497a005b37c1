"""There and back again: a browser at the identity provider of the target."""

from __future__ import annotations

from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from cimd_conformance.evidence import looks_opaque
from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.authorization_server._authorize import (
    landed,
    make_browser,
)
from cimd_conformance.flows.authorization_server._common import end
from cimd_conformance.flows.authorization_server._page import Asked, parameters
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_conformance.model import Message, Outcome, Step
from cimd_testbed.net import Response

MOST_STATES = 16
"""Load is bounded, however much a server shows."""


async def come_back(state: AsState, step: Step) -> StepEnd:
    """Take a browser to the identity provider, which knows it, and back.

    It presses no button: who is asked again on the way back has not agreed.
    """
    shown = step.with_.get("state") == "shown"
    urls = _guesses(state) if shown else [state.departures.get(step.as_, "")]
    ended = end(step, Outcome.REFUSED_WITHOUT_REDIRECT, "nothing shown can be a state")
    for url in filter(None, urls):
        asked = _asked(state, step)
        landing = await make_browser(state, step, asked).visit(url, "provider_request")
        ended = landed(state, step, landing, asked)
        if ended.outcome is Outcome.COMPLETED:
            break
    return ended


def _asked(state: AsState, step: Step) -> Asked:
    sent = state.messages[Message.AUTHORIZATION_REQUEST]
    uri = state.identities[step.as_].variables["redirect_uri"]
    return Asked(uri, sent.get("state", ""), state.target.own_origins)


def _guesses(state: AsState) -> list[str]:
    """Return requests to the provider with each value that was shown as the state.

    Whoever lures a person to the server can read the same values in a browser of their
    own, and whoever is asked can be sent past the question.
    """
    upstream = state.world.upstream
    values = dict.fromkeys(one for page in state.answers for one in _shown(page))
    opaque = [value for value in values if looks_opaque(value)][:MOST_STATES]
    honest = upstream.asked | {"response_type": "code"}
    return [
        f"{upstream.issuer}/authorize?{urlencode(honest | {'state': value})}"
        for value in opaque
    ]


def _shown(page: Response) -> list[str]:
    """Return what a browser learns from an answer: cookies, hidden fields, URLs."""
    found = [
        line.partition(";")[0].partition("=")[2].strip()
        for line in page.header_values("set-cookie")
    ]
    hidden = LexborHTMLParser(page.text).css("input[type=hidden]")
    found += [node.attributes.get("value") or "" for node in hidden]
    return found + list(parameters(page.header("location") or "").values())
