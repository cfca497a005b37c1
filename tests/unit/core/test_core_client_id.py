import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_testbed.core import (
    CLIENT_ID_RULES,
    Destination,
    Verdict,
    client_id_url,
    destination,
    split_url,
)

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
        assert parts.path.startswith("/")
        assert parts.fragment is None
        assert parts.userinfo is None


@given(st.text(max_size=60))
def test_whole_is_refused_exactly_when_a_part_is(client_id):
    parts = [rule(client_id).refused for rule in CLIENT_ID_RULES.values()]
    assert client_id_url(client_id).refused is any(parts)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        (GOOD, "client.example", 443),
        ("https://client.example:8443/c", "client.example", 8443),
        ("http://client.example/c", "client.example", 80),
        ("ftp://client.example/c", "client.example", 443),
        ("https://[2606:2800:220:1::1]:444/c", "[2606:2800:220:1::1]", 444),
        ("https://user@client.example/c", "client.example", 443),
        ("https://127.1/c", "127.1", 443),
        ("https://client.example./c", "client.example.", 443),
    ],
)
def test_a_plain_url_leads_to_one_place(url, host, port):
    assert destination(url) == Destination(host, port, host, split_url(url).target)


@pytest.mark.parametrize(
    ("url", "clause"),
    [
        ("https://client.example:0/c", "cimd-client-id-port-allowed"),
        ("https://client.example:65536/c", "cimd-client-id-port-allowed"),
        ("https://client.example:https/c", "cimd-client-id-port-allowed"),
        ("https://client.example/a b", "cimd-client-id-whitespace-control"),
        ("https://client.example/c\n", "cimd-client-id-whitespace-control"),
        ("https://10.0.\t0.5/c", "cimd-client-id-whitespace-control"),
        (
            "https://client.example\\@evil.example/c",
            "cimd-client-id-whitespace-control",
        ),
        ("https://bücher.example/c", "cimd-client-id-whitespace-control"),
        ("https://１０.0.0.5/c", "cimd-client-id-whitespace-control"),
        ("https://client.example/%zz", "cimd-client-id-whitespace-control"),
        ("https:/client.example/c", "cimd-ssrf-ip-literal-encodings"),
        ("https:///c", "cimd-ssrf-ip-literal-encodings"),
        ("https:client.example/c", "cimd-ssrf-ip-literal-encodings"),
        ("https://%31%30.0.0.5/c", "cimd-ssrf-ip-literal-encodings"),
        ("https://[fe80::1%25eth0]/c", "cimd-ssrf-ip-literal-encodings"),
        ("https://10.0.0.5;.client.example/c", "cimd-ssrf-ip-literal-encodings"),
    ],
)
def test_what_can_be_read_in_two_ways_leads_nowhere(url, clause):
    decision = destination(url)
    assert (decision.verdict, decision.clause) == (Verdict.REFUSE, clause)


@given(st.text(max_size=80) | st.from_regex(r"https://\S{0,40}", fullmatch=True))
def test_what_leads_somewhere_is_judged_where_it_leads(url):
    where = destination(url)
    if isinstance(where, Destination):
        assert where.host == where.judged == split_url(url).host
        assert 0 < where.port < 65536
        assert url.isascii()
