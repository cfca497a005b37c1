"""A deliberately bad MCP server (2026-07-28), to test the suite on: no dependencies.

`closed` answers everything with 401; `any-token` takes whatever token there is;
`audience` any token that is for it.
"""

import base64
import http.server
import json
import sys

MODE, PORT, ISSUER = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ORIGIN = f"http://127.0.0.1:{PORT}"
METADATA = {
    "resource": f"{ORIGIN}/mcp",
    "authorization_servers": [ISSUER],
    "scopes_supported": ["tools"],
}
CHALLENGE = (
    f'Bearer resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource/mcp", '
    'scope="tools"'
)
META = "io.modelcontextprotocol/"
LINES = []


def mismatch(headers, message):
    """Return the JSON-RPC error code of a request whose headers are wrong."""
    params = message.get("params", {})
    meta = params.get("_meta", {})
    version = meta.get(META + "protocolVersion")
    if version is None or META + "clientCapabilities" not in meta:
        return -32602
    name = params.get("name")
    if name is not None and headers.get("Mcp-Name", "").startswith("=?base64?"):
        name = headers["Mcp-Name"]
    stated = (headers.get("MCP-Protocol-Version"), headers.get("Mcp-Method"))
    if stated != (version, message["method"]):
        return -32020
    if message["method"] == "tools/call" and headers.get("Mcp-Name") != name:
        return -32020
    return None if version == "2026-07-28" else -32022


def audience(token):
    """Return what a JWT is for."""
    claims = token.split(".")[1]
    decoded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    return json.loads(decoded)["aud"]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def answer(self, status, value=None, challenge=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if challenge is not None:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        known = self.path.startswith("/.well-known/oauth-protected-resource")
        self.answer(200, METADATA) if known else self.answer(404)

    def do_POST(self):
        self.answer(*self.judge())

    def judge(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        tokens = self.headers.get_all("Authorization") or []
        words = tokens[0].split() if len(tokens) == 1 else []
        if not tokens or MODE == "closed" or self.path != "/mcp":
            return 401, None, CHALLENGE
        if len(words) != 2 or words[0].lower() != "bearer":
            return 400, None, CHALLENGE
        if self.headers.get("Origin"):
            return (403,)
        if MODE == "audience" and audience(words[1]) != f"{ORIGIN}/mcp":
            wrong = ', error="invalid_token", error_description="wrong audience"'
            return 401, None, CHALLENGE + wrong
        message = json.loads(body)
        code = mismatch(self.headers, message)
        if code is not None:
            error = {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": ""}}
            return 400, error
        if message.get("params", {}).get("name", "read") not in ("read", "write"):
            error = {"jsonrpc": "2.0", "id": message["id"]}
            return 200, error | {"error": {"code": -32602, "message": "Unknown tool"}}
        result = self.result(message["method"], message.get("params", {}))
        return 200, {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def result(self, method, params):
        if method == "tools/list":
            schema = {"type": "object", "properties": {}, "required": ["text"]}
            tools = [{"name": "write", "inputSchema": schema}, {"name": "read"}]
            return {"tools": tools, "resultType": "complete"}
        if method == "tools/call" and params["name"] == "write":
            LINES.append(params["arguments"]["text"])
        text = "\n".join(LINES)
        return {"content": [{"type": "text", "text": text}], "resultType": "complete"}


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
