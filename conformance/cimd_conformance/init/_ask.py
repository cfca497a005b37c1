"""Ask a server, without a token, what it says about itself."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from cimd_conformance.engine.external import (
    HOST,
    Surroundings,
    demand_local,
    metadata_urls,
)
from cimd_conformance.evidence import Redactor
from cimd_conformance.flows import read_json
from cimd_conformance.init._describe import LOCAL
from cimd_conformance.init._draft import Facts
from cimd_conformance.model import TargetError
from cimd_testbed.core import split_url
from cimd_testbed.net import (
    Headers,
    HttpClient,
    HttpError,
    Limits,
    Response,
    SystemDialer,
    SystemResolver,
)

_RESOURCE = "/.well-known/oauth-protected-resource"
_PATHS = ("/mcp", "/", "/mcp/", "/sse")
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_INITIALIZE = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "cimd-conformance", "version": "1"},
        },
    }
).encode()
_MCP: Headers = (
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
)
_JSON: Headers = (("Accept", "application/json"),)
TICK = 0.1
ANSWER_SECONDS = 5.0
_GONE = (HttpError, OSError, TimeoutError)


@dataclass(slots=True)
class Asker:
    """Asks one server at a local port, in the name of its public origin."""

    http: HttpClient
    local: str
    """Where it is reached: http://127.0.0.1:PORT."""
    origin: str
    """What it is called."""
    texts: list[str] = field(default_factory=list)
    refused: str = ""
    """How it refused, where no page was merely missing."""

    async def until_it_answers(self) -> None:
        """Wait until it speaks HTTP, and not only of being unwell."""
        while True:
            response = await self._request("GET", "/")
            if response is not None and response.status < 500:
                return
            await asyncio.sleep(TICK)

    async def facts(self, paths: tuple[str, ...] = ()) -> Facts:
        """Return what it says; `paths` are further places of its MCP endpoint."""
        endpoint, answer = await self._endpoint((*paths, *_PATHS))
        challenge = _challenge(answer)
        url, resource = await self._resource(endpoint, challenge)
        issuers = resource.get("authorization_servers")
        named = issuers[0] if isinstance(issuers, list) and issuers else self.origin
        where, metadata = await self._metadata(str(named))
        if endpoint == "" and resource:
            endpoint = split_url(str(resource.get("resource", ""))).path or "/"
        return Facts(
            self.origin,
            metadata,
            where,
            resource,
            url,
            endpoint,
            answer is not None and answer.status == 401,
            challenge,
            split_url(self.local).port or 0,
            self.refused,
            "\n".join(self.texts),
        )

    async def _endpoint(self, paths: tuple[str, ...]) -> tuple[str, Response | None]:
        """Return the path that answers like an MCP endpoint, and its answer."""
        for path in dict.fromkeys(paths):
            response = await self._request("POST", path, _MCP, _INITIALIZE)
            if response is None:
                continue
            if response.status in (307, 308):
                there = split_url(response.header("location") or "")
                response = await self._request("POST", there.path, _MCP, _INITIALIZE)
                path = there.path  # noqa: PLW2901 - where it really is
            if response is not None and _is_endpoint(response):
                return path, response
        return "", None

    async def _resource(
        self, endpoint: str, challenge: dict[str, str]
    ) -> tuple[str, dict[str, Any]]:
        """Return the protected resource's metadata, and where they were."""
        named = split_url(challenge.get("resource_metadata", "")).path
        usual = (_RESOURCE + endpoint.rstrip("/"), _RESOURCE, f"{_RESOURCE}/mcp")
        for path in dict.fromkeys(one for one in (named, *usual) if one):
            found = await self._json(path)
            if "resource" in found or "authorization_servers" in found:
                return self.origin + path, found
        return "", {}

    async def _metadata(self, issuer: str) -> tuple[str, dict[str, Any]]:
        """Return the authorization server's metadata, and where they were.

        An issuer elsewhere is not asked: what it says is not the target's.
        """
        own = split_url(issuer).origin == self.origin
        places = [*(metadata_urls(issuer) if own else ()), *metadata_urls(self.origin)]
        for url in dict.fromkeys(places):
            found = await self._json(url.removeprefix(self.origin))
            if "authorization_endpoint" in found or "token_endpoint" in found:
                return url, found
        return "", {}

    async def _json(self, path: str) -> dict[str, Any]:
        response = await self._request("GET", path, _JSON)
        if response is None or response.status != 200:
            self._note(response)
            return {}
        try:
            value = read_json(response.body)
        except ValueError:
            return {}
        self.texts.append(response.text)
        return value if isinstance(value, dict) else {}

    def _note(self, response: Response | None) -> None:
        if response is not None and response.status not in (401, 404, 405):
            words = Redactor().text(" ".join(response.text.split()))[:100]
            self.refused = f"HTTP {response.status}: {words}"

    async def _request(
        self, method: str, path: str, headers: Headers = (), body: bytes = b""
    ) -> Response | None:
        host = split_url(self.origin).authority or ""
        try:
            response = await self.http.request(
                method, self.local + path, (("Host", host), *headers), body
            )
        except _GONE:
            return None
        self.texts += response.header_values("www-authenticate")
        return response


async def ask_running(around: Surroundings, url: str, *, lab: bool) -> Facts:
    """Return what a server says that runs already; in the lab it has a public origin.

    Raises `ConfigError` for one that is not on this machine, and `TargetError` when
    nobody answers.
    """
    demand_local(url, "URL")
    parts = split_url(url)
    trust = around.authority.trust()
    http = HttpClient(SystemDialer(), SystemResolver(), trust, Limits(seconds=10.0))
    asker = Asker(http, parts.origin, f"https://{HOST}" if lab else parts.origin)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await asker.until_it_answers()
        facts = await asker.facts((parts.path,) if parts.path.strip("/") else ())
    except TimeoutError:
        hint = "Start the server, and give the URL that it answers at."
        message = f"Nobody answers at {parts.origin}."
        raise TargetError("not-ready", message, hint) from None
    finally:
        await http.close()
    return _as_it_calls_itself(facts)


def _as_it_calls_itself(facts: Facts) -> Facts:
    """Take another name for the same server, such as localhost, as its origin."""
    announced = facts.metadata.get("issuer") or facts.resource.get("resource")
    named, asked = split_url(str(announced)), split_url(facts.origin)
    same = named.host in LOCAL and asked.host in LOCAL and named.port == asked.port
    return replace(facts, origin=named.origin) if same else facts


def _is_endpoint(response: Response) -> bool:
    challenged = (response.header("www-authenticate") or "").lower()
    if response.status == 401 and challenged.startswith("bearer"):
        return True
    return response.status == 200 and b'"protocolVersion"' in response.body


def _challenge(response: Response | None) -> dict[str, str]:
    text = (response.header("www-authenticate") or "") if response else ""
    return {name: quoted or bare for name, quoted, bare in _PARAMETER.findall(text)}
