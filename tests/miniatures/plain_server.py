"""A small authorization server with an MCP endpoint, which wants to be found out.

    plain_server.py [--port-from HOW] [--url-from NAME] [--port N] [QUIRK …]

HOW is `env:NAME`, `option`, or `fixed:N`. A quirk is one deviation that a legitimate
flow has to suit: `audience` (assertions for the token endpoint alone), `untyped` (none
with a typ), `by-reference` (no keys inside the document), `wants:MEMBER`,
`no-resource`, `resource:PATH`, `scope:WORD`, `login:NAME:PASSWORD`, `needs:NAME` (a
variable, by its last words), `broken` (nobody ever gets a code). Others make a target
file wrong: `address:A` (where it listens), `unwell` (503 for everything), `tls:FILE`
(it ends TLS itself), `elsewhere:URL` (it logs in there), `script` (a page without a
form), `grants:SCOPE` (whatever was asked for), `ahead:SECONDS` (its clock).
It checks nothing else, and imports nothing of ours. No name of a variable stands here
in a way that could be read off.
"""

from __future__ import annotations

import base64
import http.server
import itertools
import json
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request


def options(name: str) -> list[str]:
    words = sys.argv[1:]
    return [after for word, after in itertools.pairwise(words) if word == name]


def quirk(name: str) -> str | None:
    """Return what stands behind the colon of a quirk, None without it."""
    found = [word for word in sys.argv[1:] if word.partition(":")[0] == name]
    return found[0].partition(":")[2] if found else None


def told(name: str) -> str | None:
    return os.environ.get(name)


def port() -> int:
    how, _, detail = (options("--port-from") or ["option"])[0].partition(":")
    if how == "env":
        return int(told(detail) or 5000)
    if how == "fixed":
        if options("--port"):
            sys.exit("plain_server.py: error: unrecognized arguments: --port")
        return int(detail)
    return int((options("--port") or ["5001"])[0])


def origin() -> str:
    names = options("--url-from")
    return (told(names[0]) if names else None) or f"http://localhost:{PORT}"


if (needed := quirk("needs")) and not told(needed):
    sys.exit(f"fatal: the environment variable {needed} is not set")
PORT = port()
ORIGIN = origin().rstrip("/")
RESOURCE = ORIGIN + (quirk("resource") or "/mcp")
SCOPE = quirk("scope") or "mcp:read"
METADATA = {
    "issuer": ORIGIN,
    "authorization_endpoint": f"{ORIGIN}/authorize",
    "token_endpoint": f"{ORIGIN}/token",
    "response_types_supported": ["code"],
    "grant_types_supported": ["authorization_code"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
    "client_id_metadata_document_supported": True,
    "scopes_supported": ["admin", SCOPE],
}
LOGIN = (
    '<form method="post" action="/login?{query}"><p>Log in</p>'
    '<input name="username"><input type="password" name="password">'
    "<button>Log in</button></form>"
)
tokens: set[str] = set()
documents: dict[str, dict[str, object]] = {}


def refusal(asked: dict[str, str]) -> tuple[str, str] | None:
    """Return what is wrong with an authorization request, in a code and in words."""
    client_id = asked["client_id"]
    with urllib.request.urlopen(client_id, timeout=5) as response:
        document = json.load(response)
    documents[client_id] = document
    member = quirk("wants")
    if quirk("broken") is not None:
        return "server_error", "the database is on fire"
    if asked["redirect_uri"] not in document["redirect_uris"]:
        return "invalid_request", "unknown redirect_uri"
    if member and member not in document:
        return "invalid_client", f"client metadata: {member} is missing"
    if quirk("no-resource") is not None and "resource" in asked:
        return "invalid_request", "unexpected parameter"
    if "resource" in asked and asked["resource"] != RESOURCE:
        return "invalid_target", "no such resource"
    if asked.get("scope", SCOPE) != SCOPE:
        return "invalid_scope", "this client may not have that scope"
    return None


def wrong_assertion(form: dict[str, str]) -> str | None:
    """Return what is wrong with a client assertion; signatures are not looked at."""
    parts = form["client_assertion"].split(".")
    padded = [part + "=" * (-len(part) % 4) for part in parts[:2]]
    header, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in padded)
    if quirk("audience") is not None and claims["aud"] != f"{ORIGIN}/token":
        return "bad audience"
    if quirk("untyped") is not None and "typ" in header:
        return "the assertion cannot be verified"
    inline = "jwks" in documents[form["client_id"]]
    if quirk("by-reference") is not None and inline:
        return "no key"
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        ahead = time.time() + float(quirk("ahead") or 0)
        return super().date_time_string(timestamp or ahead)

    def answer(self, status: int, body: str = "", **headers: str) -> None:
        self.send_response(503 if quirk("unwell") is not None else status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def as_json(self, value: object, status: int = 200, **headers: str) -> None:
        headers["Cache-Control"] = "no-store"
        headers["Content_Type"] = "application/json"
        self.answer(status, json.dumps(value), **headers)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/.well-known/oauth-authorization-server":
            self.as_json(METADATA)
        elif path == "/authorize" and quirk("login") is not None:
            self.answer(200, LOGIN.format(query=query), Content_Type="text/html")
        elif path == "/authorize" and quirk("elsewhere") is not None:
            self.answer(302, Location=str(quirk("elsewhere")))
        elif path == "/authorize" and quirk("script") is not None:
            page = "<p>Loading</p><script>start()</script>"
            self.answer(200, page, Content_Type="text/html")
        elif path == "/authorize":
            self.authorize(dict(urllib.parse.parse_qsl(query)))
        else:
            self.answer(404)

    def authorize(self, asked: dict[str, str]) -> None:
        refused = refusal(asked)
        if refused is None:
            answer = {"code": os.urandom(8).hex(), "state": asked["state"]}
            there = f"{asked['redirect_uri']}?{urllib.parse.urlencode(answer)}"
            self.answer(302, Location=there)
        else:
            error, description = refused
            self.as_json({"error": error, "error_description": description}, 400)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = dict(urllib.parse.parse_qsl(body))
        path, _, query = self.path.partition("?")
        match path:
            case "/login":
                if f"{form['username']}:{form['password']}" == quirk("login"):
                    self.authorize(dict(urllib.parse.parse_qsl(query)))
                else:
                    page = LOGIN.format(query=query)
                    self.answer(200, page, Content_Type="text/html")
            case "/token":
                self.token(form)
            case "/mcp":
                self.mcp()
            case _:
                self.answer(404)

    def token(self, form: dict[str, str]) -> None:
        wrong = wrong_assertion(form) if "client_assertion" in form else None
        if wrong is not None:
            error = {"error": "invalid_client", "error_description": wrong}
            self.as_json(error, 401)
            return
        token = os.urandom(16).hex()
        tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer"}
        if quirk("grants") is not None:
            answer["scope"] = str(quirk("grants"))
        self.as_json(answer)

    def mcp(self) -> None:
        _, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if token in tokens:
            result = {"protocolVersion": "2025-11-25", "capabilities": {}}
            self.as_json({"jsonrpc": "2.0", "id": 1, "result": result})
        else:
            self.answer(401, WWW_Authenticate='Bearer realm="mcp"')


server = http.server.ThreadingHTTPServer(
    (quirk("address") or "127.0.0.1", PORT), Handler
)
if quirk("tls") is not None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(quirk("tls")))
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
