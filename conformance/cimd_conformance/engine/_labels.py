"""Whose request a reference is answering: how `prove` tells scenarios apart."""

from __future__ import annotations

from contextvars import ContextVar

from cimd_testbed.net import Handler, Request, Response

current_scenario: ContextVar[str | None] = ContextVar("scenario", default=None)
"""The label of the connection that the running request came in on."""


def labelled(handler: Handler) -> Handler:
    """Note whose request is answered; the reference itself knows nothing of it."""

    async def handle(request: Request) -> Response:
        current_scenario.set(request.arrival.label)
        return await handler(request)

    return handle
