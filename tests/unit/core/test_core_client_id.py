import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import CLIENT_ID_RULES, Verdict, client_id_url, split_url

GOOD = "https://client.example/client.json"


@pytest.mark.parametrize(
    "client_id",
    [
        GOOD,
        "https://client.example:8443/c",
        "https://client.example/a/b/.well-known/c",
        "https://client.example/a..b/...",
        "https://client.example/%7Euser",
        "https://93.184.216.34/c",
        "https://[2606:2800:220:1::1]/c",
        "https://xn--bcher-kva.example/c",
    ],
)
def test_accepted(client_id):
    assert client_id_url(client_id).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("client_id", "clause"),
    [
        ("https://client.example/c?v=1", "cimd-client-id-query"),
        ("https://client.example/", "cimd-client-id-path-required"),
        ("HTTPS://client.example/c", "cimd-client-id-simple-comparison"),
    ],
)
def test_free(client_id, clause):
    decision = client_id_url(client_id)
    assert (decision.verdict, decision.clause) == (Verdict.FREE, clause)


@pytest.mark.parametrize(
    ("client_id", "clause"),
    [
        ("http://client.example/c", "cimd-client-id-https"),
        ("http://localhost/c", "cimd-client-id-https"),
        ("ftp://client.example/c", "cimd-client-id-https"),
        ("client", "cimd-client-id-https"),
        ("https:/client.example/c", "cimd-client-id-https"),
        ("https:///c", "cimd-client-id-https"),
        ("https://user@client.example/c", "cimd-client-id-userinfo"),
        ("https://user:pw@client.example/c", "cimd-client-id-userinfo"),
        ("https://@client.example/c", "cimd-client-id-userinfo"),
        ("https://client.example", "cimd-client-id-path-required"),
        ("https://client.example/c#", "cimd-client-id-fragment"),
        ("https://client.example/c#f", "cimd-client-id-fragment"),
        ("https://client.example/./c", "cimd-client-id-dot-segments"),
        ("https://client.example/a/..", "cimd-client-id-dot-segments"),
        ("https://client.example/%2e%2E/c", "cimd-client-id-encoded-dot-segments"),
        ("https://client.example/.%2e/c", "cimd-client-id-encoded-dot-segments"),
        ("https://client.example:0/c", "cimd-client-id-port-allowed"),
        ("https://client.example:65536/c", "cimd-client-id-port-allowed"),
        ("https://client.example:https/c", "cimd-client-id-port-allowed"),
        ("https://client.example/a b", "cimd-client-id-whitespace-control"),
        ("https://client.example/c\n", "cimd-client-id-whitespace-control"),
        (
            "https://client.example\\@evil.example/c",
            "cimd-client-id-whitespace-control",
        ),
        ("https://bücher.example/c", "cimd-client-id-whitespace-control"),
        ("https://client.example/%zz", "cimd-client-id-whitespace-control"),
        ("https://client.example/" + "a" * 3000, "cimd-client-id-length"),
    ],
)
def test_refused(client_id, clause):
    decision = client_id_url(client_id)
    assert (decision.verdict, decision.clause) == (Verdict.REFUSE, clause)


@given(st.text(max_size=80) | st.from_regex(r"https://\S{0,40}", fullmatch=True))
def test_never_fails_and_what_passes_is_a_url(client_id):
    decision = client_id_url(client_id)
    assert decision.clause.startswith("cimd-client-id")
    if not decision.refused:
        parts = split_url(client_id)
        assert parts.scheme.lower() == "https"
        assert parts.host
        assert parts.port
        assert parts.path.startswith("/")
        assert parts.fragment is None
        assert parts.userinfo is None
        assert client_id.isascii()


@given(st.text(max_size=60))
def test_whole_is_refused_exactly_when_a_part_is(client_id):
    parts = [rule(client_id).refused for rule in CLIENT_ID_RULES.values()]
    assert client_id_url(client_id).refused is any(parts)
