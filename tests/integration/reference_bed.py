"""A reference authorization server on the embedded network, with hosts around it."""

from __future__ import annotations

import base64
import html
import ipaddress
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc.jwk import ECKey, OKPKey, RSAKey

from cimd_certs import Authority
from cimd_testbed.core import JsonObject, ShiftedClock, s256_challenge
from cimd_testbed.net import (
    EmbeddedNetwork,
    Handler,
    HttpClient,
    Params,
    Request,
    Response,
    Service,
    json_response,
)
from cimd_testbed.reference import sign_jwt
from cimd_testbed.reference.authorization_server import (
    AuthorizationServer,
    Checks,
    Resource,
    Settings,
)

ISSUER = "https://as.cimd-lab.net"
RESOURCE = "https://tools.cimd-lab.net/mcp"
OTHER_RESOURCE = "https://other.cimd-lab.net/mcp"
CLIENT_ID = "https://client.cimd-hosts.net/client.json"
CALLBACK = "https://client.cimd-hosts.net/callback"
ADDRESSES = {
    "as.cimd-lab.net": "93.184.215.14",
    "tools.cimd-lab.net": "93.184.215.15",
    "client.cimd-hosts.net": "93.184.216.10",
    "evil.cimd-hosts.net": "93.184.216.66",
}
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
VERIFIER = "v" * 64
HONEST = Checks()
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


def document(**members: Any) -> dict[str, Any]:
    return {
        "client_id": CLIENT_ID,
        "client_name": "Example Client",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"],
        **members,
    }


def public_jwks(*keys: Any) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def assertion(
    key: Any = EC,
    alg: str = "ES256",
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    now = int(time.time())
    body = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(8),
        **claims,
    }
    head = {
        "alg": alg,
        "typ": "oauth-client-auth+jwt",
        "kid": key.kid,
        **(header or {}),
    }
    return sign_jwt(JsonObject(head), json.dumps(body).encode(), key)


def claims_of(token: str) -> dict[str, Any]:
    piece = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))


class Browser:
    """Cookies and forms; stops at the first location outside the issuer."""

    def __init__(self, client: HttpClient) -> None:
        self.client = client
        self.cookies: dict[str, str] = {}
        self.pages: list[Response] = []

    async def request(self, method: str, url: str, form: Params = ()) -> Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = (("Cookie", cookie),) if cookie else ()
        body = urlencode(form).encode()
        if method == "POST":
            kind = ("Content-Type", "application/x-www-form-urlencoded")
            headers = (*headers, kind)
        response = await self.client.request(method, url, headers, body)
        for value in response.header_values("set-cookie"):
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        self.pages.append(response)
        location = response.header("location")
        if location and location.startswith("/"):
            return await self.request("GET", ISSUER + location)
        return response

    def form(self, page: Response) -> tuple[str, dict[str, str]]:
        action = re.search(r'action="([^"]+)"', page.text)
        assert action, page.text
        pairs = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
        return ISSUER + action[1], {name: html.unescape(value) for name, value in pairs}

    async def submit(self, page: Response, **values: str) -> Response:
        url, form = self.form(page)
        return await self.request("POST", url, list({**form, **values}.items()))


@dataclass
class Bed:
    network: EmbeddedNetwork
    server: AuthorizationServer
    clock: ShiftedClock
    authority: Authority
    client: HttpClient
    hosted: dict[str, Response] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tools: Handler | None = None
    session: str | None = None

    async def host(self, request: Request) -> Response:
        url = f"https://{request.host}{request.target}"
        self.asked.append(url)
        return self.hosted.get(url, Response(404))

    def publish(self, value: Any, url: str = CLIENT_ID, **headers: str) -> None:
        extra = [(name.replace("_", "-"), text) for name, text in headers.items()]
        self.hosted[url] = json_response(value, headers=extra)

    def browser(self) -> Browser:
        return Browser(self.client)

    def parameters(self, **changes: str | None) -> Params:
        params: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "a b&c",
            "scope": "mcp:read",
            "resource": RESOURCE,
            "code_challenge": s256_challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return [(name, value) for name, value in params.items() if value is not None]

    async def open(
        self, browser: Browser | None = None, user: str = "alice", **changes: Any
    ) -> tuple[Browser, Response]:
        """Go to the authorization endpoint and log in when asked."""
        browser = browser or self.browser()
        query = urlencode(self.parameters(**changes))
        page = await browser.request("GET", f"{ISSUER}/authorize?{query}")
        if 'name="password"' in page.text:
            page = await browser.submit(page, username=user, password=f"{user}-pw")
        return browser, page

    async def authorize(self, **changes: Any) -> dict[str, str]:
        """Log in, approve; return the parameters of the authorization response."""
        browser, page = await self.open(**changes)
        if page.status == 200:
            page = await browser.submit(page, decision="approve")
        return response_parameters(page)

    async def post(
        self, endpoint: str, headers: tuple[tuple[str, str], ...] = (), **form: Any
    ) -> tuple[int, dict[str, Any]]:
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        sent = [(name, value) for name, value in form.items() if value is not None]
        response = await self.client.request(
            "POST",
            f"{ISSUER}/{endpoint}",
            (kind, *headers),
            urlencode(sent, doseq=True).encode(),
        )
        return response.status, json.loads(response.body) if response.body else {}

    async def redeem(self, code: str, /, **changes: Any) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": CLIENT_ID,
            "code_verifier": VERIFIER,
            "resource": RESOURCE,
            **changes,
        }
        return await self.post("token", **form)

    async def tokens(self, **changes: Any) -> dict[str, Any]:
        answer = await self.authorize()
        status, body = await self.redeem(answer["code"], **changes)
        assert status == 200, body
        return body


def response_parameters(page: Response) -> dict[str, str]:
    location = page.header("location")
    assert location, (page.status, page.text)
    assert location.startswith(CALLBACK), location
    return {
        name: value[0] for name, value in parse_qs(urlsplit(location).query).items()
    }


def settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "issuer": ISSUER,
        "resources": (Resource(RESOURCE, ("mcp:read", "mcp:write"), ("rs", "rs-pw")),),
        "users": {"alice": "alice-pw", "bob": "bob-pw"},
        **changes,
    }
    return Settings(**values)


@asynccontextmanager
async def open_bed(checks: Checks = HONEST, **changes: Any) -> AsyncIterator[Bed]:
    network = EmbeddedNetwork()
    await network.start()
    authority = Authority()
    clock = ShiftedClock()
    trust = authority.trust()
    server = AuthorizationServer(
        settings(**changes),
        checks,
        dialer=network.dialer(None),
        resolver=network.resolver(None),
        trust=trust,
        clock=clock,
    )
    client = HttpClient(network.dialer("test"), network.resolver("test"), trust)
    bed = Bed(network, server, clock, authority, client)
    for name, address in ADDRESSES.items():
        network.zone.point(name, ipaddress.ip_address(address))

    async def handle(request: Request) -> Response:
        if request.host == "as.cimd-lab.net":
            return await server.handle(request)
        if request.host == "tools.cimd-lab.net":
            assert bed.tools is not None
            return await bed.tools(request)
        return await bed.host(request)

    service = Service(handle, authority.context_for, network.contacts)
    await network.listen_everywhere((443, 8443), service)
    await network.listen_everywhere((80,), replace(service, certificate_for=None))
    try:
        yield bed
    finally:
        await client.close()
        await network.close()
