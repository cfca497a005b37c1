"""Whose request a reference is answering: how `prove` tells scenarios apart."""

from __future__ import annotations

from contextvars import ContextVar

from cimd_testbed.net import Handler, Request, Response

current_scenario: ContextVar[str | None] = ContextVar("scenario", default=None)
"""The label of the connection that the running request came in on."""


crashes: dict[str, str] = {}
"""What went wrong inside a reference, by label: a crash is no refusal."""


def labelled(handler: Handler) -> Handler:
    """Note whose request is answered; the reference itself knows nothing of it."""

    async def handle(request: Request) -> Response:
        label = request.arrival.label
        current_scenario.set(label)
        try:
            return await handler(request)
        except Exception as error:
            crashes[label or ""] = f"{type(error).__name__}: {error}"
            raise

    return handle
