"""Whether the target's clock goes like ours. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from cimd_conformance.engine._diagnosis import Diagnosis, header_of
from cimd_conformance.flows import FlowResult
from cimd_conformance.model import Exchange, Message
from cimd_testbed.parties import read_jwt

TOLERATED = 30.0
"""Seconds: our assertions live a minute."""
NOTICED = 3.0


def skews(
    exchanges: Iterable[Exchange],
    result: FlowResult,
    wall: Callable[[float], float],
) -> dict[str, float]:
    """Return by how many seconds the target is ahead, by where that shows.

    `wall` turns the moment of an event into seconds since the epoch.
    """
    found: dict[str, float] = {}
    last = 0.0
    for one in exchanges:
        last = wall(one.at)
        date = header_of(one, "date") if one.receiver == "target" else ""
        if (seconds := _seconds(date)) is not None:
            found["the Date header"] = seconds - last
    for name, issued in _issued(result):
        found[f"iat of its {name}"] = issued - last
    return found


def _seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def _issued(result: FlowResult) -> Iterator[tuple[str, float]]:
    response: Any = result.messages.get(Message.TOKEN_RESPONSE)
    token = response.get("access_token") if isinstance(response, dict) else None
    assertion: Any = result.messages.get(Message.CLIENT_ASSERTION)
    for name, claims in (
        ("access token", _claims(token)),
        ("assertion", assertion.get("claims") if isinstance(assertion, dict) else None),
    ):
        issued = claims.get("iat") if isinstance(claims, dict) else None
        if isinstance(issued, int | float) and not isinstance(issued, bool):
            yield name, float(issued)


def _claims(token: object) -> dict[str, Any]:
    try:
        return read_jwt(str(token))[1]
    except ValueError:
        return {}


def clock(found: dict[str, float]) -> tuple[str, str, Diagnosis | None]:
    """Return what to say of it: a sentence, advice, and what is wrong."""
    if not found:
        return "The target shows no time: neither a Date header nor iat.", "", None
    where, seconds = max(found.items(), key=lambda one: abs(one[1]))
    if abs(seconds) < NOTICED:
        return f"By {where} the target's clock goes like ours.", "", None
    way = "ahead of" if seconds > 0 else "behind"
    what = f"By {where} the target's clock is {abs(seconds):.0f} s {way} ours."
    mend = (
        "Let the target use the system's clock: no faked time in `server.start` or "
        "`server.env`."
    )
    if abs(seconds) <= TOLERATED:
        return what, mend, None
    fields = ("server.env", "server.start")
    return what, mend, Diagnosis("clock", "clock-skew", what, mend, fields)
