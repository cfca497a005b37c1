"""HTTP messages as lines that a person can read, and what differs between two of them.

Nothing is lost: a parameter that is not spelled as usual is also shown as it was sent,
and JSON is only indented, so that a repeated member stays repeated.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

import msgspec

from cimd_conformance.model import HttpMessage

_LONG_BODY = 14
_TELLING = frozenset(
    {
        *("authorization", "content-type", "host", "location", "mcp-session-id"),
        *("origin", "retry-after", "set-cookie", "www-authenticate"),
    }
)
"""Headers that are shown at once; the others wait to be asked for."""

_UNTOLD = frozenset({"content-length", "date", "referer"})
"""Headers whose difference means nothing."""

_JWT = re.compile(r"\b(eyJ[A-Za-z0-9_-]{6,})\.([A-Za-z0-9_-]{2,})(?![A-Za-z0-9_-])")
_USUAL = re.compile(
    r"(?:[\w.~=/:*+!'(),;@$‹›-]"
    r"|%(?!4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dAE]|3\d|2[DE])[\dA-F]{2})*",
    re.ASCII,
)
"""A parameter that is encoded as libraries do: what needs it, in capitals."""
_DIGIT = re.compile(r"\d")
_VARYING = re.compile(
    r"(?<=[a-z]-)\d+(?:-\d+)?|(?<=/i)\d+|(?<=%2Fi)\d+|(?<=\bs)\d+(?=\.)"
    r"|\d{9,}|[A-Za-z0-9_-]{16,}|(?<=-)\d+(?=›)"
)


Lines = tuple[str, ...]
"""Lines of a message; those that differ from the control are of their own types."""


class Differs(str):
    """A line that the control does not have."""

    __slots__ = ()


class Gone(str):
    """A line that only the control has."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A JWT, decoded; its signature was taken away at capture."""

    kind: str
    header: Lines
    claims: Lines


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One side of an exchange."""

    start: Lines
    """The request or status line, and the parameters of the query."""
    headers: Lines
    quiet: Lines
    """Headers that hardly ever matter."""
    body: Lines
    tokens: tuple[Token, ...]
    cut: bool
    differs: bool = False
    """Whether anything in it differs from the control."""

    @property
    def long(self) -> bool:
        """Whether the body should be folded away."""
        return len(self.body) > _LONG_BODY

    @property
    def body_differs(self) -> bool:
        """Whether the body differs from that of the control."""
        return self.differs and is_marked(self.body)

    @property
    def shown(self) -> Lines:
        """Return what is shown at once: all but the quiet headers and a long body."""
        if not self.body or self.long:
            return (*self.start, *self.headers)
        return (*self.start, *self.headers, "", *self.body)

    @property
    def first(self) -> str:
        """Return the request or status line alone."""
        return self.start[0]


def is_marked(lines: Lines) -> bool:
    """Whether any line differs from the control."""
    return not {Differs, Gone}.isdisjoint(map(type, lines))


def read_part(message: HttpMessage) -> Part:
    """Return a message as lines."""
    telling: list[str] = []
    quiet: list[str] = []
    content_type = ""
    for name, value in message.headers:
        lower = name.lower()
        (telling if lower in _TELLING else quiet).append(f"{name}: {value}")
        if lower == "content-type":
            content_type = value.lower()
    return Part(
        tuple(_start(message.start)),
        tuple(telling),
        tuple(quiet),
        _body(message.body, content_type),
        tuple(_tokens(message)),
        message.cut,
    )


def compare(part: Part, control: Part, *, missing: bool) -> Part:
    """Return a message with what differs from the control marked.

    Names, numbers and random values that differ in every flow do not count. With
    `missing` the lines that only the control has are shown too.
    """
    same, alike = _known(control)

    def matters(line: str) -> bool:
        if line in same or _shape(line) in alike:
            return False
        return line.partition(":")[0].lower() not in _UNTOLD

    if not missing and not any(map(matters, _everything(part))):
        return part
    mine = frozenset(map(_shape, _everything(part))) if missing else alike

    def marked(lines: Lines, other: Lines = ()) -> Lines:
        seen = [Differs(line) if matters(line) else line for line in lines]
        for place, line in enumerate(other):
            if _shape(line) not in mine:
                seen.insert(place, Gone(line))
        return tuple(seen)

    news = [line for line in part.quiet if matters(line)]
    markup = part.body and part.body[0].lstrip().startswith("<")
    found = Part(
        marked(part.start, control.start),
        marked((*part.headers, *news), control.headers),
        tuple(line for line in part.quiet if line not in news),
        part.body if markup else marked(part.body, control.body),
        tuple(
            Token(token.kind, marked(token.header), marked(token.claims))
            for token in part.tokens
        ),
        part.cut,
    )
    lines = (found.start, found.headers, found.body)
    return dataclasses.replace(found, differs=any(map(is_marked, lines)))


@functools.lru_cache(maxsize=256)
def _known(control: Part) -> tuple[frozenset[str], frozenset[str]]:
    """Return the lines of all sections and tokens, as they are and by their shape.

    What merely moves is no news.
    """
    lines = frozenset(_everything(control))
    return lines, frozenset(map(_shape, lines))


def _everything(part: Part) -> Iterator[str]:
    told = [lines for token in part.tokens for lines in (token.header, token.claims)]
    return itertools.chain(part.start, part.headers, part.quiet, part.body, *told)


@functools.lru_cache(maxsize=8192)
def _shape(text: str) -> str:
    """Return a line without what differs in every flow."""
    if _DIGIT.search(text) is None:
        return text.rstrip(",")
    return _VARYING.sub(_varying, text).rstrip(",")


def _varying(found: re.Match[str]) -> str:
    """Keep a long word, replace what a lease, a clock or chance has made."""
    text = found[0]
    return "#" if any(map(str.isdigit, text)) else text


def _start(start: str) -> Iterator[str]:
    """Yield the request line and its parameters, or the status line."""
    line = start.removesuffix(" HTTP/1.1")
    head, mark, query = line.partition("?")
    if not mark or not query:
        yield line
        return
    yield f"{head}?"
    for parameter in _parameters(query):
        yield f"  {parameter}"


@functools.lru_cache(maxsize=256)
def _body(body: str, content_type: str) -> Lines:
    """Return the lines of a body; pages and documents come again and again."""
    if not body:
        return ()
    if "x-www-form-urlencoded" in content_type:
        return tuple(_parameters(body))
    indented = _indented(body) if body[0] in "{[" else None
    return tuple((body if indented is None else indented).split("\n"))


def _indented(text: str) -> str | None:
    """Return JSON with its members on lines of their own; None for anything else."""
    try:
        return msgspec.json.format(text.encode(), indent=2).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _parameters(text: str) -> Iterator[str]:
    """Yield decoded parameters; one with an unusual spelling also as it was sent."""
    for pair in text.split("&"):
        decoded = unquote_plus(pair) if "%" in pair or "+" in pair else pair
        usual = _USUAL.fullmatch(pair) is not None
        yield decoded if usual else f"{decoded}   (as sent: {pair})"


def _tokens(message: HttpMessage) -> Iterator[Token]:
    """Yield the JWTs that stand in a message, each once."""
    texts = [message.start, message.body, *(value for _, value in message.headers)]
    found = {
        match.groups(): None
        for text in texts
        if "eyJ" in text
        for match in _JWT.finditer(text)
    }
    for header, claims in found:
        head, told = _decoded(header), _decoded(claims)
        yield Token(_kind(head), tuple(head.split("\n")), tuple(told.split("\n")))


def _decoded(part: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return f"not base64url: {part}"
    text = raw.decode("utf-8", "backslashreplace")
    indented = _indented(text)
    return text if indented is None else indented


def _kind(header: str) -> str:
    """Return the type and the algorithm of a token."""
    try:
        told = msgspec.json.decode(header, type=dict[str, object])
    except msgspec.MsgspecError:
        return "JWT"
    words = [str(told[name]) for name in ("typ", "alg") if name in told]
    return ", ".join(["JWT", *(word for word in words if word.upper() != "JWT")])
