"""The host's own origin: documents, key sets, and the callback."""

from __future__ import annotations

import html
import json
from typing import Any

from cimd_testbed.net import Request, Response, redirect_response
from cimd_testbed.reference.agent_host._checks import AgentHostChecks
from cimd_testbed.reference.agent_host._identities import Identities, Identity
from cimd_testbed.reference.agent_host._pending import PendingRequests

_PAGE_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


async def publish(
    identities: Identities, pending: PendingRequests, request: Request
) -> Response:
    """Answer any request to the host's origin."""
    if request.method not in ("GET", "HEAD"):
        return Response(405, (("Allow", "GET, HEAD"),))
    if "callback" in request.path.split("/"):
        return await _callback(identities, pending, request)
    path, _, name = request.path.rpartition("/")
    identity = identities.known.get(path)
    if identity is None:
        return Response(404)
    match name:
        case "client.json":
            return _document(identities, identity)
        case "jwks.json" if identities.settings.auth_method == "private_key_jwt":
            keys = [key.plain() for key in identities.public_keys()]
            return _json(identities.checks, {"keys": keys})
        case _:
            return Response(404)


async def _callback(
    identities: Identities, pending: PendingRequests, request: Request
) -> Response:
    arrived = identities.settings.origin + request.path
    text = await pending.deliver(arrived, request.query)
    onward = identities.checks.callback_onward(tuple(request.query))
    return _page(text) if onward is None else redirect_response(onward)


def _document(identities: Identities, identity: Identity) -> Response:
    elsewhere = identities.checks.document_location(identity.client_id)
    if elsewhere is not None:
        return redirect_response(elsewhere)
    return _json(identities.checks, identities.document(identity).plain())


def _json(checks: AgentHostChecks, value: dict[str, Any]) -> Response:
    headers = (("Content-Type", "application/json"), *checks.publishing_headers())
    return Response(200, headers, json.dumps(value).encode())


def _page(text: str | None) -> Response:
    """Show the end of an authorization; nothing in it is markup or a link."""
    status = 400 if text is None else 200
    shown = html.escape(text or "This response belongs to no request.")
    body = f"<!doctype html><title>Agent host</title><p>{shown}</p>\n"
    return Response(status, _PAGE_HEADERS, body.encode())
