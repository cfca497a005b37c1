"""What a leaf is for."""

import ipaddress

import pytest

from cimd_certs._identity import exact_identities, shared_identities


def mapped(address: str) -> str:
    """Return the mapped spelling of an IPv4 address, whose text Python 3.13 changed."""
    return str(ipaddress.ip_address(f"::ffff:{address}"))


MAPPED = mapped("10.0.0.1")


@pytest.mark.parametrize(
    ("name", "identities"),
    [
        ("client-1.cimd-hosts.net", ("*.cimd-hosts.net",)),
        ("a.b.cimd-hosts.net.", ("*.b.cimd-hosts.net",)),
        ("cimd-hosts.net", ("cimd-hosts.net",)),
        ("localhost", ("localhost",)),
        ("a_b.cimd-hosts.net", ("a_b.cimd-hosts.net",)),
        ("*.cimd-hosts.net", ("*.cimd-hosts.net",)),
        ("10.0.0.1", ("10.0.0.1", MAPPED)),
        ("127.0.0.1", ("127.0.0.1", mapped("127.0.0.1"), "0.0.0.0")),
        ("0:0::1", ("::1", "::")),
        ("fd00::1", ("fd00::1",)),
        (MAPPED, (MAPPED, "10.0.0.1")),
        ("0177.0.0.1", ("0177.0.0.1",)),
    ],
)
def test_shared(name: str, identities: tuple[str, ...]) -> None:
    assert shared_identities(name) == identities


@pytest.mark.parametrize(
    ("name", "identities"),
    [
        ("client-1.cimd-hosts.net", ("client-1.cimd-hosts.net",)),
        ("LOCALHOST", ("localhost", "127.0.0.1", "::1")),
        ("127.0.0.1", ("127.0.0.1",)),
    ],
)
def test_exact(name: str, identities: tuple[str, ...]) -> None:
    assert exact_identities(name) == identities
