"""What of the host can be reached or seen from inside, and what the host keeps."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cimd_testbed.net.lab import LabFilesError, clean_environment, lab_available
from cimd_testbed.net.lab._files import place_files

PROXIED = {
    "http_proxy": "http://proxy.example",
    "HTTPS_PROXY": "http://proxy.example",
    "SSH_AUTH_SOCK": "/tmp/agent",
    "DOCKER_HOST": "unix:///run/docker.sock",
    "RES_OPTIONS": "use-vc",
}


@contextlib.contextmanager
def unix_server(path):
    """Answer one byte to whoever connects, on the host's side."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer():
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = server.accept()
                accepted.sendall(b"!")
                accepted.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def ask(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
            return client.recv(1).decode()
        except OSError as error:
            return type(error).__name__


async def ask_inside(network, *paths):
    return [ask(path) for path in paths]


@pytest.mark.lab
def test_unix_sockets_of_the_host_are_masked(inside, tmp_path):
    path = tmp_path / "s"
    with unix_server(path):
        assert ask(path) == "!"
        assert inside(ask_inside, str(path)) == ["ConnectionRefusedError"]
        assert ask(path) == "!"


@pytest.mark.lab
def test_abstract_sockets_stay_outside(inside):
    with unix_server("\0cimd-lab-test"):
        assert inside(ask_inside, "\0cimd-lab-test") == ["ConnectionRefusedError"]


@pytest.fixture(scope="module")
def busy_host():
    """Play a host full of daemons once, and return what was reached from where."""
    if lab_available():
        pytest.skip(lab_available())
    script = Path(__file__).with_name("busy_host.py")
    outer = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork"]
    outer += ["--kill-child", "--mount-proc", "--", sys.executable, str(script)]
    done = subprocess.run(outer, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.mark.lab
def test_the_daemons_of_that_host_do_answer(busy_host):
    assert len(busy_host["outside"]["reached"]) == 13
    assert busy_host["outside"]["resolved"] == ["203.0.113.66"]


@pytest.mark.lab
def test_no_daemon_of_the_host_is_reached_from_inside(busy_host):
    assert busy_host["before"]["reached"] == []
    assert busy_host["before"]["resolved"] == []


@pytest.mark.lab
def test_a_daemon_that_starts_during_the_run_is_not_reached_either(busy_host):
    assert busy_host["after"] == {"reached": [], "resolved": []}
    assert busy_host["served"] == []


@pytest.mark.lab
def test_what_is_harmless_in_run_is_still_there(busy_host):
    assert busy_host["before"]["shown"] == ["seen", "seen", "file"]
    assert busy_host["kept"] == "seen"


async def look_around(network):
    return files_and_more(network)


def files_and_more(network):
    etc = Path("/etc")
    environ = network.environment(os.environ)
    bundle = Path(environ["SSL_CERT_FILE"]).read_bytes()
    interfaces = [name for _, name in socket.if_nameindex()]
    return {
        "resolv": (etc / "resolv.conf").read_text(),
        "hosts": next(
            line
            for line in (etc / "nsswitch.conf").read_text().splitlines()
            if line.startswith("hosts:")
        ),
        "interfaces": interfaces,
        "bundle": bundle.endswith(network.authority.ca_pem),
        "names": sorted({*environ} & {*PROXIED, "TRUST_PROXY"}),
        "handed": [name for name in environ if name.startswith("CIMD_LAB")],
        "directory": str(network.files.directory),
        "pids": sorted(int(p.name) for p in Path("/proc").glob("[0-9]*"))[:2],
    }


@pytest.mark.lab
@pytest.mark.skipif(
    not Path("/etc/nsswitch.conf").exists(), reason="no nsswitch.conf on this system"
)
def test_resolver_files_environment_and_trust(inside):
    before = Path("/etc/resolv.conf").read_text()
    seen = inside(look_around, environ={**PROXIED, "TRUST_PROXY": "1"})
    assert seen["resolv"].splitlines()[0] == "nameserver 127.0.0.1"
    assert seen["hosts"].split() == ["hosts:", "files", "dns"]
    assert seen["interfaces"] == ["lo"]
    assert seen["bundle"]
    assert seen["names"] == ["TRUST_PROXY"]
    assert seen["handed"] == []
    assert seen["pids"] == [1, 2]
    assert Path("/etc/resolv.conf").read_text() == before
    assert "cimd-lab" not in Path("/proc/mounts").read_text()
    assert not (Path(seen["directory"]) / "ca.pem").exists()


def test_nothing_is_mounted_outside_a_lab():
    with pytest.raises(LabFilesError, match="enter_lab"):
        place_files(b"", {})


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux")
def test_a_process_outside_cannot_enter():
    from cimd_testbed.net.lab import enter_lab

    with pytest.raises(RuntimeError, match="lab_argv"):
        enter_lab()


def test_only_known_names_are_stripped():
    kept = {"PATH": "/bin", "TRUST_PROXY": "1", "SSL_CERT_DIR": "/x"}
    assert clean_environment({**PROXIED, **kept}) == kept
