"""An authorization server that holds many secrets and talks about all of them.

    talkative_server.py PORT ORIGIN

Everything secret that it makes begins with `cnry`; what it is told in its environment
does too. It prints each of them, in the forms in which real servers print them, and
passes them through URLs, cookies, forms, headers and JSON. It imports nothing of ours.
"""

from __future__ import annotations

import base64
import hashlib
import html
import http.server
import json
import os
import secrets
import sys
from http.cookies import SimpleCookie
from typing import ClassVar
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

PORT, ORIGIN = int(sys.argv[1]), sys.argv[2]
USER, PIN = "alice", os.environ["LOGIN_PIN"]
SECRET = os.environ["APP_SECRET"]
INTROSPECTION = os.environ["INTROSPECTION"]
METADATA = {
    "issuer": ORIGIN,
    "authorization_endpoint": f"{ORIGIN}/authorize",
    "token_endpoint": f"{ORIGIN}/token",
    "introspection_endpoint": f"{ORIGIN}/introspect",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none"],
    "client_id_metadata_document_supported": True,
}


def new() -> str:
    return "cnry" + secrets.token_hex(12)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Store:
    """What is going on."""

    requests: ClassVar[dict[str, dict[str, str]]] = {}
    sessions: ClassVar[set[str]] = set()
    codes: ClassVar[dict[str, dict[str, str]]] = {}
    tokens: ClassVar[dict[str, dict[str, str]]] = {}
    asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, form: str, *values: object) -> None:
        say(f"access log: {form % values} cookie={self.headers.get('Cookie')}")

    def answer(
        self, status: int, kind: str, body: str, *headers: tuple[str, str]
    ) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in (("Content-Type", kind), *headers):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def as_json(self, value: object, status: int = 200) -> None:
        fresh = ("Cache-Control", "no-store")
        self.answer(status, "application/json", json.dumps(value), fresh)

    def go(self, where: str, *headers: tuple[str, str]) -> None:
        self.answer(302, "text/plain", "", ("Location", where), *headers)

    def session(self) -> str | None:
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        found = cookie["sid"].value if "sid" in cookie else ""
        return found if found in Store.sessions else None

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        match url.path:
            case "/.well-known/oauth-authorization-server":
                self.as_json(METADATA)
            case "/authorize":
                txn = new()
                Store.requests[txn] = asked
                where = "/consent" if self.session() else "/login"
                self.go(f"{where}?txn_id={txn}")
            case "/login":
                self.page("/login", asked["txn_id"], f"<input name=user>{PASSWORD}")
            case "/consent":
                self.page("/consent", asked["txn_id"], CONSENT)
            case _:
                self.answer(404, "text/plain", "no")

    def page(self, action: str, txn: str, inside: str) -> None:
        ticket = new()
        hidden = f'<input type="hidden" name="txn_id" value="{html.escape(txn)}">'
        script = f'<script>var config = {{"apiKey": "{new()}"}};</script>'
        form = f'<form method="post" action="{action}?ticket={ticket}">'
        body = f"<html>{script}{form}{hidden}{inside}</form></html>"
        self.answer(200, "text/html", body, ("X-CSRF-Token", new()))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        text = self.rfile.read(length).decode()
        form = {name: values[0] for name, values in parse_qs(text).items()}
        say(f"got {form}")
        match urlsplit(self.path).path:
            case "/login":
                self.login(form)
            case "/consent":
                self.consent(form)
            case "/token":
                self.token(form)
            case "/introspect":
                self.introspect(form)
            case _:
                self.answer(404, "text/plain", "no")

    def login(self, form: dict[str, str]) -> None:
        if (form["user"], form["pin"]) != (USER, PIN):
            self.answer(403, "text/html", f"<p>{html.escape(form['pin'])} is wrong")
            return
        sid = new()
        Store.sessions.add(sid)
        say(f"{USER} came with {PIN}, as a URL {quote(PIN)}, and is {sid} now")
        cookie = ("Set-Cookie", f"sid={sid}; Path=/; HttpOnly")
        self.go(f"/consent?txn_id={form['txn_id']}", cookie)

    def consent(self, form: dict[str, str]) -> None:
        asked = Store.requests[form["txn_id"]]
        code = new()
        Store.codes[code] = asked
        say(f"issued {code}")
        answers = {"code": code, "state": asked.get("state", ""), "iss": ORIGIN}
        self.go(f"{asked['redirect_uri']}?{urlencode(answers)}")

    def token(self, form: dict[str, str]) -> None:
        Store.asked += 1
        if Store.asked > int(os.environ.get("DIES_AFTER", "1000")):
            say(f"fatal: cannot go on with {SECRET} and {form}")
            os._exit(3)
        asked = Store.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or challenge != asked.get("code_challenge"):
            self.as_json({"error": "invalid_grant", "debug": f"not {form}"}, 400)
            return
        tokens = {"access_token": new(), "refresh_token": new()}
        Store.tokens[tokens["access_token"]] = asked
        say(f"tokens: {tokens} and {json.dumps(tokens)}")
        self.as_json({**tokens, "token_type": "Bearer", "expires_in": 60})

    def introspect(self, form: dict[str, str]) -> None:
        said = self.headers.get("Authorization", "")
        say(f"introspection by {said}")
        pair = base64.b64decode(said.removeprefix("Basic ")).decode()
        known = (INTROSPECTION, quote(INTROSPECTION, safe=""))
        if pair.partition(":")[2] not in known:
            self.as_json({"error": "invalid_client"}, 401)
            return
        asked = Store.tokens.get(form["token"])
        if asked is None:
            self.as_json({"active": False})
            return
        self.as_json(
            {
                "active": True,
                "sub": USER,
                "aud": asked["resource"],
                "client_id": asked["client_id"],
                "scope": asked.get("scope", ""),
                "iss": ORIGIN,
            }
        )


PASSWORD = "<input type=password name=pin><button>Sign in</button>"
CONSENT = '<button name="action" value="approve">Approve</button>'

say(f"configuration: APP_SECRET={SECRET} pin={PIN} {json.dumps([INTROSPECTION])}")
say(f"the secrets are {SECRET}, {INTROSPECTION} and {PIN}")
KEY = "PRIVATE KEY-----"
say(f"-----BEGIN {KEY}")
say(base64.b64encode(b"cnry" * 12).decode())
say(base64.b64encode(b"cnry" * 12).decode())
say(f"-----END {KEY}")
if "DIES_AT_ONCE" in os.environ:
    sys.exit(f"fatal: wrong secret {SECRET}, new one {new()}")
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
