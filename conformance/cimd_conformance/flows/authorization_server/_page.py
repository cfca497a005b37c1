"""What a page of the target says and does: judged as a browser sees it, parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cimd_testbed.core import split_url
from cimd_testbed.net import Headers, Response, parse_params

_UNSEEN = frozenset(
    {"head", "script", "style", "template", "noscript", "title", "object", "iframe"}
)
_NO_DISPLAY = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_TYPED = ("text", "url", "email", "search")
_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "code", "em", "i", "kbd", "mark", "small"}
    | {"span", "strong", "sub", "sup", "tt", "u", "wbr"}
)

_GOES = re.compile(
    r"""(?:\blocation(?:\.href)?\s*=(?!=)|\blocation\.(?:assign|replace)\s*\(
        |\bopen\s*\()\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""",
    re.VERBOSE,
)
_CODE = re.compile(r"[?&#]code=[^&\s\"']")
_WEB = ("http", "https")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an authorization request named: by this its answer is known again."""

    redirect_uri: str
    state: str
    own_origins: frozenset[str] = frozenset()

    def answered_by(self, url: str) -> bool:
        """Whether a URL outside the target is an answer to the request."""
        if split_url(url).origin.lower() in self.own_origins:
            return False
        if self.redirect_uri and url.startswith(self.redirect_uri):
            return True
        found = parameters(url)
        return "code" in found or bool(self.state and found.get("state") == self.state)


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a URL, those in the fragment too."""
    parts = split_url(url)
    return dict(parse_params(parts.query or "") + parse_params(parts.fragment or ""))


def destination(page: Response, asked: Asked, *, asking: bool) -> str | None:
    """Return the URL to which a page delivers the answer of the request, or None.

    A link to a web address counts only with a code in it: nobody is sent there without
    a click, and a refusal may offer a way back (RFC 6749 section 4.1.2.1). On a page
    that still asks something (`asking`) the same holds for scripts, which may belong
    to its buttons.
    """
    tree = LexborHTMLParser(page.text)
    for url, moves in _urls(page, tree):
        if not asked.answered_by(url):
            continue
        harmless = (split_url(url).scheme or "").lower() in _WEB
        counts = "code" in parameters(url) or (not asking and (moves or not harmless))
        if counts:
            return url
    return None


def may_deliver(page: Response, asked: Asked) -> bool:
    """Whether a page holds the answer in a way that cannot be read from outside."""
    tree = LexborHTMLParser(page.text)
    texts = [node.text() or "" for node in tree.css("script")]
    for node in tree.css("[href], [action], [content], [value], [src], [onload]"):
        values = [value or "" for value in node.attributes.values()]
        texts += [v for v in values if not _stays(v, asked)]
    if any(_CODE.search(text) for text in texts):
        return True
    marks = [m for m in (asked.state, asked.redirect_uri) if len(m) >= 8]
    links = {node.attributes.get("href") for node in tree.css("a[href]")}
    return any(mark in t for mark in marks for t in texts if t not in links)


def _stays(url: str, asked: Asked) -> bool:
    """Whether a URL leads back into the target, e.g. to begin again."""
    return (
        url[:1] in ("/", "?", "#") or split_url(url).origin.lower() in asked.own_origins
    )


def _urls(page: Response, tree: LexborHTMLParser) -> Iterator[tuple[str, bool]]:
    """Yield the URLs that a page leads to, each with whether it needs no click."""
    for value in page.header_values("refresh"):
        yield from ((url, True) for url in _refresh(value))
    for node in tree.css("meta[http-equiv]"):
        if (node.attributes.get("http-equiv") or "").lower() == "refresh":
            content = node.attributes.get("content") or ""
            yield from ((url, True) for url in _refresh(content))
    scripts = [node.text() or "" for node in tree.css("script")]
    scripts += [node.attributes.get("onload") or "" for node in tree.css("[onload]")]
    for script in scripts:
        for found in _GOES.finditer(script):
            yield _literal(found[1]), True
    for node in tree.css("iframe[src]"):
        yield node.attributes.get("src") or "", True
    for node in tree.css("a[href], area[href]"):
        yield node.attributes.get("href") or "", False


def _refresh(content: str) -> list[str]:
    found = re.search(r"url\s*=\s*(?:'([^']+)|\"([^\"]+)|(.+))", content, re.IGNORECASE)
    return [next(filter(None, found.groups())).strip()] if found else []


def _literal(text: str) -> str:
    """Return the value of a JavaScript string."""
    if text[0] == "'":
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    try:
        return str(json.loads(text.replace("\\/", "/")))
    except ValueError:
        return text[1:-1]


def visible_text(html: str, *, unfolded: bool = False) -> str:
    """Return what a person reads without a click.

    No scripts, comments, hidden or unseen elements; of what is folded, the heading, or
    with `unfolded` all of it.
    """
    body = LexborHTMLParser(html).body
    words = "".join(_visible(body, unfolded=unfolded)) if body is not None else ""
    return " ".join(words.split())


def _visible(node: LexborNode, *, unfolded: bool) -> Iterator[str]:
    closed = node.tag == "details" and "open" not in node.attributes
    folded = closed and not unfolded
    for child in node.iter(include_text=True):
        if folded and child.tag != "summary":
            continue
        if child.tag == "-text":
            yield child.text(deep=False) or ""
        elif child.tag == "input":
            yield f" {_shown_value(child)} "
        elif child.tag not in _UNSEEN and not _is_hidden(child):
            gap = "" if child.tag in _INLINE else " "
            yield gap
            yield from _visible(child, unfolded=unfolded)
            yield gap


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    style = attributes.get("style") or ""
    closed = node.tag == "dialog" and "open" not in attributes
    return closed or "hidden" in attributes or bool(_NO_DISPLAY.search(style))


def _shown_value(node: LexborNode) -> str:
    kind = (node.attributes.get("type") or "text").lower()
    shown = kind in (*_TYPED, "submit", "button") and not _is_hidden(node)
    return (node.attributes.get("value") or "") if shown else ""


def handlers(html: str) -> list[str]:
    """Return the event handlers of all elements, as `name=script`."""
    return [
        f"{name}={value or ''}"
        for node in LexborHTMLParser(html).css("*")
        for name, value in node.attributes.items()
        if name.lower().startswith("on")
    ]


def framing(headers: Headers) -> str:
    """Say whether a stranger's page may frame this one: `allowed` or `forbidden`.

    Every policy applies, and any `frame-ancestors` puts `X-Frame-Options` out of force
    (CSP 3 section 6.4.2).
    """
    named = [(name.lower(), value) for name, value in headers]
    policies = [
        policy
        for name, value in named
        if name == "content-security-policy"
        for policy in value.split(",")
    ]
    lists = [found for found in map(_ancestors, policies) if found is not None]
    if lists:
        return "allowed" if all(map(_open_to_all, lists)) else "forbidden"
    options = [v.strip().lower() for n, v in named if n == "x-frame-options"]
    words = {word.strip() for option in options for word in option.split(",")}
    return "forbidden" if words & {"deny", "sameorigin"} else "allowed"


def _ancestors(policy: str) -> list[str] | None:
    """Return the sources of a policy's first `frame-ancestors`, None without it."""
    for directive in policy.split(";"):
        words = directive.lower().split()
        if words[:1] == ["frame-ancestors"]:
            return words[1:]
    return None


def _open_to_all(sources: list[str]) -> bool:
    """Whether a source list matches hosts of an attacker: `*`, or a scheme alone."""
    return any(
        re.fullmatch(r"(?:[a-z][a-z0-9+.-]*:|(?:[a-z][a-z0-9+.-]*://)?\*(?::\S+)?)", s)
        for s in sources
    )


def consent_page(page: Response) -> dict[str, Any]:
    """Return what expectations can look at of a consent page."""
    return {
        "status": page.status,
        "headers": {name.lower(): value for name, value in page.headers},
        "text": visible_text(page.text),
        "unfolded": visible_text(page.text, unfolded=True),
        "handlers": handlers(page.text),
        "framing": framing(page.headers),
    }


_PROTECTION = ("secure", "httponly")


def cookies(page: Response) -> dict[str, Any]:
    """Return what expectations can look at of the cookies that an answer sets.

    One that is taken back counts as none.
    """
    found: dict[str, list[str]] = {"set": [], "weak": []}
    for line in page.header_values("set-cookie"):
        pair, *rest = line.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        given = dict(_attribute(text) for text in rest)
        if not value.strip('"') or given.get("max-age") == "0":
            continue
        found["set"].append(name)
        lacking = [word for word in _PROTECTION if word not in given]
        if given.get("samesite", "").lower() not in ("lax", "strict"):
            lacking.append("samesite")
        if not name.startswith("__Host-"):
            lacking.append("__Host-")
        if lacking:
            found["weak"].append(f"{name} lacks {', '.join(lacking)}")
    return found


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()


_RANDOM = re.compile(r"[\w-]{16,}|\d{4}-\d\d-\d\dT[\d:.Z+-]+")
_DIGIT = re.compile(r"\d")


def any_page(page: Response, request: dict[str, str]) -> dict[str, Any]:
    """Return what expectations can look at of any answer to the browser.

    `told` is its status and its text without what differs from request to request: the
    request's own parameters and what looks drawn at random.
    """
    text = visible_text(page.text)
    told = text
    for value, name in _said(request):
        told = told.replace(value, f"‹{name}›")
    return {
        "status": page.status,
        "headers": {name.lower(): value for name, value in page.headers},
        "body": page.text,
        "text": text,
        "told": f"{page.status} {_RANDOM.sub(_unless_words, told)}",
    }


def _unless_words(found: re.Match[str]) -> str:
    """Replace what has a digit in it; one look each, also through megabytes of text."""
    return "‹random›" if _DIGIT.search(found[0]) else found[0]


def _said(request: dict[str, str]) -> list[tuple[str, str]]:
    """Return the values of a request and the parts of its URLs, the longest first."""
    found = []
    for name, value in request.items():
        parts = split_url(value)
        pieces = (value, parts.authority or "", parts.host, parts.path)
        found += [(piece, name) for piece in pieces if len(piece) > 3]
    return sorted(found, key=lambda pair: -len(pair[0]))


_LINKS = ("href", "src", "action", "formaction", "data", "poster", "background")


def all_pages(answers: list[Response], *, asked: bool, coded: bool) -> dict[str, Any]:
    """Return what expectations can look at of everything that the browser was shown.

    `asked` is whether somebody had to agree; `unasked`, whether a code came without.
    """
    links: list[str] = []
    for page in answers:
        for node in LexborHTMLParser(page.text).css("*"):
            attributes = node.attributes
            links += [attributes[n] or "" for n in _LINKS if n in attributes]
    return {
        "links": list(dict.fromkeys(links)),
        "handlers": [one for page in answers for one in handlers(page.text)],
        "asked": asked,
        "unasked": coded and not asked,
    }
