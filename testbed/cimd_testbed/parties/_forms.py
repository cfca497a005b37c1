"""Find the form that a person would fill in, and fill it in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

_YES = re.compile(
    r"approve|allow|accept|authori[sz]e|agree|grant|consent|confirm|continue|yes|"
    r"log ?in|sign ?in|submit|next",
    re.IGNORECASE,
)
_NO = re.compile(r"deny|cancel|reject|decline|refuse|no\b|abort", re.IGNORECASE)
_USER = re.compile(r"user|login|email|account|identifier|name", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person types into a login form."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A form, filled in."""

    method: str
    url: str
    body: str
    is_login: bool
    hidden: tuple[str, ...]
    """Values of hidden fields: transaction ids and CSRF tokens, to be redacted."""


def join_url(base: str, url: str) -> str:
    """Resolve a reference; what no URL library can read stays as it is."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def meta_refresh(html: str) -> str | None:
    """Return the URL of an immediate `<meta http-equiv=refresh>`, or None."""
    if "refresh" not in html.lower():
        return None
    for node in LexborHTMLParser(html).css("meta[http-equiv]"):
        if (node.attributes.get("http-equiv") or "").lower() == "refresh":
            match = re.search(
                r"url\s*=\s*['\"]?([^'\"]+)",
                node.attributes.get("content") or "",
                re.IGNORECASE,
            )
            if match:
                return match[1]
    return None


def images(html: str) -> list[str]:
    """Return the addresses of a page's pictures, in order."""
    if "<img" not in html.lower():
        return []
    nodes = LexborHTMLParser(html).css("img[src]")
    return [node.attributes.get("src") or "" for node in nodes]


def _buttons(form: LexborNode) -> list[tuple[str, str, str]]:
    """Return (name, value, caption) of the submit buttons."""
    found = []
    for node in form.css("button, input[type=submit]"):
        kind = (node.attributes.get("type") or "submit").lower()
        if kind != "submit":
            continue
        value = node.attributes.get("value") or ""
        found.append((node.attributes.get("name") or "", value, node.text() or value))
    return found


def _choose_button(form: LexborNode) -> tuple[str, str] | None:
    buttons = _buttons(form)
    rated = sorted(
        buttons,
        key=lambda b: (
            bool(_NO.search(f"{b[1]} {b[2]}")),
            not _YES.search(f"{b[1]} {b[2]}"),
        ),
    )
    return rated[0][:2] if rated and rated[0][0] else None


def _fields(
    form: LexborNode, credentials: Credentials
) -> tuple[list[tuple[str, str]], list[str]]:
    values: list[tuple[str, str]] = []
    hidden: list[str] = []
    for node in form.css("input, textarea, select"):
        name = node.attributes.get("name")
        kind = (node.attributes.get("type") or "text").lower()
        value = node.attributes.get("value") or ""
        if not name or kind in ("submit", "button", "reset", "image", "file"):
            continue
        if kind in ("checkbox", "radio"):
            if kind == "radio" and "checked" not in node.attributes:
                continue
            value = value or "on"
        elif kind == "password":
            value = credentials.password
        elif kind in ("text", "email") and not value and _USER.search(name):
            value = credentials.username
        elif kind == "hidden":
            hidden.append(value)
        values.append((name, value))
    return values, hidden


def _approving(forms: list[LexborNode]) -> LexborNode | None:
    """Choose the form whose button says yes; a lone form needs none."""
    for form in forms:
        text = " ".join(f"{value} {caption}" for _, value, caption in _buttons(form))
        if _YES.search(text):
            return form
    return forms[0] if forms else None


def fill_form(html: str, page_url: str, credentials: Credentials) -> Submission | None:
    """Return the filled form of a login or consent page, None when it has none."""
    forms = LexborHTMLParser(html).css("form")
    login = next((f for f in forms if f.css_first("input[type=password]")), None)
    form = login or _approving(forms)
    if form is None:
        return None
    fields, hidden = _fields(form, credentials)
    button = _choose_button(form)
    if button is not None:
        fields.append(button)
    method = (form.attributes.get("method") or "get").upper()
    url = join_url(page_url, form.attributes.get("action") or page_url)
    body = urlencode(fields)
    if method == "GET":
        url, body = f"{url.partition('?')[0]}?{body}", ""
    return Submission(method, url, body, login is not None, tuple(hidden))
