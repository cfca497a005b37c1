"""Redaction at capture: nothing secret ever reaches an event.

A JWT keeps its header and claims and loses its signature. Opaque secrets become stable
names such as `‹code-1›`, so that equality stays visible. Raw values live only in the
memory of the flow that needs them.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import quote, quote_plus, unquote

from cimd_conformance.model import HttpMessage

KEPT_BODY = 4096
KEPT_HEADERS = 100
_NAME = 24
LEARNT_BODY = 65536
"""So much is searched for secrets; what is kept is less."""
_HEAD = 4
"""So long is a secret at least."""

_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*)+")
_OPAQUE = (
    "code|code_verifier|access_token|refresh_token|id_token|client_secret|password|"
    "client_assertion|csrf_token|csrf|token|authorization_code|device_code|"
    "registration_access_token|assertion|subject_token|actor_token|id_token_hint|"
    "logout_token|session_token|session_id|api_key|private_key|secret|passwd|"
    "codeVerifier|accessToken|refreshToken|idToken|clientSecret|sessionId|apiKey"
)
_PARAMETER = re.compile(rf"(?<![\w-])({_OPAQUE})=([^&\s\"'<>#;]+)")
_MEMBER = re.compile(rf'"({_OPAQUE}|d|k|p|q|dp|dq|qi)"\s*:\s*"([^"]+)"')
_QUERY = re.compile(r"[?&](?:amp;)?([A-Za-z][\w.-]*)=([^&\s\"'<>#;]{16,})")
_PUBLIC = frozenset(
    {
        *("client_id", "redirect_uri", "response_type", "response_mode", "scope"),
        *("state", "nonce", "code_challenge", "code_challenge_method", "resource"),
        *("audience", "iss", "prompt", "ui_locales", "claims", "acr_values"),
        *("request_uri", "error", "error_description", "error_uri", "login_hint"),
        *("post_logout_redirect_uri", "grant_type", "client_assertion_type"),
        *("token_type_hint", "requested_token_type", "subject_token_type"),
        "actor_token_type",
    }
)
"""Parameters of the protocol that are no secrets, however random they look."""
_SECRET_HEADERS = {
    "mcp-session-id": "mcp-session",
    "x-api-key": "api-key",
    "x-auth-token": "token",
    "x-csrf-token": "csrf-token",
    "x-xsrf-token": "csrf-token",
}
_PEM = re.compile(
    r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
_HIDDEN = re.compile(r"<input\b[^>]*\btype\s*=\s*[\"']?hidden\b[^>]*>", re.IGNORECASE)
_VALUE = re.compile(
    r"\bvalue\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE
)
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_COOKIE = re.compile(r"^\s*([^=;\s]+)=([^;]*)")
_BEARER = re.compile(r"^(Bearer|Basic|DPoP)\s+(.+)$", re.IGNORECASE)


def _cut_jwt(match: re.Match[str]) -> str:
    header, claims, *rest = match[0].split(".")
    return f"{header}.{claims}." + ("‹signature›" if any(rest) else "")


def looks_opaque(value: str) -> bool:
    """Whether a value is of the kind that only chance makes: long, and one word.

    A hidden field can be a CSRF token, but also a `client_id` or the word `approve`.
    """
    return (
        len(value) >= 16
        and re.fullmatch(r"[A-Za-z0-9_\-+/=.~%]+", value) is not None
        and any(char.isdigit() or char.isupper() for char in value)
    )


def _forms(value: str) -> list[str]:
    """Return how a value is written in URLs, forms, markup and JSON."""
    if _PLAIN.fullmatch(value):
        return [value]  # everywhere
    in_json = json.dumps(value)[1:-1]
    raw = value.encode("utf-8", "surrogatepass")
    urls = [quote(raw), quote(raw, safe=""), quote_plus(raw)]
    return [value, *urls, escape(value), in_json, in_json.replace("/", "\\/")]


def _order(value: str) -> tuple[int, str]:
    """Put the longest first, so that none is cut by another that it contains."""
    return -len(value), value


@dataclass(slots=True)
class Redactor:
    """Names for the secrets of one scenario.

    `known` are secrets that it has from the beginning, with their kinds.
    """

    known: Iterable[tuple[str, str]] = ()
    _names: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _longest_first: list[str] = field(default_factory=list)
    """The keys of `_names`, in the order in which they are replaced."""
    _by_head: dict[str, list[str]] = field(default_factory=dict)
    """The same by their first characters: a long flow learns thousands."""

    def __post_init__(self) -> None:
        """Learn what is known."""
        for kind, value in self.known:
            self.secret(kind, value)

    def secret(self, kind: str, value: str) -> str:
        """Return the name of a secret, the same for the same value."""
        if len(value) < _HEAD or value.startswith("‹"):
            return value
        name = self._names.get(value)
        if name is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"‹{kind}-{self._counts[kind]}›"
            for form in _forms(value):
                if form not in self._names:
                    self._names[form] = name
                    bisect.insort(self._longest_first, form, key=_order)
                    self._by_head.setdefault(form[:_HEAD], []).append(form)
        return name

    def _perhaps_in(self, text: str) -> Sequence[str]:
        """Return the secrets that a text may hold, in the order of replacement.

        All of them, or where they are many those that begin with what the text has.
        """
        if len(self._longest_first) <= 3 * len(text):  # about as much work
            return self._longest_first
        heads = {text[at : at + _HEAD] for at in range(len(text) - _HEAD + 1)}
        found = [form for head in heads for form in self._by_head.get(head, ())]
        return sorted(found, key=_order)

    def _learn(self, text: str) -> None:
        if "=" not in text and '"' not in text:
            return
        for mark, pattern in (("=", _PARAMETER), ('"', _MEMBER)):
            if mark not in text:
                continue
            for kind, value in pattern.findall(text):
                if not _JWT.match(unquote(value)):
                    self.secret(kind.replace("_", "-"), unquote(value))
        self._learn_queries(text)
        for field_text in _HIDDEN.findall(text) if "<" in text else ():
            found = _VALUE.search(field_text)
            value = unescape(next(filter(None, found.groups()), "")) if found else ""
            if looks_opaque(value):
                self.secret("hidden-field", value)

    def _learn_queries(self, text: str) -> None:
        """Learn what only chance makes in a query: a transaction, a ticket.

        The first time that it is seen is often a redirect, before any form has it.
        """
        for name, value in _QUERY.findall(text) if "=" in text else ():
            if name in _PUBLIC:
                continue
            plain = unquote(unescape(value))
            if looks_opaque(plain) and not _JWT.match(plain):
                self.secret(name[:_NAME].lower().replace("_", "-"), plain)

    def text(self, text: str) -> str:
        """Return the text without any secret that is known or recognisable."""
        self._learn(text)
        return self._without(text)

    def _without(self, text: str) -> str:
        if "-----BEGIN" in text:
            text = _PEM.sub("‹private-key›", text)
        if "eyJ" in text:
            text = _JWT.sub(_cut_jwt, text)
        for value in self._perhaps_in(text):
            if value in text:
                text = text.replace(value, self._names[value])
        return text

    def header(self, name: str, value: str) -> str:
        """Return a header's value without secrets."""
        self._learn_header(name, value)
        return self._without(value)

    def _learn_header(self, name: str, value: str) -> None:
        match name.lower():
            case "set-cookie":
                found = _COOKIE.match(value)
                if found:
                    self.secret("cookie", found[2])
            case "cookie":
                for pair in value.split(";"):
                    self.secret("cookie", pair.partition("=")[2])
            case "authorization" | "proxy-authorization":
                found = _BEARER.match(value)
                if found and not _JWT.match(found[2]):
                    self.secret("credential", found[2])
            case plain if plain in _SECRET_HEADERS:
                self.secret(_SECRET_HEADERS[plain], value)
            case _:
                pass
        self._learn(value)

    def message(
        self, start: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> HttpMessage:
        """Make the redacted record of one HTTP message.

        What any part of it tells to be a secret is taken out of all of them.
        """
        text = body[:LEARNT_BODY].decode("utf-8", "replace")
        for name, value in headers[:KEPT_HEADERS]:
            self._learn_header(name, value)
        self._learn(text)
        self._learn(start)
        kept = [
            (name[:KEPT_BODY], self._without(value)[:KEPT_BODY])
            for name, value in headers[:KEPT_HEADERS]
        ]
        cut = len(body) > KEPT_BODY or len(headers) > KEPT_HEADERS
        text, start = self._without(text), self._without(start)
        return HttpMessage(start[:KEPT_BODY], kept, text[:KEPT_BODY], cut)
