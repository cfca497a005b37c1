"""The browser: relative redirects, pictures, forms that leave the target."""

from __future__ import annotations

from typing import Any, cast

from cimd_testbed.net import Headers, HttpClient, Response
from cimd_testbed.parties import Browser, Credentials, Landing

AS = "https://as.example"
CALLBACK = "https://client.example/callback"


class Server:
    """Answers by URL; says what it was asked for."""

    def __init__(self, **pages: Response) -> None:
        self.pages = {f"{AS}/{name}": page for name, page in pages.items()}
        self.asked: list[str] = []

    async def request(
        self, _method: str, url: str, _headers: Headers = (), _body: bytes = b""
    ) -> Response:
        self.asked.append(url)
        return self.pages.get(url, Response(404))


async def visit(server: Server, path: str, **more: Any) -> Landing:
    client = cast(HttpClient, server)
    person = Credentials("alice", "secret")
    browser = Browser(client, person, frozenset({AS}), lambda *_exchange: None, **more)
    return await browser.visit(f"{AS}/{path}")


def html(text: str) -> Response:
    return Response(200, (("Content-Type", "text/html"),), text.encode())


def to(location: str) -> Response:
    return Response(302, (("Location", location),))


async def test_a_relative_location_is_joined() -> None:
    server = Server(authorize=to("login"), login=html("<p>Hello</p>"))
    landing = await visit(server, "authorize")
    assert server.asked == [f"{AS}/authorize", f"{AS}/login"]
    assert landing.page is server.pages[f"{AS}/login"]


async def test_an_absolute_location_stays_as_it_is() -> None:
    odd = "HTTPS://Client.example/x/../y?code=%7e"
    assert (await visit(Server(authorize=to(odd)), "authorize")).location == odd
    script = "javascript:alert(1)"
    assert (await visit(Server(authorize=to(script)), "authorize")).location == script


async def test_a_form_post_lands_with_its_fields() -> None:
    form = f'<form method=post action="{CALLBACK}"><input name=code value=c1></form>'
    landing = await visit(Server(authorize=html(form)), "authorize")
    assert (landing.location, landing.body) == (CALLBACK, "code=c1")
    assert landing.consent is None


async def test_own_pictures_are_fetched_and_foreign_ones_are_not() -> None:
    form = "<form action=/done method=post><button name=a value=yes>Yes</button></form>"
    images = '<img src="/logo?u=1"><img src="https://client.example/l.png">'
    server = Server(authorize=html(images + form), done=to(f"{CALLBACK}?code=c"))
    landing = await visit(server, "authorize")
    assert landing.location == f"{CALLBACK}?code=c"
    assert server.asked == [f"{AS}/authorize", f"{AS}/logo?u=1", f"{AS}/done"]


async def test_a_page_with_a_way_out_is_left() -> None:
    form = "<form action=/done method=post><button>Log out</button></form>"
    seen: list[bool] = []

    def find_exit(_page: Response, asking: bool) -> str | None:
        seen.append(asking)
        return f"{CALLBACK}?code=c"

    server = Server(authorize=html(form))
    landing = await visit(server, "authorize", find_exit=find_exit)
    assert landing.location == f"{CALLBACK}?code=c"
    assert seen == [True]
    assert server.asked == [f"{AS}/authorize"]


async def test_one_that_does_not_approve_stops_at_the_button() -> None:
    page = html('<form method=post action="/consent"><button>Allow</button></form>')
    server = Server(authorize=page, consent=to(CALLBACK))
    landing = await visit(server, "authorize", approves=False)
    assert (landing.location, landing.consent) == (None, page)
    assert server.asked == [f"{AS}/authorize"]
    assert (await visit(server, "authorize")).location == CALLBACK
