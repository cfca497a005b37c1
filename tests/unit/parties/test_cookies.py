"""Which cookies a browser keeps, and where it sends them."""

from __future__ import annotations

import pytest

from cimd_testbed.parties._cookies import CookieJar

NOW = 1_700_000_000.0


def jar(*kept: tuple[str, str]) -> CookieJar:
    """Return a jar that was handed these (URL, Set-Cookie)."""
    filled = CookieJar(lambda: NOW)
    for url, line in kept:
        filled.keep(url, line)
    return filled


@pytest.mark.parametrize(
    ("line", "url", "sent"),
    [
        ("a=1", "https://as.example/login/2", "a=1"),
        ("a=1", "https://as.example/login", "a=1"),
        ("a=1", "https://as.example/other", None),
        ("a=1; Path=/", "https://as.example/other", "a=1"),
        ("a=1; path=/login", "https://as.example/login/2?x=/", "a=1"),
        ("a=1; path=/login", "https://as.example/login2", None),
        ("a=1; path=login", "https://as.example/", None),
        ("a=1; Path=/", "https://AS.example:8443", "a=1"),
        ("a=1; Path=/", "https://login.as.example/", None),
        ("a=1; Path=/; Domain=.example.org", "https://as.example/", None),
        ("a=1; Path=/; Domain=as.example", "https://login.as.example/", "a=1"),
        ('a={"x":"1, 2"}; Path=/; HttpOnly', "https://as.example/", 'a={"x":"1, 2"}'),
        ("no cookie", "https://as.example/login/", None),
        ("=1; Path=/", "https://as.example/", None),
    ],
)
def test_where_a_cookie_is_sent(line: str, url: str, sent: str | None) -> None:
    assert jar(("https://as.example/login/1", line)).header(url) == sent


def test_without_a_path_it_is_for_the_folder() -> None:
    kept = jar(("https://as.example/login/1", "a=1"), ("https://as.example", "b=2"))
    assert kept.header("https://as.example/login/2") == "a=1; b=2"
    assert kept.header("https://as.example/") == "b=2"


def test_cookies_of_one_name_are_kept_apart_by_path() -> None:
    url = "https://as.example/auth"
    kept = jar((url, "step=1; path=/step/1"), (url, "step=2; path=/step/2"))
    assert kept.header("https://as.example/step/1") == "step=1"
    assert kept.header("https://as.example/step/2") == "step=2"


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("a=gone; Path=/; expires=Thu, 01-Jan-1970 00:00:00 GMT", False),
        ("a=2; Path=/; Max-Age=0", False),
        ("a=2; Path=/; Max-Age=-1; Expires=Fri, 01 Jan 2100 00:00:00 GMT", False),
        ("a=2; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("a=2; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT", True),
        ("a=2; Path=/; Expires=soon", True),
    ],
)
def test_what_has_expired_is_forgotten(line: str, *, stays: bool) -> None:
    kept = jar(("https://as.example/", "a=1; Path=/"), ("https://as.example/", line))
    assert kept.header("https://as.example/") == ("a=2" if stays else None)


def test_what_is_kept_is_told() -> None:
    filled = CookieJar(lambda: NOW)
    assert filled.keep("https://as.example/", "a=1") == "1"
    assert filled.keep("https://as.example/", "a=1; Max-Age=0") is None
    assert filled.keep("https://as.example/", "a=1; Domain=evil.example") is None
