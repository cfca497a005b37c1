"""Deliberately odd MCP clients, to test the suite against.

    odd_client.py MODE SERVER_URL

`idle` ends at once, as if all were well. `hangs` connects and then waits for ever.
`crashes` is killed by a signal after the first answer. `yes-man` believes everything:
no state, no iss, no issuer, no resource is compared. `prints` is the yes-man that only
prints its authorization URL. It imports nothing of ours.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

MODE, SERVER = sys.argv[1], sys.argv[-1]
REDIRECT_URI = os.environ["REDIRECT_URI"]
TRUST = ssl.create_default_context(cafile=os.environ["CA_FILE"])
VERIFIER = "v" * 43


class Follow(urllib.request.HTTPRedirectHandler):
    """Follows every redirect with everything that the request had."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return urllib.request.Request(
            newurl, data=req.data, headers=dict(req.header_items())
        )


opener = urllib.request.build_opener(
    urllib.request.HTTPSHandler(context=TRUST), Follow()
)


def ask(url, data=None, headers=None):
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def call(token=None):
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "whoami", "arguments": {}},
    }
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return ask(SERVER, json.dumps(message).encode(), headers)


def metadata(*urls):
    for url in urls:
        status, _, body = ask(url)
        if status == 200:
            return json.loads(body)
    sys.exit("no metadata")


def discover(headers):
    parts = urllib.parse.urlsplit(SERVER)
    origin = f"{parts.scheme}://{parts.netloc}"
    found = re.search(
        'resource_metadata="([^"]*)"', headers.get("WWW-Authenticate") or ""
    )
    known = "/.well-known/oauth-protected-resource"
    guesses = (f"{origin}{known}{parts.path}", f"{origin}{known}")
    resource = metadata(*([found[1]] if found else guesses))
    issuer = urllib.parse.urlsplit(resource["authorization_servers"][0])
    origin, path = f"{issuer.scheme}://{issuer.netloc}", issuer.path.rstrip("/")
    server = metadata(
        f"{origin}/.well-known/oauth-authorization-server{path}",
        f"{origin}/.well-known/openid-configuration{path}",
        f"{origin}{path}/.well-known/openid-configuration",
    )
    return resource, server


def authorize(resource, server):
    """Open the browser and wait for one response, whatever it says."""
    got = {}

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = urllib.parse.urlsplit(self.path).query
            got.update(urllib.parse.parse_qsl(query))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(got.get("error_description", "thanks").encode())

        def log_message(self, *_):
            pass

    port = urllib.parse.urlsplit(REDIRECT_URI).port
    listener = http.server.HTTPServer(("127.0.0.1", port), Callback)
    listener.timeout = 10
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    params = {
        "response_type": "code",
        "client_id": os.environ["CLIENT_ID"],
        "redirect_uri": REDIRECT_URI,
        "state": "state",
        "scope": "mcp:read",
        "resource": resource["resource"],
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    url = f"{server['authorization_endpoint']}?{urllib.parse.urlencode(params)}"
    if MODE == "prints":
        sys.stdout.write(f"Open this: {url}\n")
        sys.stdout.flush()
    else:
        subprocess.run([os.environ["BROWSER"], url], check=True)
    listener.handle_request()
    return got.get("code", "no-code")


def redeem(server, code):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT_URI,
        "client_id": os.environ["CLIENT_ID"],
        "code_verifier": VERIFIER,
    }
    data = urllib.parse.urlencode(form).encode()
    status, _, body = ask(server["token_endpoint"], data)
    return json.loads(body)["access_token"] if status == 200 else None


def main():
    if MODE == "idle":
        return 0
    status, headers, _ = call()
    if MODE == "hangs":
        time.sleep(600)
    if MODE == "crashes":
        os.kill(os.getpid(), signal.SIGKILL)
    if status == 401:
        resource, server = discover(headers)
        token = redeem(server, authorize(resource, server))
        status, _, _ = call(token)
    return 0 if status == 200 else 1


sys.exit(main())
