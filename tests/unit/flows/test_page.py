"""Pages of the target: what a person sees, and where they send the browser."""

from __future__ import annotations

import pytest

from cimd_conformance.flows.authorization_server._page import (
    Asked,
    any_page,
    consent_page,
    cookies,
    destination,
    framing,
    handlers,
    may_deliver,
    visible_text,
)
from cimd_testbed.net import Response

CALLBACK = "https://client.example/i1/callback"
ANSWER = f"{CALLBACK}?code=c0de&state=state-12345678"
ASKED = Asked(CALLBACK, "state-12345678", frozenset({"https://as.example"}))
TO_SCRIPT = Asked("javascript:alert(1)//", "state-12345678")


def page(html: str, *headers: tuple[str, str]) -> Response:
    return Response(200, headers, html.encode())


def sent_to(html: str, *headers: tuple[str, str], asking: bool = False) -> str | None:
    return destination(page(html, *headers), ASKED, asking=asking)


@pytest.mark.parametrize(
    "html",
    [
        f'<meta http-equiv="refresh" content="0; url={ANSWER}">',
        f"<meta http-equiv=REFRESH content=\"0;URL='{ANSWER}'\">",
        f'<script>location.href = "{ANSWER}";</script>',
        f"<script>window.location='{ANSWER}'</script>",
        f'<script>window.location.replace("{ANSWER}")</script>',
        f'<body onload="location.assign(&quot;{ANSWER}&quot;)">',
        f'<script>location = "{ANSWER.replace("/", chr(92) + "/")}"</script>',
        f'<iframe src="{ANSWER}"></iframe>',
        f'<a href="{ANSWER}">Return to the app</a>',
    ],
)
def test_a_page_that_delivers_the_code_is_a_redirect(html: str) -> None:
    assert sent_to(html) == ANSWER


def test_so_is_a_refresh_header() -> None:
    assert sent_to("", ("Refresh", f"0; url={ANSWER}")) == ANSWER


def test_an_error_may_be_linked_to_but_not_pushed() -> None:
    error = f"{CALLBACK}?error=invalid_request&state=state-12345678"
    assert sent_to(f'<a href="{error}">Back</a>') is None
    assert sent_to(f'<script>location.href="{error}"</script>') == error


def test_a_link_that_runs_script_counts_without_a_code() -> None:
    url = "javascript:alert(1)//?error=access_denied"
    found = destination(page(f'<a href="{url}">Back</a>'), TO_SCRIPT, asking=False)
    assert found == url


def test_a_button_of_the_consent_page_sends_nobody_yet() -> None:
    html = f'<script>function no() {{ location.href = "{CALLBACK}?error=x" }}</script>'
    assert sent_to(html, asking=True) is None
    assert sent_to(f'<a href="{ANSWER}">go</a>', asking=True) == ANSWER


@pytest.mark.parametrize(
    "html",
    [
        '<a href="https://as.example/authorize?state=state-12345678&code=1">Again</a>',
        '<a href="https://elsewhere.example/help">Help</a>',
        f"<p>{CALLBACK} is not registered</p>",
    ],
)
def test_other_links_lead_nowhere_that_counts(html: str) -> None:
    assert sent_to(html) is None
    assert not may_deliver(page(html), ASKED)


@pytest.mark.parametrize(
    "html",
    [
        f'<script>go(atob("x"), {{state: "{ASKED.state}"}})</script>',
        f'<script>const next = "{CALLBACK}"</script>',
        '<script>go("/x?code=c0de")</script>',
        f'<form action="{CALLBACK}"></form>',
    ],
)
def test_what_cannot_be_read_is_no_refusal(html: str) -> None:
    assert may_deliver(page(html), ASKED)


def test_an_ordinary_error_page_is_one() -> None:
    html = "<h1>Error</h1><script>if (e.keyCode == 13) go()</script>"
    assert not may_deliver(page(html), ASKED)
    assert not may_deliver(page(f'<a href="{CALLBACK}?error=x">Back</a>'), ASKED)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<b>b</b></p><p>c</p>", "ab c"),
        ("<p>a</p><!-- b --><script>c</script><style>d</style>", "a"),
        ("<title>t</title><p hidden>h</p><p style='display: none'>n</p>x", "x"),
        ("<input type=hidden value=h><input value=shown readonly>", "shown"),
        ("<p>y<template>t</template><noscript>n</noscript>", "y"),
        ("<b>clie</b><i>nt.exa</i>mple", "client.example"),
        ("<details>a<summary>More</summary><p>b</p></details>c", "More c"),
        ("<details open>a<summary>More</summary><p>b</p></details>", "a More b"),
        ("<dialog>a</dialog><dialog open>b</dialog>", "b"),
    ],
)
def test_only_what_is_seen_is_text(html: str, text: str) -> None:
    assert visible_text(html) == text


def test_handlers_are_those_of_elements() -> None:
    assert handlers('<img src="x" onerror="alert(1)">') == ["onerror=alert(1)"]
    assert handlers("&lt;img src=x onerror=alert(1)&gt;") == []
    assert handlers('<input value="<img src=x onerror=alert(1)>">') == []


CSP = "Content-Security-Policy"
DENY = ("X-Frame-Options", "DENY")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), "allowed"),
        ((DENY,), "forbidden"),
        ((("X-Frame-Options", "sameorigin"),), "forbidden"),
        ((("X-Frame-Options", "ALLOW-FROM https://a.example"),), "allowed"),
        (((CSP, "default-src 'none'"),), "allowed"),
        (((CSP, "default-src 'none'; frame-ancestors 'none'"),), "forbidden"),
        (((CSP, "frame-ancestors 'self' https://portal.example"),), "forbidden"),
        (((CSP, "frame-ancestors *"), DENY), "allowed"),
        (((CSP, "frame-ancestors https:"), DENY), "allowed"),
        (((CSP, "frame-ancestors 'self' https://*"), DENY), "allowed"),
        (((CSP, "frame-ancestors *"), (CSP, "Frame-Ancestors 'none'")), "forbidden"),
        (((CSP, "frame-ancestors *, frame-ancestors 'self'"),), "forbidden"),
        (((CSP, "frame-ancestors *.example.com"),), "forbidden"),
        (((CSP, "frame-ancestors"),), "forbidden"),
        (((CSP + "-Report-Only", "frame-ancestors 'none'"),), "allowed"),
    ],
)
def test_framing(headers: tuple[tuple[str, str], ...], expected: str) -> None:
    assert framing(headers) == expected


def test_a_consent_page_for_expectations() -> None:
    found = consent_page(page("<p>Hi<input type=hidden value=x>", DENY))
    assert found["text"] == "Hi"
    assert found["framing"] == "forbidden"


def test_what_a_page_tells_is_the_same_for_everybody() -> None:
    html = (
        "Error 4f2a8c1d9e7b6a50 at 2026-11-22T10:00:00Z for client-0007, unauthorized"
    )
    told = any_page(page(html), {"client_id": "client-0007"})["told"]
    assert told == "200 Error ‹random› at ‹random› for ‹client_id›, unauthorized"


@pytest.mark.timeout(10)
def test_a_page_of_megabytes_is_read_in_one_go() -> None:
    assert any_page(page("x" * 4_000_000), {})["told"] == f"200 {'x' * 4_000_000}"


def test_what_is_folded_is_read_with_a_click() -> None:
    folded = "<body>a<details><summary>b</summary>c</details></body>"
    assert visible_text(folded) == "a b"
    assert visible_text(folded, unfolded=True) == "a b c"


@pytest.mark.parametrize(
    ("line", "name", "weak"),
    [
        ("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax", "__Host-a", ""),
        ("__Host-a=1; path=/; secure; httponly; samesite=strict", "__Host-a", ""),
        ("a=1; Secure; HttpOnly; SameSite=Lax", "a", "a lacks __Host-"),
        (
            "a=1; SameSite=None",
            "a",
            "a lacks secure, httponly, samesite, __Host-",
        ),
        ('a=""; Max-Age=0', "", ""),
        ("a=gone; Max-Age=0", "", ""),
    ],
)
def test_cookies_and_the_protection_that_they_lack(
    line: str, name: str, weak: str
) -> None:
    found = cookies(Response(200, (("Set-Cookie", line),)))
    assert found == {"set": [name] * bool(name), "weak": [weak] * bool(weak)}
