"""What the server remembers: sessions, questions, grants, codes, tokens.

All of it lives in memory and is bounded; the oldest goes first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cimd_testbed.core import JsonObject

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Bounded(Generic[KeyT, ValueT]):
    """A mapping with room for `size` entries."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._entries: OrderedDict[KeyT, ValueT] = OrderedDict()

    def get(self, key: KeyT) -> ValueT | None:
        """Return the entry or None."""
        return self._entries.get(key)

    def put(self, key: KeyT, value: ValueT) -> None:
        """Store an entry; drop the oldest when there is no more room."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: KeyT) -> None:
        """Forget an entry, if it is there."""
        self._entries.pop(key, None)


@dataclass(slots=True)
class Session:
    """One browser; `user` is None until somebody logs in."""

    id: str
    user: str | None
    started_at: float


@dataclass(slots=True)
class LoginRequest:
    """An authorization request that waits for a login; it goes on at `target`."""

    session: str
    csrf: str
    target: str
    asked_at: float


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid authorization request (RFC 6749 section 4.1.1)."""

    client_id: str
    document: JsonObject
    redirect_uri: str
    state: str | None
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    code_challenge: str | None
    code_challenge_method: str | None


@dataclass(slots=True)
class Question:
    """A consent page that was shown, and how often it was answered."""

    request: AuthorizationRequest
    session: str
    user: str
    csrf: str
    asked_at: float
    answers: int = 0


@dataclass(slots=True)
class Departure:
    """A browser that is at the identity provider, and how often it came back."""

    request: AuthorizationRequest
    left_at: float
    returns: int = 0


@dataclass(slots=True)
class Grant:
    """What a user allowed a client: the family of a code and all its tokens."""

    client_id: str
    user: str
    scope: tuple[str, ...]
    resources: tuple[str, ...]
    auth_method: str = "none"
    revoked: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code and what it is bound to."""

    grant: Grant
    redirect_uri: str
    code_challenge: str | None
    code_challenge_method: str | None
    issued_at: float
    redeemed: int = 0


@dataclass(slots=True)
class RefreshToken:
    """A refresh token and how often it was used."""

    grant: Grant
    issued_at: float
    uses: int = 0


@dataclass(slots=True)
class AccessToken:
    """An access token as its claims; a JWT lives until it expires, revoked or not."""

    grant: Grant
    claims: JsonObject
    revoked: bool = False


@dataclass(slots=True)
class Store:
    """All that is remembered. Codes, tokens and states are filed under their hash."""

    sessions: Bounded[str, Session] = field(default_factory=Bounded)
    logins: Bounded[str, LoginRequest] = field(default_factory=Bounded)
    questions: Bounded[str, Question] = field(default_factory=Bounded)
    departures: Bounded[str, Departure] = field(default_factory=Bounded)
    approvals: Bounded[str, tuple[str, ...]] = field(default_factory=Bounded)
    codes: Bounded[str, Code] = field(default_factory=Bounded)
    refresh_tokens: Bounded[str, RefreshToken] = field(default_factory=Bounded)
    access_tokens: Bounded[str, AccessToken] = field(default_factory=Bounded)
    assertions: Bounded[tuple[str, str], int] = field(default_factory=Bounded)


def fingerprint(secret: str) -> str:
    """Return the key under which a code or token is filed."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
