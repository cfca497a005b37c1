"""The adopted lab: a namespace without a way out that was there before the suite.

The test makes one as a container runtime would: only `lo`, its own name server, and
no right to make further namespaces.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from suite_support import MODULE, ODD_SERVER, Ended, Miniature

from cimd_testbed.net.lab import lab_available

pytestmark = pytest.mark.lab

CONTAINER = Path(__file__).with_name("adopted_container.py")
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount", "--pid"]
UNSHARE += ["--fork", "--kill-child", "--mount-proc", "--"]
PORT = 24680
ORIGIN = "https://as.cimd-target.net"
FLOW = "as/flow/public-client"

Inside = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def inside(tmp_path: Path) -> Inside:
    """Return `run(script)`: runs a shell script in such a namespace."""
    if reason := lab_available():
        pytest.skip(reason)
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("nameserver 127.0.0.1\n")

    def run(
        script: str, *, before: str = "", environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, str(CONTAINER), str(resolv_conf)]
        shell = [*shlex.split(before), "sh", "-c", script]
        return subprocess.run(
            [*UNSHARE, *words, *shell],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **(environ or {})},
        )

    return run


def running_target(folder: Path, mode: str = "plain") -> str:
    """Describe a server that runs already; return the command that starts it."""
    (folder / "target.toml").write_text(f"""\
schema = 1
name = "A server in a container"
role = "authorization-server"

[server]
port = {PORT}

[resource]
uri = "{{origin}}/mcp"
shown_by = "call"
""")
    words = [sys.executable, str(ODD_SERVER), mode, str(PORT), ORIGIN]
    pid_file = f"PID_FILE={shlex.quote(str(folder / 'pid'))}"
    return f"{pid_file} AFTER=2 {shlex.join(words)} & server=$!;"


def suite(*words: str) -> str:
    return shlex.join([*MODULE, "run", "target.toml", "--ndjson", "out.ndjson", *words])


ROUTES = "{ grep -e '|--' -e ' /' /proc/net/fib_trie; cat /proc/net/if_inet6; "
ROUTES += "cut -d' ' -f1-5 /proc/net/ipv6_route; }"
"""Leaves and addresses alone: the inner nodes of the trie depend on its history."""


def test_a_running_target_gets_a_public_origin_and_nothing_is_left(
    inside: Inside, tmp_path: Path
) -> None:
    start = running_target(tmp_path)
    script = f"{start} {ROUTES} >before; {suite('--only', FLOW)}; code=$?; "
    script += f"{ROUTES} >after; kill $server; exit $code"
    done = inside(script)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [
        json.loads(line) for line in (tmp_path / "out.ndjson").read_text().splitlines()
    ]
    assert events[0]["network"] == "lab"
    assert "public-address" in events[0]["powers"]
    finished = [e for e in events if e["event"] == "scenario-finished"]
    assert [(e["id"], e["status"]) for e in finished] == [(FLOW, "passed")]
    asked = [e["request"]["start"] for e in events if e["event"] == "exchange"]
    assert any(ORIGIN in start for start in asked)
    before, after = (tmp_path / "before", tmp_path / "after")
    assert "10.0.0.0" not in before.read_text()
    assert after.read_text() == before.read_text()


def test_a_killed_suite_gives_the_addresses_back(
    inside: Inside, tmp_path: Path
) -> None:
    start = running_target(tmp_path, "hangs-later")
    script = f"""
    {start}
    {ROUTES} >before
    {suite("--only", FLOW)} & suite=$!
    {bounded("grep -q scenario-started out.ndjson")}
    {ROUTES} >during
    kill -9 $suite
    {bounded(ROUTES + " | cmp -s - before")}
    kill $server
    """
    done = inside(script.replace("\n    ", "\n"))
    assert "took too long" not in done.stdout, done.stdout + done.stderr
    before, during = (tmp_path / "before", tmp_path / "during")
    assert "10.0.0.0" in during.read_text()
    assert "10.0.0.0" not in before.read_text()


def bounded(condition: str) -> str:
    """Return a shell loop that waits for a condition, and gives up after a while."""
    loop = f"until {condition} 2>/dev/null; do sleep 0.05; n=$((n+1)); "
    return f"n=0; {loop} [ $n -lt 400 ] || {{ echo took too long; break; }}; done"


def test_a_target_that_the_suite_starts(inside: Inside, tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "plain", seconds=10.0, ready_seconds=20.0)
    words = shlex.join(miniature.command(FLOW, network="lab"))
    done = inside(words)
    assert done.returncode == 0, done.stdout + done.stderr
    ended: Ended = miniature.ended(done.returncode, done.stdout, done.stderr, 0)
    assert ended.statuses()[FLOW] == "passed"


@pytest.fixture
def outside_socket(tmp_path: Path) -> Iterator[Path]:
    """Answer at a socket file, on the host's side."""
    path = tmp_path / "docker.sock"
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    yield path
    server.close()


def test_a_socket_that_leads_outside_is_a_way_out(
    inside: Inside, tmp_path: Path, outside_socket: Path
) -> None:
    start = running_target(tmp_path)
    environ = {"DOCKER_HOST": f"unix://{outside_socket}"}
    done = inside(f"{start} {suite('--network', 'lab')}", environ=environ)
    assert done.returncode == 2
    assert f"outside answers at the socket {outside_socket}." in done.stderr
    assert "Do not mount it into the container." in done.stderr


def test_without_the_right_to_add_addresses(inside: Inside, tmp_path: Path) -> None:
    start = running_target(tmp_path)
    drop = "setpriv --bounding-set -net_admin --inh-caps -net_admin --"
    done = inside(f"{start} {suite('--network', 'lab')}", before=drop)
    assert done.returncode == 2
    assert "--cap-add NET_ADMIN" in done.stderr


def test_another_name_server_would_answer(inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\n")
    start = running_target(tmp_path)
    done = inside(f"{start} {suite('--network', 'lab')}")
    assert done.returncode == 2
    assert "/etc/resolv.conf is not 127.0.0.1 alone (192.0.2.1)" in done.stderr
    assert "--dns 127.0.0.1" in done.stderr


def test_a_port_of_ours_is_taken(inside: Inside, tmp_path: Path) -> None:
    running_target(tmp_path)
    taken = "import socket; s = socket.create_server(('', 443)); s.accept()"
    waiting = f"{sys.executable} -c {shlex.quote(taken)} &"
    ready = "until grep -q :01BB /proc/net/tcp; do :; done;"
    done = inside(f"{waiting} {ready} {suite('--network', 'lab')}")
    assert done.returncode == 2
    assert "Somebody listens on port 443 of this network." in done.stderr


def test_a_machine_with_a_network_is_not_adopted() -> None:
    from cimd_testbed.net.lab import adoption_obstacles

    if {name for _, name in socket.if_nameindex()} == {"lo"}:
        pytest.skip("this machine has no network")
    (found,) = adoption_obstacles()
    assert found.code == "interfaces"
