"""A person's browser: cookies, redirects on known origins only, forms.

It stops, by string, at any URL outside the origins it was told to trust, and never
goes there: what stands in `Location` is evidence, read raw.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_testbed.core import split_url
from cimd_testbed.net import Headers, HttpClient, HttpError, Response
from cimd_testbed.parties._cookies import CookieJar
from cimd_testbed.parties._forms import (
    Credentials,
    Submission,
    fill_form,
    images,
    join_url,
    meta_refresh,
)

MAX_STEPS = 15
MAX_IMAGES = 8

EditForm = Callable[[Submission], Submission]
OnExchange = Callable[[str, str, str, Headers, bytes, Response | None], None]
"""message, method, url, headers, body, response: called for each request made."""
FindExit = Callable[[Response, bool], str | None]
"""The URL to which a page itself sends the browser on, told whether it has a form."""


_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _absolute(base: str, location: str) -> str:
    """Join a relative location; an absolute one stays byte for byte as it is."""
    return location if _ABSOLUTE.match(location) else join_url(base, location)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the browser ended.

    `location` is the URL it was sent to and did not visit; None when the server kept
    it on `page`.
    """

    location: str | None
    page: Response | None
    consent: Response | None = None
    """The last page on which it pressed a button without typing a password."""
    body: str = ""
    """The form that it was made to post there (`response_mode=form_post`)."""


@dataclass(slots=True)
class Browser:
    """One session of one user."""

    client: HttpClient
    credentials: Credentials
    own_origins: frozenset[str]
    on_exchange: OnExchange
    edit_consent: EditForm | None = None
    on_secret: Callable[[str, str], None] | None = None
    """Called with (kind, value) for each secret the browser learns."""
    extra_headers: Headers = ()
    find_exit: FindExit | None = None
    approves: bool = True
    """Whether it presses buttons; without, the page with the button is the end."""
    cookies: CookieJar = field(default_factory=CookieJar)

    async def visit(self, url: str, message: str = "authorization_request") -> Landing:
        """Navigate to `url` and go on as a person who logs in and approves.

        `message` is what the first request is called. Raises `HttpError`, `OSError`,
        `TimeoutError` when the server does not answer.
        """
        method, body = "GET", b""
        consent: Response | None = None
        previous: str | None = None
        for _ in range(MAX_STEPS):
            page = await self._request(message, method, url, body, previous)
            location = self._location(page)
            if location is not None:
                location = _absolute(url, location)
                if self._foreign(location):
                    return Landing(location, page, consent)
                previous, url, method, body = url, location, "GET", b""
                message = "redirect"
                continue
            form = fill_form(page.text, url, self.credentials)
            if page.status >= 400:
                return Landing(None, page, consent)
            way_out = self.find_exit(page, form is not None) if self.find_exit else None
            if way_out is not None or form is None:
                return Landing(way_out, page, consent)
            if self._foreign(form.url):
                return Landing(form.url, page, consent, form.body)
            await self._look(page, url)
            if not form.is_login and not self.approves:
                return Landing(None, page, page)
            message = "login_request" if form.is_login else "consent_request"
            if not form.is_login:
                consent = page
                form = self.edit_consent(form) if self.edit_consent else form
            self._learn(form)
            previous, url, method = url, form.url, form.method
            body = form.body.encode()
        return Landing(None, None, consent)

    def _learn(self, form: Submission) -> None:
        if self.on_secret is not None:
            for value in form.hidden:
                self.on_secret("hidden-field", value)

    async def _look(self, page: Response, url: str) -> None:
        """Fetch the pictures of a page from its own server, as any browser does."""
        found = (join_url(url, source) for source in images(page.text))
        own = [one for one in dict.fromkeys(found) if not self._foreign(one)]
        for one in own[:MAX_IMAGES]:
            with contextlib.suppress(HttpError, OSError, TimeoutError):
                await self._request("image_request", "GET", one, b"", url)

    def _foreign(self, url: str) -> bool:
        return split_url(url).origin.lower() not in self.own_origins

    @staticmethod
    def _location(page: Response) -> str | None:
        if page.status in (301, 302, 303, 307, 308):
            return page.header("location")
        return meta_refresh(page.text) if page.status == 200 else None

    async def _request(
        self, message: str, method: str, url: str, body: bytes, previous: str | None
    ) -> Response:
        headers = self._headers(method, url, previous)
        response: Response | None = None
        try:
            response = await self.client.request(method, url, headers, body)
        finally:
            self.on_exchange(message, method, url, headers, body, response)
        self._keep_cookies(url, response)
        return response

    def _headers(self, method: str, url: str, previous: str | None) -> Headers:
        origin = split_url(url).origin
        same = previous is not None and split_url(previous).origin == origin
        headers = [
            ("User-Agent", "Mozilla/5.0 (cimd-conformance browser)"),
            ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
            ("Accept-Language", "en"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Sec-Fetch-Site", "same-origin" if same else "cross-site"),
            ("Sec-Fetch-User", "?1"),
            *self.extra_headers,
        ]
        if method == "POST":
            headers += [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Origin", split_url(previous or url).origin),
            ]
        if previous is not None:
            headers.append(("Referer", previous))
        cookies = self.cookies.header(url)
        if cookies is not None:
            headers.append(("Cookie", cookies))
        return tuple(headers)

    def cookie(self, url: str) -> str:
        """Return the `Cookie` header that it would send to a URL, '' for none."""
        return self.cookies.header(url) or ""

    def _keep_cookies(self, url: str, response: Response) -> None:
        for line in response.header_values("set-cookie"):
            value = self.cookies.keep(url, line)
            if value and self.on_secret is not None:
                self.on_secret("cookie", value)
