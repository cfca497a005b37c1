"""An authorization server that is played: it says yes to everything.

No login page and no consent: whoever comes gets a code, whatever is presented gets a
token. Every response is handed to `edit` before it leaves.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cimd_testbed.net import Request, Response
from cimd_testbed.parties._mcp_server import (
    EditTree,
    Tree,
    response_of,
    send_honestly,
)

REGISTERED = "registered-"
"""What the identifiers begin with that clients are given by registering."""
_WELL_KNOWN = ("oauth-authorization-server", "openid-configuration")


@dataclass(slots=True)
class IssuedTokens:
    """The tokens of one scenario, whoever issued them, with their scope."""

    scopes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    issuers: dict[str, str] = field(default_factory=dict)
    expired: set[str] = field(default_factory=set)
    newest_refresh: str = ""
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def issue(self, kind: str, issuer: str, scope: tuple[str, ...], salt: str) -> str:
        """Make a token, code or refresh token of the testbed."""
        value = f"{kind}-{salt}-{next(self._ids)}-{'x' * 24}"
        self.scopes[value] = scope
        self.issuers[value] = issuer
        if kind == "refresh":
            self.newest_refresh = value
        return value

    def expire_all(self) -> None:
        """Let every access token so far be refused from now on."""
        self.expired.update(self.scopes)

    def scope_of(self, token: str) -> tuple[str, ...] | None:
        """Return the scope of a good access token, None for any other."""
        if token in self.expired or not token.startswith("access-"):
            return None
        return self.scopes.get(token)


@dataclass(slots=True)
class PlayedAuthorizationServer:
    """One issuer: metadata, authorization endpoint, token endpoint, registration."""

    issuer: str
    tokens: IssuedTokens
    salt: str
    """Tells the values of this server from those of all others."""
    edit: EditTree = send_honestly
    metadata_paths: tuple[str, ...] = ()
    """Where the metadata is; without any, at the place of RFC 8414."""
    lifetime: int = 3600
    """`expires_in` of its access tokens."""
    documents: bool = True
    """Whether it says that it reads client metadata documents."""
    refresh: bool = True
    """Whether it gives refresh tokens."""
    seen: Callable[[str, Request], None] = lambda _message, _request: None
    """Hears of each request to an endpoint."""

    @property
    def origin(self) -> str:
        """The issuer's origin."""
        return "/".join(self.issuer.split("/")[:3])

    @property
    def base(self) -> str:
        """The issuer's path, without a slash at its end."""
        return self.issuer.removeprefix(self.origin).rstrip("/")

    def metadata(self) -> Tree:
        """Return the honest metadata (RFC 8414)."""
        here = self.origin + self.base
        known = {"client_id_metadata_document_supported": True}
        return {
            **(known if self.documents else {}),
            "issuer": self.issuer,
            "authorization_endpoint": f"{here}/authorize",
            "token_endpoint": f"{here}/token",
            "registration_endpoint": f"{here}/register",
            "jwks_uri": f"{here}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256"],
            "authorization_response_iss_parameter_supported": True,
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    async def handle(self, request: Request) -> Response:
        """Answer any request to the issuer's origin."""
        wanted = self.metadata_paths or (f"/.well-known/{_WELL_KNOWN[0]}{self.base}",)
        if request.path in wanted:
            tree = {"status": 200, "json": self.metadata()}
            return self._sent("as_metadata", request, tree)
        match request.path.removeprefix(self.base):
            case "/authorize":
                return self._authorize(request)
            case "/token":
                return self._token(request)
            case "/register":
                return self._register(request)
            case "/jwks":
                return response_of({"status": 200, "json": {"keys": []}})
            case _:
                return self._sent("not-found", request, {"status": 404})

    def _sent(self, message: str, request: Request, tree: Tree) -> Response:
        return response_of(self.edit(message, request, tree))

    def _authorize(self, request: Request) -> Response:
        """Send the browser back at once, with a code."""
        self.seen("authorization_request", request)
        asked = dict(request.query)
        scope = tuple(asked.get("scope", "").split())
        code = self.tokens.issue("code", self.issuer, scope, self.salt)
        params: Tree = {"code": code, "iss": self.issuer}
        if "state" in asked:
            params["state"] = asked["state"]
        to = asked.get("redirect_uri", "")
        tree: Tree = {"status": 302, "to": to, "params": params, "headers": {}}
        tree = self.edit("authorization_response", request, tree)
        to = str(tree.pop("to"))
        mark = "&" if "?" in to else "?"
        location = f"{to}{mark}{_query(tree.pop('params', {}))}"
        tree["headers"] = {"Location": location, **tree["headers"]}
        return response_of(tree)

    def _token(self, request: Request) -> Response:
        asked = dict(request.form)
        refreshing = asked.get("grant_type") == "refresh_token"
        kind = "refresh" if refreshing else "token"
        self.seen(f"{kind}_request", request)
        grant = asked.get("refresh_token" if refreshing else "code", "")
        scope = self.tokens.scopes.get(grant, ())
        answer: Tree = {
            "access_token": self.tokens.issue("access", self.issuer, scope, self.salt),
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "scope": " ".join(scope),
        }
        if self.refresh:
            answer["refresh_token"] = self.tokens.issue(
                "refresh", self.issuer, scope, self.salt
            )
        headers = {"Cache-Control": "no-store"}
        tree = {"status": 200, "headers": headers, "json": answer}
        return self._sent(f"{kind}_response", request, tree)

    def _register(self, request: Request) -> Response:
        """Register whatever is sent (RFC 7591): for clients that ask for it."""
        self.seen("registration_request", request)
        answer = {**_json(request.body), "client_id": REGISTERED + self.salt}
        tree = {"status": 201, "json": answer}
        return self._sent("registration_response", request, tree)


def _query(params: Any) -> str:
    if isinstance(params, str):
        return params
    return urlencode({name: str(value) for name, value in params.items()})


def _json(body: bytes) -> Tree:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
