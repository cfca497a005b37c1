"""Nothing secret reaches an event; what is not secret stays readable."""

from __future__ import annotations

import base64
import json
import sys
from types import FrameType
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.evidence import Redactor, looks_opaque
from cimd_testbed.parties import new_key, sign_jwt

CODE = "SplxlOBeZQQYbYS6WxSbIA"


def jwt() -> str:
    return sign_jwt({"alg": "ES256"}, {"iss": "https://client"}, new_key())


def test_a_jwt_keeps_header_and_claims_and_loses_its_signature() -> None:
    token = jwt()
    head, claims, signature = token.split(".")
    for text in (token, f"Bearer {token}", f"client_assertion={token}&x=1"):
        shown = Redactor().text(text)
        assert f"{head}.{claims}.‹signature›" in shown
        assert signature not in shown


def test_a_jwt_without_a_signature_stays_visible_as_such() -> None:
    token = jwt().rpartition(".")[0] + "."
    assert Redactor().text(token) == token


def test_an_encrypted_token_loses_everything_but_its_header() -> None:
    parts = ["eyJhbGciOiJkaXIifQ", "a2V5", "aXY", "Y2lwaGVydGV4dA", "dGFn"]
    shown = Redactor().text(".".join(parts))
    assert not any(part in shown for part in parts[2:])


def test_the_same_secret_has_the_same_name_and_others_another() -> None:
    redactor = Redactor()
    assert redactor.text(f"?code={CODE}&state=s") == "?code=‹code-1›&state=s"
    assert redactor.text(f'{{"code": "{CODE}"}}') == '{"code": "‹code-1›"}'
    assert redactor.text("code=AnotherCode12") == "code=‹code-2›"
    assert redactor.text(f"said {CODE} again") == "said ‹code-1› again"


@pytest.mark.parametrize(
    "name",
    [
        "code",
        "code_verifier",
        "access_token",
        "refresh_token",
        "id_token",
        "client_secret",
        "password",
        "token",
    ],
)
def test_parameters_and_members_are_recognised(name: str) -> None:
    value = "tGzv3JOkF0XG5Qx2TlKWIA"
    for text in (
        urlencode({"a": 1, name: value}),
        json.dumps({name: value}),
        json.dumps({"nested": [{name: value}]}, indent=1),
        f"https://as/x?{name}={value}#f",
    ):
        assert value not in Redactor().text(text)


@pytest.mark.parametrize("member", ["d", "k", "p", "q", "dp", "dq", "qi"])
def test_private_parts_of_keys(member: str) -> None:
    text = json.dumps({"kty": "RSA", "n": "public", member: "c2VjcmV0c2VjcmV0"})
    shown = Redactor().text(text)
    assert "c2VjcmV0" not in shown
    assert '"n": "public"' in shown


def test_other_parameters_stay() -> None:
    text = "client_id=https%3A%2F%2Fa&code_challenge=abcdefgh&scope=read&state=xyz123"
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "encode", [str, quote, quote_plus, lambda s: quote(s, safe="")]
)
def test_encoded_forms_of_a_known_secret(encode: object) -> None:
    secret = "a b/c+d=e&f?g"
    redactor = Redactor()
    redactor.secret("password", secret)
    assert callable(encode)
    assert encode(secret) not in redactor.text(f"x={encode(secret)};")


def test_cookies_set_and_sent() -> None:
    redactor = Redactor()
    value = "c0ffee-session-value"
    set_cookie = redactor.header("Set-Cookie", f"sid={value}; Path=/; HttpOnly")
    assert set_cookie == "sid=‹cookie-1›; Path=/; HttpOnly"
    assert redactor.header("Cookie", f"sid={value}; b=other-value") == (
        "sid=‹cookie-1›; b=‹cookie-2›"
    )


def test_authorization_headers() -> None:
    redactor = Redactor()
    pair = base64.b64encode(b"client:secret").decode()
    assert redactor.header("Authorization", f"Basic {pair}") == "Basic ‹credential-1›"
    opaque = "mF_9.B5f-4.1JqM"
    assert redactor.header("authorization", f"Bearer {opaque}") == (
        "Bearer ‹credential-2›"
    )
    shown = redactor.header("Authorization", f"Bearer {jwt()}")
    assert shown.endswith(".‹signature›")


def test_hidden_fields_that_only_chance_makes() -> None:
    html = (
        '<form><input type="hidden" name="csrf" value="Zm9vYmFyYmF6cXV4MTIz">'
        "<input name=txn value='8f14e45fceea167a5a36dedd4bea2543' type='hidden'>"
        '<input type=hidden name="client_id" value="https://a.example/client.json">'
        '<input type="hidden" name="action" value="approve">'
        '<input type="text" name="user" value="Zm9vYmFyYmF6cXV4OTk5">'
    )
    shown = Redactor().text(html)
    assert "Zm9vYmFyYmF6cXV4MTIz" not in shown
    assert "8f14e45fceea167a5a36dedd4bea2543" not in shown
    assert "https://a.example/client.json" in shown
    assert 'value="approve"' in shown
    assert "Zm9vYmFyYmF6cXV4OTk5" in shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("approve", False),
        ("https://a.example/client.json", False),
        ("mcp:read mcp:write", False),
        ("continue-to-the-next-page", False),
        ("8f14e45fceea167a5a36dedd", True),
        ("Zm9vYmFyYmF6cXV4MTIz==", True),
    ],
)
def test_what_looks_opaque(value: str, expected: bool) -> None:
    assert looks_opaque(value) is expected


def test_a_message_is_redacted_everywhere_and_cut() -> None:
    redactor = Redactor()
    message = redactor.message(
        f"GET https://as/callback?code={CODE}",
        (("Location", f"https://c/callback?code={CODE}"), ("X", CODE)),
        f"{'x' * 6000}{CODE}".encode(),
    )
    assert CODE not in repr(message)
    assert message.cut
    assert len(message.body) == 4096


def test_a_secret_longer_than_what_is_kept_is_learnt_whole() -> None:
    secret = "s" * 3000 + "T" * 6000
    body = json.dumps({"access_token": secret}).encode()
    shown = Redactor().message("200", (), body)
    assert "sss" not in shown.body


def test_a_transaction_in_a_redirect_is_known_before_the_form_that_has_it() -> None:
    redactor = Redactor()
    txn = "8f14e45fceea167a5a36dedd"
    where = f"/consent?txn_id={txn}&client_id=https%3A%2F%2Fa.example%2Fc.json"
    shown = redactor.header("Location", where)
    assert shown == where.replace(txn, "‹txn-id-1›")
    form = f'<input type=hidden name=txn_id value="{txn}">'
    assert redactor.text(form) == form.replace(txn, "‹txn-id-1›")
    link = '<a href="/next?a=1&amp;Ticket=Zm9vYmFyYmF6cXV4MTIz">'
    assert "Zm9v" not in Redactor().text(link)


def test_public_parameters_and_plain_words_stay_in_queries() -> None:
    text = (
        "GET /authorize?state=Zm9vYmFyYmF6cXV4MTIz&nonce=Zm9vYmFyYmF6cXV4MTIz"
        "&page=continue-to-the-next-page&next=https%3A%2F%2Fa.example%2F1234567890"
    )
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mcp-Session-Id", "mcp-session"),
        ("X-API-Key", "api-key"),
        ("x-csrf-token", "csrf-token"),
    ],
)
def test_headers_that_are_secrets(name: str, kind: str) -> None:
    redactor = Redactor()
    assert redactor.header(name, "1f9c2b7e") == f"‹{kind}-1›"
    assert redactor.text("again 1f9c2b7e") == f"again ‹{kind}-1›"


def test_a_private_key_in_a_body() -> None:
    kind = "RSA PRIVATE KEY-----"
    lines = [f"-----BEGIN {kind}", "MIIEow", f"-----END {kind}"]
    shown = Redactor().text("a\n" + "\n".join(lines) + "\nb")
    assert shown == "a\n‹private-key›\nb"
    assert Redactor().text("x " + "\n".join(lines[:2])) == "x ‹private-key›"
    public = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"
    assert Redactor().text(public) == public


def test_what_is_known_from_the_beginning() -> None:
    redactor = Redactor((("password", "a horse/7"),))
    assert redactor.text("pin=a+horse%2F7 or a horse/7") == (
        "pin=‹password-1› or ‹password-1›"
    )


def test_short_words_are_no_secrets() -> None:
    assert Redactor().text("code=abc") == "code=abc"


secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789-_", min_size=8)


@given(st.lists(secrets, min_size=1, max_size=5), st.text(max_size=20))
def test_no_known_secret_survives(values: list[str], around: str) -> None:
    redactor = Redactor()
    for value in values:
        redactor.secret("code", value)
    for value in values:
        for text in (value, f"{around}{value}{around}", f"?x={quote(value)}"):
            assert value not in redactor.text(text)


@given(st.text())
def test_redaction_never_fails_and_is_stable(text: str) -> None:
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once


def _work(redactor: Redactor, text: str) -> int:
    """Count the operations of Python's machine in which a text is redacted."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        redactor.text(text)
    finally:
        sys.settrace(before)
    return count


def test_a_long_flow_with_thousands_of_secrets_is_redacted_like_a_short_one() -> None:
    short, long = (
        Redactor([("code", f"{n:x}-{n * 7919:08x}-secret") for n in range(count)])
        for count in (100, 5000)
    )
    text = "GET /callback?code=a-00013579-secret&state=none and no more to be seen here"
    known = f"{7:x}-{7 * 7919:08x}-secret"
    assert _work(long, text) < 2 * _work(short, text) + 20 * len(text)
    for redactor in (short, long):
        assert redactor.text(f"{text} {known}").endswith(" ‹code-8›")


@given(st.lists(st.text('ab/<"', min_size=4, max_size=8), max_size=60), st.integers())
def test_many_secrets_and_few_are_replaced_alike(values: list[str], at: int) -> None:
    """What is looked up by its beginning is what would be found one by one."""
    redactor, plain = (Redactor([("code", value) for value in values]) for _ in "12")
    text = "".join(values[at % 7 :: 3])[:19]
    shown = redactor.text(text)
    assert all(value not in shown for value in values)
    assert plain.text(text + " " * 1000).rstrip() == shown.rstrip()


def test_what_a_later_part_tells_is_taken_out_of_an_earlier_one() -> None:
    value = "om8vCM59lJY68lnOoiH2sk0sXsIRKvYwRaru1ig50EI"
    location = ("Location", f"https://a.example/?state={value}")
    cookie = ("Set-Cookie", f"binding={value}; Secure")
    shown = Redactor().message(f"GET /?state={value}", (location, cookie), b"")
    assert value not in repr(shown)
    assert "state=‹cookie-1›" in shown.start
