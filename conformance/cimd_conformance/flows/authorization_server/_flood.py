"""Many requests that each could make the target fetch something."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows.authorization_server._authorize import (
    authorization_params,
)
from cimd_conformance.flows.authorization_server._common import end
from cimd_conformance.flows.authorization_server._state import AsState
from cimd_conformance.model import Outcome, Step
from cimd_testbed.net import Headers, HttpClient, Response

MOST = 64


async def flood(state: AsState, step: Step) -> StepEnd:
    """Ask many times for one client, or once each for many clients of one host."""
    count = min(int(step.with_.get("count", 20)), MOST)
    several = bool(step.with_.get("clients"))
    urls = [
        _url(state, step.as_, number if several else None) for number in range(count)
    ]
    client = state.world.http(state.label)
    try:
        headers = _headers(state, urls[0])
        if several:
            answers = [await client.request("GET", url, headers) for url in urls]
        else:
            answers = await _at_once(client, urls, headers)
    finally:
        await client.close()
    for url, answer in zip(urls, answers, strict=False):
        message = "authorization_request"
        state.record(message, "GET", url, headers, b"", answer, sender="browser")
    detail = f"{len(answers)} of {count} requests were answered"
    return end(step, Outcome.COMPLETED if answers else Outcome.NO_ANSWER, detail)


async def _at_once(
    client: HttpClient, urls: list[str], headers: Headers
) -> list[Response]:
    found = await asyncio.gather(
        *(client.request("GET", url, headers) for url in urls), return_exceptions=True
    )
    return [answer for answer in found if isinstance(answer, Response)]


def _url(state: AsState, name: str, number: int | None) -> str:
    """Return an authorization request, with a number for another client's."""
    params = dict(authorization_params(state, name))
    if number is not None:
        path = f"{state.client.site.prefix}/client-{number}.json"
        state.world.web.publish(path, state.client.serve_document)
        params["client_id"] = f"{state.client.site.origin}{path}"
    endpoint = state.target.endpoint("authorization_endpoint")
    mark = "&" if "?" in endpoint else "?"
    return f"{endpoint}{mark}{urlencode(params)}"


def _headers(state: AsState, url: str) -> Headers:
    """Return what the browser that logged in sends along."""
    accept = ("Accept", "text/html")
    browser = state.browsers.get("client")
    cookie = browser.cookie(url) if browser is not None else ""
    return (accept, ("Cookie", cookie)) if cookie else (accept,)
