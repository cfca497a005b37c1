"""The hints are true: a runtime that follows its hint trusts the CA."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cimd_certs import Authority, TrustHint, trust_hints

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
FETCH = """
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(opener.open(sys.argv[1]).read().decode(), end="")
"""
JAVA = """
public class Get {
  public static void main(String[] a) throws Exception {
    System.out.print(new String(new java.net.URL(a[0]).openStream().readAllBytes()));
  }
}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Serve `ok` on localhost over TLS; gives the URL and the CA's file."""
    authority = Authority()
    ca_file = authority.write(tmp_path_factory.mktemp("a folder"))
    context = authority.leaf("localhost").context()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(accepted, server_side=True) as stream:
                    stream.recv(65_536)
                    stream.sendall(ANSWER)
            except OSError:
                accepted.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://localhost:{listener.getsockname()[1]}/", ca_file
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def hint_for(runtime: str, ca_file: Path) -> TrustHint:
    return next(hint for hint in trust_hints(ca_file) if hint.runtime == runtime)


def run(command: list[str], hint: TrustHint | None) -> subprocess.CompletedProcess[str]:
    ours = {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "SSLKEYLOGFILE"}
    environment = {key: text for key, text in os.environ.items() if key not in ours}
    if hint is not None:
        environment |= dict(hint.environment)
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False
    )


COMMANDS = {
    "Python ssl": (
        "python",
        [
            sys.executable,
            "-c",
            FETCH,
        ],
    ),
    "curl": ("curl", ["curl", "-sS", "--noproxy", "*"]),
    "Node": (
        "node",
        [
            "node",
            "-e",
            "require('https').get(process.argv[1], r => r.pipe(process.stdout))",
        ],
    ),
}


@pytest.mark.parametrize("runtime", COMMANDS)
def test_a_runtime_trusts_the_ca_with_its_hint_only(
    served: tuple[str, Path], runtime: str
) -> None:
    url, ca_file = served
    program, command = COMMANDS[runtime]
    if program != "python" and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    trusting = run([*command, url], hint_for(runtime, ca_file))
    assert (trusting.returncode, trusting.stdout) == (0, "ok"), trusting.stderr
    assert run([*command, url], None).returncode != 0


def test_java_trusts_the_store_that_its_hint_makes(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    if not (shutil.which("keytool") and shutil.which("javac")):
        pytest.skip("no JDK is installed")
    url, ca_file = served
    hint = hint_for("Java", ca_file)
    source = tmp_path / "Get.java"
    source.write_text(JAVA)
    subprocess.run(hint.command, check=True, capture_output=True)
    answer = run(["java", str(source), url], hint)
    assert (answer.returncode, answer.stdout) == (0, "ok"), answer.stderr


def test_every_hint_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    ca_file = tmp_path / "with space" / "ca.pem"
    for hint in trust_hints(ca_file):
        exports = [f'printf "%s\\n" "${key}"' for key, _ in hint.environment]
        lines = [
            line for line in hint.shell().splitlines() if not line.startswith("keytool")
        ]
        script = "\n".join([*lines, *exports])
        answer = subprocess.run(
            ["sh", "-c", script], check=True, capture_output=True, text=True
        )
        expected = [text for _, text in hint.environment]
        assert answer.stdout.splitlines() == expected
