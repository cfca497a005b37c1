"""There and back: the state for an identity provider, its cookie, its age."""

from cimd_testbed import core


def test_there_is_a_state_only_after_the_answer() -> None:
    assert core.provider_state_made(True)
    assert not core.provider_state_made(False)


def test_the_cookie_is_bound_to_the_origin_where_that_is_possible() -> None:
    assert core.provider_cookie_name(True).startswith("__Host-")
    assert not core.provider_cookie_name(False).startswith("__Host-")
    words = core.provider_cookie_attributes(True)
    assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} == set(words.split("; "))
    assert "Secure" not in core.provider_cookie_attributes(False)


def test_the_browser_that_agreed_comes_back() -> None:
    assert not core.provider_browser("s", "s").refused
    for cookie in (None, "", "t"):
        assert core.provider_browser("s", cookie).refused


def test_a_state_counts_once_and_for_a_while() -> None:
    assert not core.provider_state_unused(0).refused
    assert core.provider_state_unused(1).refused
    assert not core.provider_state_age(100.0, 60.0, 159.0).refused
    assert core.provider_state_age(100.0, 60.0, 160.0).refused


def test_an_answer_about_a_token_does_not_outlive_it() -> None:
    assert core.introspection_still_fresh(0.0, 60.0, 50.0, 49.0)
    assert core.introspection_still_fresh(0.0, 60.0, None, 59.0)
    assert not core.introspection_still_fresh(0.0, 60.0, 50.0, 50.0)
    assert not core.introspection_still_fresh(0.0, 60.0, None, 60.0)


def test_a_broader_scope_stands_for_what_is_below_it() -> None:
    broader = (("admin", ("read", "write")),)
    assert core.implied_scope(("admin",), broader) == ("admin", "read", "write")
    assert core.implied_scope(("read",), broader) == ("read",)
