"""The CA of a run: leaves for names and addresses, and who trusts them."""

import socket
import ssl
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cimd_certs import Authority, BadCertificate


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> str | None:
    """Do one TLS handshake over a socket pair; return the protocol agreed on."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True) as stream:
                stream.recv(1)
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as stream:
            return stream.selected_alpn_protocol()
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "example.com",
        "client-1.cimd-hosts.net",
        "Mixed.Case.Example.Com",
        "169.254.169.254",
        "127.0.0.1",
        "::1",
        "2606:2800:220:1::7",
        "::ffff:10.0.0.1",
        "under_score.example.com",
        "xn--bcher-kva.example.com",
        "a.b.c.d.e.example.com",
    ],
)
def test_a_leaf_is_accepted_for_its_name(authority: Authority, name: str) -> None:
    alpn = handshake(authority.context_for(name), authority.trust(), name)
    assert alpn == "http/1.1"


@pytest.mark.parametrize("name", ["", ".", "a..b", "*", "-", "x" * 300, "0177.0.0.1"])
def test_no_server_name_is_too_odd_for_a_leaf(authority: Authority, name: str) -> None:
    assert isinstance(authority.context_for(name), ssl.SSLContext)


def test_siblings_share_a_leaf_and_others_do_not(authority: Authority) -> None:
    first = authority.context_for("client-1.cimd-hosts.net")
    assert authority.context_for("client-2.cimd-hosts.net") is first
    assert authority.context_for("CLIENT-3.cimd-hosts.net.") is first
    assert authority.context_for("cimd-hosts.net") is not first
    assert authority.context_for("a.client-1.cimd-hosts.net") is not first
    assert authority.context_for("a.other-hosts.net") is not first


def test_two_labels_never_make_a_wildcard_for_a_top_level(authority: Authority) -> None:
    server = authority.context_for("example.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(server, authority.trust(), "example2.com")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (BadCertificate.EXPIRED, "certificate has expired"),
        (BadCertificate.NOT_YET_VALID, "certificate is not yet valid"),
        (BadCertificate.WRONG_NAME, "Hostname mismatch"),
        (BadCertificate.SELF_SIGNED, "self.signed certificate"),
        (BadCertificate.UNKNOWN_CA, "unable to get local issuer certificate"),
    ],
)
@pytest.mark.parametrize("name", ["a.example.com", "10.0.0.1"])
def test_a_bad_certificate_is_refused_for_its_reason(
    authority: Authority, kind: BadCertificate, reason: str, name: str
) -> None:
    server = authority.bad_context(kind, name)
    assert authority.bad_context(kind, name) is server
    if kind is BadCertificate.WRONG_NAME and name == "10.0.0.1":
        reason = "IP address mismatch"
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        handshake(server, authority.trust(), name)


@pytest.mark.parametrize("kind", [BadCertificate.EXPIRED, BadCertificate.WRONG_NAME])
def test_a_bad_certificate_is_bad_in_one_way_only(
    authority: Authority, kind: BadCertificate
) -> None:
    lenient = ssl.create_default_context(cadata=authority.ca_pem.decode())
    if kind is BadCertificate.WRONG_NAME:
        lenient.check_hostname = False
    else:
        lenient.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    server = authority.bad_context(kind, "a.example.com")
    handshake(server, lenient, "a.example.com")


def test_one_run_does_not_trust_another(authority: Authority) -> None:
    server = Authority().context_for("a.example.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local"):
        handshake(server, authority.trust(), "a.example.com")


def test_trust_is_for_this_authority_alone(authority: Authority) -> None:
    assert authority.trust() is authority.trust()
    assert authority.trust().cert_store_stats()["x509_ca"] == 1


def test_the_clock_is_followed() -> None:
    later = Authority(now=lambda: 4_000_000_000.0)
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        handshake(later.context_for("example.com"), later.trust(), "example.com")


def test_write_leaves_no_key_behind(authority: Authority, tmp_path: Path) -> None:
    path = authority.write(tmp_path / "new")
    assert path.read_bytes() == authority.ca_pem
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [file.name for file in path.parent.iterdir()] == ["ca.pem"]


def test_a_kept_key_can_issue_again(authority: Authority, tmp_path: Path) -> None:
    authority.write(tmp_path, keep_key=True)
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600
    again = Authority.load(tmp_path)
    assert again.ca_pem == authority.ca_pem
    handshake(again.context_for("a.example.com"), authority.trust(), "a.example.com")


def test_a_key_that_is_not_the_cas_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    authority.write(tmp_path, keep_key=True)
    Authority().write(tmp_path / "other")
    (tmp_path / "ca.pem").write_bytes((tmp_path / "other" / "ca.pem").read_bytes())
    with pytest.raises(ValueError, match="do not belong together"):
        Authority.load(tmp_path)


def test_a_leaf_is_written_with_a_private_key_file(
    authority: Authority, tmp_path: Path
) -> None:
    leaf = authority.leaf("localhost")
    certificate, key = leaf.write(tmp_path, "localhost")
    assert stat.S_IMODE(certificate.stat().st_mode) == 0o644
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes().startswith(b"-----BEGIN " + b"PRIVATE KEY-----")
    assert "PRIVATE KEY" not in repr(leaf)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    for name in ("localhost", "127.0.0.1", "::1"):
        handshake(server, authority.trust(), name)


def test_a_key_file_that_was_open_to_all_is_replaced(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "x-key.pem").touch(mode=0o644)
    _, key = authority.leaf("x.example").write(tmp_path, "x")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_bundle_holds_both(authority: Authority) -> None:
    other = Authority()
    both = ssl.create_default_context(cadata=authority.bundle(other.ca_pem).decode())
    assert both.cert_store_stats()["x509_ca"] == 2


def test_importing_the_package_loads_no_crypto_library() -> None:
    code = (
        "import sys, cimd_certs; "
        "sys.exit(bool({'trustme', 'cryptography', 'idna'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_kept_authority_gives_the_same_secrets(tmp_path: Path) -> None:
    Authority().write(tmp_path, keep_key=True)
    first, second = (Authority.load(tmp_path) for _ in range(2))
    assert first.secret("issuer") == second.secret("issuer")
    assert len(first.secret("issuer")) == 32
    assert first.secret("issuer") != first.secret("upstream")
    assert first.secret("issuer") != Authority().secret("issuer")
