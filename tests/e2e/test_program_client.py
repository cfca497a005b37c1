"""A client that runs already is told by a hook, and may answer late or badly."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading

TARGET = """\
schema = 1
name = "Running client"
role = "agent-host"

[client]
drive = "program"
document = "target"
hook = "http://127.0.0.1:{port}/connect"
"""


def run(folder, answer):
    """Run one scenario against a hook that answers errands with `answer`."""
    told = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            errand = json.loads(self.rfile.read(length))
            told.append(errand)
            self.send_response(answer(errand))
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file, result = folder / "target.toml", folder / "result.json"
    file.write_text(TARGET.format(port=server.server_port))
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "cimd_conformance", "run", str(file), "-q"),
            *("--network", "loopback", "--json", str(result)),
            *("--only", "agent/discovery/pkce-absent"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    server.shutdown()
    server.server_close()
    assert result.exists(), ended.stderr
    return ended.returncode, told


def test_the_hook_gets_the_errand(tmp_path):
    code, told = run(tmp_path, lambda _errand: 200)
    assert code == 3, "nothing was seen of the client: its word proves nothing"
    [errand] = told
    assert errand["server_url"].startswith("https://localhost:")
    assert (errand["tool"], errand["calls"]) == ("whoami", 1)
    assert errand["scenario"] == "connect"


def test_a_hook_that_fails_is_inconclusive(tmp_path):
    assert run(tmp_path, lambda _errand: 500)[0] == 3
