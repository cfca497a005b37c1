"""What the endpoints share."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from cimd_testbed.core import Clock, split_url
from cimd_testbed.net import Headers, HttpClient, Params, Response
from cimd_testbed.reference.authorization_server._checks import Checks
from cimd_testbed.reference.authorization_server._client_keys import ClientKeys
from cimd_testbed.reference.authorization_server._documents import Clients
from cimd_testbed.reference.authorization_server._keys import SigningKeys
from cimd_testbed.reference.authorization_server._logos import Logos
from cimd_testbed.reference.authorization_server._settings import Settings
from cimd_testbed.reference.authorization_server._store import Store


@dataclass(slots=True)
class State:
    """One server: its settings, its checks, its memory, and its way out."""

    settings: Settings
    checks: Checks
    clock: Clock
    store: Store
    signing: SigningKeys
    clients: Clients
    client_keys: ClientKeys
    logos: Logos
    http: HttpClient
    """The way to what the operator configured, not to what a client names."""

    @property
    def issuer(self) -> str:
        """The issuer identifier."""
        return self.settings.issuer

    @property
    def base_path(self) -> str:
        """The path of the issuer, without a slash at the end."""
        return split_url(self.settings.issuer).path.rstrip("/")

    def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint."""
        return f"{self.issuer.rstrip('/')}/{name}"

    def path(self, name: str) -> str:
        """Return the path of an endpoint."""
        return f"{self.base_path}/{name}"

    def new_secret(self) -> str:
        """Make a code, token or other value that nobody can guess."""
        return self.checks.secret_value(secrets.token_bytes(32))


def single(params: Params, name: str) -> str | None:
    """Return a parameter's first value; a parameter without a value was not sent."""
    return next((value for key, value in params if key == name and value), None)


def names(params: Params) -> tuple[str, ...]:
    """Return the names of the parameters as they were sent."""
    return tuple(name for name, _ in params)


def values(params: Params, name: str) -> tuple[str, ...]:
    """Return every value of a parameter that may be repeated."""
    return tuple(value for key, value in params if key == name and value)


def api_response(value: Any, status: int = 200, headers: Headers = ()) -> Response:
    """Make a JSON response that no cache keeps."""
    body = json.dumps(value, separators=(",", ":")).encode()
    head = (("Content-Type", "application/json"), *headers)
    return Response(status, head, body)
