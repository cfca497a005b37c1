"""`serve` as people start it: a process, its words, its end."""

from __future__ import annotations

import json
import resource
import signal
import socket
import ssl
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from serve_support import Served, free_port, run_cli


def test_everything_is_where_it_says(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        facts, get = served.facts, served.opener.open
        metadata = json.load(get(facts["authorization_server_metadata"]))
        assert metadata["issuer"] == facts["issuer"]
        assert metadata["jwks_uri"] == facts["jwks_uri"]
        assert json.load(get(facts["jwks_uri"]))["keys"]
        described = json.load(get(facts["protected_resource_metadata"]))
        assert described["resource"] == facts["resource"]
        document = json.load(get(facts["agent_host_client_id"]))
        assert document["client_id"] == facts["agent_host_client_id"]
        with pytest.raises(HTTPError) as refused:
            get(facts["resource"])
        assert refused.value.code == 401
        refused.value.close()
    assert served.code == 0


def test_it_takes_less_than_a_second_to_start_and_end(tmp_path: Path) -> None:
    """Of the processor: how long people wait depends on what else runs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Served(tmp_path):
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert spent < 1.0


def test_it_says_what_people_need(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        facts, said = served.facts, served.stdout
    for known in (
        *("issuer", "authorization_server_metadata", "jwks_uri", "resource"),
        *("protected_resource_metadata", "agent_host_client_id", "document_host"),
        "ca_file",
    ):
        assert facts[known] in said, known
    assert "alice, password alice-password" in said
    for hint in facts["trust"]:
        assert hint["runtime"] in said
    assert f"export SSL_CERT_FILE={facts['ca_file']}" in said


def test_the_fresh_ca_is_gone_afterwards(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        ca_file = Path(served.facts["ca_file"])
        assert ca_file.exists()
        assert [file.name for file in ca_file.parent.iterdir()] == ["ca.pem"]
    assert not ca_file.parent.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)]
)
def test_signals_end_it_cleanly(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with Served(tmp_path) as served:
        port = int(served.facts["issuer"].rpartition(":")[2])
        idle = socket.create_connection(("127.0.0.1", port))
        served.opener.open(served.facts["jwks_uri"]).close()  # after the idle one
        served.process.send_signal(number)
        assert served.process.wait(10) == code
        idle.close()
    assert "Traceback" not in served.stderr
    assert not Path(served.facts["ca_file"]).exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))


def test_access_is_logged_without_secrets(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        url = f"{served.facts['authorization_server_metadata']}?code=very-secret"
        served.opener.open(url).close()
    assert (
        "authorization server: GET /.well-known/oauth-authorization-server 200\n"
        in served.stderr
    )
    assert "very-secret" not in served.stderr


def test_quiet_logs_nothing(tmp_path: Path) -> None:
    with Served(tmp_path, "--quiet") as served:
        served.opener.open(served.facts["jwks_uri"]).close()
    assert served.stderr == ""


def test_a_port_in_use_is_a_clear_error(tmp_path: Path) -> None:
    base = free_port()
    with socket.create_server(("127.0.0.1", base + 2)):
        done = run_cli("serve", "--port-base", str(base), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"error[port-unavailable]: Cannot listen on ports {base} to" in done.stderr
    assert str(base + 2) in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_ports_follow_from_the_base(tmp_path: Path) -> None:
    base = free_port()
    with Served(tmp_path, "--port-base", str(base)) as served:
        facts = served.facts
        assert facts["issuer"] == f"https://localhost:{base}"
        assert facts["resource"] == f"https://localhost:{base + 1}/mcp"
        assert facts["agent_host_client_id"].startswith(f"https://localhost:{base + 2}")
        assert facts["document_host"] == f"https://localhost:{base + 3}"


def test_a_kept_ca_is_used_again(tmp_path: Path) -> None:
    run_cli("certs", "--out", "pki", "--keep-key", cwd=tmp_path)
    before = {file.name: file.read_bytes() for file in (tmp_path / "pki").iterdir()}
    with Served(tmp_path, "--certs", "pki") as served:
        assert served.facts["ca_file"] == str(tmp_path / "pki" / "ca.pem")
        served.opener.open(served.facts["jwks_uri"]).close()
    after = {file.name: file.read_bytes() for file in (tmp_path / "pki").iterdir()}
    assert after == before


def test_without_the_ca_nobody_trusts_it(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        stranger = Served(tmp_path)
        run_cli("certs", "--out", "other", cwd=tmp_path)
        stranger.facts = {"ca_file": str(tmp_path / "other" / "ca.pem")}
        with pytest.raises(URLError) as refused:
            stranger.opener.open(served.facts["jwks_uri"])
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--certs", "nowhere"], "error[ca-missing]"),
        (["--certs", "keyless"], "ca-key.pem is not there"),
        (["--certs", "broken"], "error[ca-unreadable]"),
        (["--resource", "ftp://localhost/mcp"], "error[resource-invalid]"),
        (["--documents", "nowhere"], "error[usage]"),
        (["--port-base", "70000"], "error[usage]"),
        (["--json", "nowhere/serve.json"], "error[report-not-writable]"),
    ],
)
def test_wrong_usage_is_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    run_cli("certs", "--out", "keyless", cwd=tmp_path)
    (tmp_path / "broken").mkdir()
    for name in ("ca.pem", "ca-key.pem"):
        (tmp_path / "broken" / name).write_text("no PEM\n")
    done = run_cli("serve", "--port-base", "0", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_documents_of_a_folder_are_published(tmp_path: Path) -> None:
    made = run_cli("new-client", "--out", "mine", cwd=tmp_path)
    assert "serve --documents mine" in made.stdout
    with Served(tmp_path, "--documents", "mine") as served:
        host, get = served.facts["document_host"], served.opener.open
        assert served.facts["published"] == [f"{host}/client.json", f"{host}/jwks.json"]
        body = get(f"{host}/client.json").read()
        assert body == (tmp_path / "mine" / "client.json").read_bytes()
        for hidden in ("private-es256.jwk", "private-es256.pem", "../serve.json"):
            with pytest.raises(HTTPError) as refused:
                get(f"{host}/{hidden}")
            assert refused.value.code == 404
            refused.value.close()
