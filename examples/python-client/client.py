"""An OAuth client that is known by a URL, step by step.

It publishes its client metadata document and its keys, sends a person through an
authorization code flow with PKCE, authenticates with `private_key_jwt`, and calls a
tool of an MCP server. README.md says how to start it.

In comments, CIMD-03 is draft-ietf-oauth-client-id-metadata-document-03, and MCP its
chapter on authorization (2026-07-28).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import secrets
import ssl
import sys
import threading
import time
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

PROTOCOL = "2026-07-28"
PERSON_SECONDS = 300


def say(step: str, text: str) -> None:
    print(f"{step:<12}{text}", flush=True)


def demand(condition: object, problem: str) -> None:
    """Stop rather than go on with a server that cannot be trusted."""
    if not condition:
        sys.exit(f"stopped: {problem}")


# --- 1. Publish the document and the keys ---------------------------------------------


def publish(folder: Path, pki: Path) -> tuple[ThreadingHTTPServer, dict[str, Any]]:
    """Serve the two public files over https, at the URLs that the document names.

    CIMD-03 section 3: the client_id *is* the https URL of the document.
    CIMD-03 section 4: the document is JSON, labelled as such, and its `client_id`
    member is that URL, byte for byte. Section 5: it takes status 200, no redirects.
    """
    document = json.loads((folder / "client.json").read_text("utf-8"))
    files = {
        urlsplit(document["client_id"]).path: folder / "client.json",
        urlsplit(document["jwks_uri"]).path: folder / "jwks.json",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Nothing but these two files: the private keys lie in the same folder.
            file = files.get(self.path)
            body = file.read_bytes() if file else b"not here\n"
            self.send_response(200 if file else 404)
            kind = "application/json" if file else "text/plain"
            self.send_header("Content-Type", kind)
            # How long servers may keep a copy, hence how long a key that was
            # withdrawn may still be accepted (CIMD-03 section 5.2).
            self.send_header("Cache-Control", "max-age=60")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            say("  fetched", f"{self.command} {self.path}")

    port = urlsplit(document["client_id"]).port or 443
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pki / "localhost.pem", pki / "localhost-key.pem")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, document


# --- 2. Find out who protects the MCP server ------------------------------------------


class NoRedirects(HTTPRedirectHandler):
    """Tokens and assertions are for the URL that they were meant for, no other."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def make_opener(pki: Path) -> OpenerDirector:
    trust = ssl.create_default_context(cafile=pki / "ca.pem")
    return build_opener(ProxyHandler({}), NoRedirects, HTTPSHandler(context=trust))


class Answer(NamedTuple):
    status: int
    headers: Any
    body: Any


def fetch(
    opener: OpenerDirector,
    url: str,
    data: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    try:
        with opener.open(Request(url, data, headers or {}), timeout=10) as response:
            return Answer(response.status, response.headers, json.load(response))
    except HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode())


def discover(opener: OpenerDirector, server: str) -> tuple[dict[str, Any], str]:
    """Return the authorization server's metadata, and the scope to ask for.

    MCP: 401 → protected resource metadata (RFC 9728) → authorization server metadata
    (RFC 8414). Each must name whom we asked, or somebody else could answer for it.
    """
    challenge = call_tool(opener, server, "whoami", None)
    demand(challenge.status == 401, f"401 was expected, not {challenge.status}.")
    parameters = dict(
        re.findall(r'(\w+)="([^"]*)"', challenge.headers["WWW-Authenticate"] or "")
    )
    # RFC 9728 section 5.1: the challenge says where the metadata is.
    resource = fetch(opener, parameters["resource_metadata"]).body
    # RFC 9728 section 3.3: the `resource` member has to be the server we want to use.
    demand(resource["resource"] == server, "The metadata is for another resource.")
    issuer = resource["authorization_servers"][0]
    parts = urlsplit(issuer)
    well_known = f"{parts.scheme}://{parts.netloc}/.well-known"
    path = "" if parts.path == "/" else parts.path
    metadata = fetch(opener, f"{well_known}/oauth-authorization-server{path}").body
    # RFC 8414 section 3.3: the issuer is the one that we derived the URL from.
    demand(metadata["issuer"] == issuer, "The metadata is for another issuer.")
    # CIMD-03 section 7: the server says that it takes URLs for client ids.
    demand(
        metadata.get("client_id_metadata_document_supported") is True,
        "The server does not support client metadata documents.",
    )
    # MCP: refuse to proceed where PKCE with S256 is not announced.
    methods = metadata.get("code_challenge_methods_supported", ())
    demand("S256" in methods, "The server does not support PKCE with S256.")
    methods = metadata.get("token_endpoint_auth_methods_supported", ())
    demand("private_key_jwt" in methods, "The server does not support our keys.")
    # MCP: ask for what the challenge names, and for no more.
    return metadata, parameters.get("scope", "")


# --- 3. Ask the person, in the browser ------------------------------------------------


def authorize(
    arguments: argparse.Namespace,
    metadata: dict[str, Any],
    document: dict[str, Any],
    scope: str,
) -> tuple[str, str]:
    """Return the code, and the verifier that redeems it."""
    # RFC 7636 section 4.1: a secret of this one request; only its hash travels through
    # the browser, so that whoever steals the code cannot redeem it.
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    # RFC 6749 section 10.12: ties the answer to this very request.
    state = secrets.token_urlsafe(16)
    query = {
        "response_type": "code",
        "client_id": document["client_id"],
        # CIMD-03 section 4.2: one of the document's, byte for byte.
        "redirect_uri": document["redirect_uris"][0],
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        # RFC 8707 section 2: whom the token is for.
        "resource": arguments.server,
        "scope": scope,
        "state": state,
    }
    url = f"{metadata['authorization_endpoint']}?{urlencode(query)}"
    answer = wait_for_callback(query["redirect_uri"], lambda: visit(arguments, url))
    demand(answer.get("state") == state, "The answer is not for this request.")
    # RFC 9207 section 2.4: the answer comes from the server that was asked, and from no
    # other that this client also uses (the mix-up attack).
    if metadata.get("authorization_response_iss_parameter_supported"):
        demand(answer.get("iss") == metadata["issuer"], "Another server answered.")
    demand("code" in answer, f"There is no code: {answer.get('error')}.")
    return answer["code"], verifier


def wait_for_callback(redirect_uri: str, begin: Any) -> dict[str, str]:
    """Listen where the browser will come back (RFC 8252 section 7.3)."""
    where = urlsplit(redirect_uri)
    answers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == where.path:
                found = parse_qs(parts.query)
                answers.append({name: texts[0] for name, texts in found.items()})
            self.send_response(200 if parts.path == where.path else 404)
            self.end_headers()
            self.wfile.write(b"You can close this window.\n")

        def log_message(self, *_arguments: object) -> None:
            """Keep the code out of every log."""

    # On loopback only: nobody else on the network may send us answers.
    with ThreadingHTTPServer(("127.0.0.1", where.port or 80), Handler) as server:
        server.timeout = 1
        begin()
        deadline = time.monotonic() + PERSON_SECONDS
        while not answers:
            demand(time.monotonic() < deadline, "Nobody came back from the browser.")
            server.handle_request()
    return answers[0]


def visit(arguments: argparse.Namespace, url: str) -> None:
    if arguments.auto:
        from person import play_person  # noqa: PLC0415 - for tests alone

        play = (url, arguments.auto, arguments.certs / "ca.pem")
        threading.Thread(target=play_person, args=play, daemon=True).start()
        return
    say("browser", f"log in as alice, alice-password:\n  {url}")
    webbrowser.open(url)


# --- 4. Redeem the code ---------------------------------------------------------------


def load_key(arguments: argparse.Namespace) -> tuple[ECKey | RSAKey, str]:
    """Return a private key, and the algorithm that its public half is published for."""
    files = sorted(arguments.client.glob("private-*.jwk"))
    demand(files, f"There is no private key in {arguments.client}.")
    jwk = json.loads(files[0].read_text("utf-8"))
    kind = ECKey if jwk["kty"] == "EC" else RSAKey
    return kind.import_key(jwk), jwk["alg"]


def client_assertion(key: ECKey | RSAKey, alg: str, client_id: str, issuer: str) -> str:
    """Prove that we are the client: `private_key_jwt` (CIMD-03 section 6, RFC 7523)."""
    now = int(time.time())
    # `kid` selects one of the published keys. `typ` keeps any other JWT that this key
    # ever signs from being taken for an assertion (RFC 8725 section 3.11).
    header = {"alg": alg, "kid": key.kid, "typ": "client-authentication+jwt"}
    claims = {
        "iss": client_id,
        "sub": client_id,
        # The issuer, and nothing else: with the URL of a token endpoint as audience, a
        # server that claims the same URL could collect assertions (rfc7523bis-10).
        "aud": issuer,
        "iat": now,
        "exp": now + 60,
        # RFC 7523 section 3 item 7: used once.
        "jti": secrets.token_urlsafe(16),
    }
    return jwt.encode(header, claims, key, algorithms=[alg])


def redeem(
    opener: OpenerDirector,
    arguments: argparse.Namespace,
    metadata: dict[str, Any],
    document: dict[str, Any],
    code_and_verifier: tuple[str, str],
) -> dict[str, Any]:
    """Exchange the code for an access token (RFC 6749 section 4.1.3)."""
    code, verifier = code_and_verifier
    client_id = document["client_id"]
    key, alg = load_key(arguments)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": document["redirect_uris"][0],
        "client_id": client_id,
        "code_verifier": verifier,
        "resource": arguments.server,
        "client_assertion_type": (
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        ),
        "client_assertion": client_assertion(key, alg, client_id, metadata["issuer"]),
    }
    data = urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = fetch(opener, metadata["token_endpoint"], data, headers)
    demand(answer.status == 200, f"There is no token: {answer.body}")
    say("signed", f"the assertion with {alg}, key {key.kid}")
    tokens: dict[str, Any] = answer.body
    return tokens


# --- 5. Call the tool -----------------------------------------------------------------


def call_tool(
    opener: OpenerDirector, server: str, tool: str, access_token: str | None
) -> Answer:
    """Call a tool without arguments (MCP 2026-07-28: each request stands alone)."""
    meta = "io.modelcontextprotocol"
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": tool,
            "arguments": {},
            "_meta": {
                f"{meta}/protocolVersion": PROTOCOL,
                f"{meta}/clientInfo": {"name": "python-client", "version": "1"},
                f"{meta}/clientCapabilities": {},
            },
        },
    }
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    if access_token is not None:
        # RFC 6750 section 2.1: in the header, with every request, never in the URL.
        headers["Authorization"] = f"Bearer {access_token}"
    return fetch(opener, server, json.dumps(message).encode(), headers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--client", type=Path, default=Path("my-client"))
    parser.add_argument("--certs", type=Path, default=Path("pki"))
    parser.add_argument("--server", default="https://localhost:8741/mcp")
    parser.add_argument(
        "--auto",
        metavar="USER:PASSWORD",
        nargs="?",
        const="alice:alice-password",
        help="play the person as well",
    )
    arguments = parser.parse_args()
    opener = make_opener(arguments.certs)

    server, document = publish(arguments.client, arguments.certs)
    say("published", document["client_id"])
    metadata, scope = discover(opener, arguments.server)
    say("found", f"{metadata['issuer']}, which is asked for {scope}")
    code_and_verifier = authorize(arguments, metadata, document, scope)
    say("authorized", "the browser brought a code")
    tokens = redeem(opener, arguments, metadata, document, code_and_verifier)
    say("granted", f"a token for {tokens['scope']}, {tokens['expires_in']} seconds")
    answer = call_tool(opener, arguments.server, "whoami", tokens["access_token"])
    demand(answer.status == 200, f"The tool was not called: {answer.body}")
    say("called", json.dumps(answer.body["result"]["structuredContent"]))
    server.shutdown()


if __name__ == "__main__":
    main()
