"""A target that is up: its world, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cimd_conformance.catalogue import Instance
from cimd_conformance.evidence import OutputRedactor
from cimd_conformance.flows import Advance, FlowResult, World
from cimd_conformance.model import AnyEvent, Scenario, TargetError, TargetExited
from cimd_conformance.target import TargetFile
from cimd_testbed.core import ShiftedClock, split_url
from cimd_testbed.net import HttpClient, HttpError

if TYPE_CHECKING:  # it knows every role, and few runs need it
    from cimd_conformance.engine._diagnosis import Diagnosis


@dataclass(slots=True)
class RunningTarget:
    """What a run works on; `exited` is set when the target ends by itself."""

    world: World
    run_flow: Callable[
        [str, str, dict[str, str], Scenario | None], Awaitable[FlowResult]
    ]
    """Run (label, flow, variant, scenario or None for the legitimate flow)."""
    missing_feature: Callable[[Instance], str | None]
    """Name what an instance needs and the target does not announce."""
    close: Callable[[], Awaitable[None]]
    exited: asyncio.Event
    jobs: int
    grace: float
    exit_code: Callable[[], int | None] = lambda: None
    last_output: Callable[[], list[str]] = list
    adapt: Callable[[TargetFile], bool] = lambda _file: False
    """Take what another file says about the flows; False where that takes a restart."""
    diagnose: Callable[[str, FlowResult], Diagnosis] | None = None
    """Say why the legitimate flow of this label did not complete."""
    path: Path | None = None
    """The target file, for whoever has to mend it."""
    restart: Callable[[], Awaitable[None]] | None = None
    """Starts it again; raises `TargetError`. None where the file does not say so."""
    fresh_for_exclusive: bool = False
    """Whether it is started again before each exclusive scenario."""
    pace: float = 0.0
    """Seconds between the beginnings of two flows."""
    retry_after: float = 0.0
    """How long to wait for a target that limits the rate, before a second try."""
    repeats_controls: bool = True
    """Whether controls may be repeated at the end: a person is not asked twice."""
    hear: Callable[[AnyEvent], None] = lambda _event: None
    """Hears what the run tells while it works on this target."""

    def exit_event(self, now: float) -> TargetExited:
        """Return what there is to tell when it has ended by itself."""
        code = self.exit_code()
        redactor = OutputRedactor(self.world.secrets)
        last = [redactor.line(line) for line in self.last_output()]
        return TargetExited(now, -1 if code is None else code, last)


def moved_by(clock: ShiftedClock) -> Advance:
    """Return what moves the clock of an embedded target, which follows at once."""

    async def advance(seconds: float) -> bool:
        clock.advance(seconds)
        return True

    return advance


async def nothing_to_close() -> None:
    """Close an embedded target, which ends with its network."""


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


class NoMetadataError(TargetError):
    """No place gives usable metadata; `seen` is a line for each that was asked."""

    def __init__(self, seen: list[str], refused: str) -> None:
        super().__init__(
            "no-metadata",
            "The target publishes no usable authorization server metadata:\n"
            + "\n".join(seen),
            "Check `server.issuer` in the target file, or name the URL as "
            "`server.metadata`.",
        )
        self.seen = seen
        self.refused = refused
        """What the target said to its own public name, where it refused that."""


async def read_metadata(
    http: HttpClient, issuer: str, explicit: str | None = None
) -> tuple[dict[str, Any], str]:
    """Return the authorization server's metadata, and where it was found.

    Raises `NoMetadataError` when no place gives a JSON object with both endpoints.
    """
    seen, refused = [], ""
    for url in [explicit] if explicit else metadata_urls(issuer):
        try:
            response = await http.request("GET", url, (("Accept", "application/json"),))
        except (HttpError, OSError, TimeoutError) as error:
            seen.append(f"{url}: {type(error).__name__} {error}")
            continue
        if response.status in (400, 403, 421) and _HOST.search(response.text):
            refused = " ".join(response.text.split())[:200]
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
            return value, url
        seen.append(f"{url}: without {', '.join(wanted)}")
    raise NoMetadataError(seen, refused)


def demand_secure_endpoints(issuer: str, metadata: dict[str, Any]) -> None:
    """Refuse an https issuer's endpoints on plain HTTP: nobody answers there.

    Raises `TargetError`; what is at fault is mostly a server that takes the scheme from
    the request and was not told that a proxy stands before it.
    """
    for name in ("authorization_endpoint", "token_endpoint"):
        url = str(metadata[name])
        if issuer.startswith("https:") and url.lower().startswith("http:"):
            raise TargetError(
                "plain-http-endpoint",
                f"The metadata of {issuer} names the {name} {url}.",
                "If the server takes the scheme from the request, set "
                "`server.forwarded = true` in the target file and let the server trust "
                "X-Forwarded-Proto.",
            )


_HOST = re.compile(r"\b(?:host|origin|domain)s?\b", re.IGNORECASE)
