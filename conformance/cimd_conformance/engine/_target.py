"""A target that is up: its world, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from cimd_conformance.flows.authorization_server import AsWorld
from cimd_conformance.model import TargetError
from cimd_testbed.core import split_url
from cimd_testbed.net import HttpClient, HttpError


@dataclass(slots=True)
class RunningTarget:
    """What a run works on; `exited` is set when the target ends by itself."""

    world: AsWorld
    close: Callable[[], Awaitable[None]]
    exited: asyncio.Event
    jobs: int
    grace: float
    exit_code: Callable[[], int | None] = lambda: None
    last_output: Callable[[], list[str]] = list


def metadata_urls(issuer: str) -> list[str]:
    """Return where the metadata of an issuer can be (RFC 8414 section 3.1, OIDC)."""
    parts = split_url(issuer)
    path = parts.path.rstrip("/")
    base = f"{parts.scheme}://{parts.authority}"
    return [
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}/.well-known/openid-configuration{path}",
        f"{base}{path}/.well-known/openid-configuration",
    ]


async def read_metadata(
    http: HttpClient, issuer: str, explicit: str | None = None
) -> dict[str, Any]:
    """Return the authorization server's metadata.

    Raises `TargetError` when no place gives a JSON object with both endpoints.
    """
    seen = []
    for url in [explicit] if explicit else metadata_urls(issuer):
        try:
            response = await http.request("GET", url, (("Accept", "application/json"),))
        except (HttpError, OSError, TimeoutError) as error:
            seen.append(f"{url}: {type(error).__name__} {error}")
            continue
        try:
            value = json.loads(response.body)
        except ValueError:
            seen.append(f"{url}: HTTP {response.status}, not JSON")
            continue
        if response.status != 200 or not isinstance(value, dict):
            seen.append(f"{url}: HTTP {response.status}")
            continue
        wanted = ("issuer", "authorization_endpoint", "token_endpoint")
        if all(isinstance(value.get(name), str) for name in wanted):
            return value
        seen.append(f"{url}: without {', '.join(wanted)}")
    raise TargetError(
        "no-metadata",
        "The target publishes no usable authorization server metadata:\n  "
        + "\n  ".join(seen),
        "Check `server.issuer` in the target file, or name the URL as "
        "`server.metadata`.",
    )
