"""The templates of the HTML report: everything that they print is made safe.

What is invisible in a value becomes visible, then it is escaped; only HTML that a
template has made is left alone.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cimd_conformance.reports._html_svg import arrows, bands, lanes, words
from cimd_conformance.reports._html_text import Differs, Gone, Lines, is_marked
from cimd_conformance.reports.text import visible

_TEMPLATES = Path(__file__).parent / "templates"


@functools.cache
def environment() -> jinja2.Environment:
    """Return the environment of all templates."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        extensions=["jinja2.ext.loopcontrols"],
    )
    made.filters["lines"] = text_of
    for part in (bands, lanes, arrows, words):
        made.filters[part.__name__] = part
    return made


def text_of(lines: Lines) -> Markup:
    """Return lines as the content of a `pre`."""
    if is_marked(lines):
        return Markup("".join(map(_line, lines)))  # noqa: S704 - escaped below
    return _plain_text(lines)


@functools.lru_cache(maxsize=1024)
def _plain_text(lines: Lines) -> Markup:
    """Return lines without marks as text: thousands, and many of them the same."""
    if not all(map(str.isprintable, lines)):
        lines = tuple(map(visible, lines))
    return Markup(html.escape("\n".join([*lines, ""])))  # noqa: S704 - escaped


def _line(line: str) -> str:
    text = html.escape(visible(line))
    if not isinstance(line, Differs | Gone):
        return f"{text}\n"
    bare = text.lstrip(" ")
    tag = "ins" if isinstance(line, Differs) else "del"
    return f"{' ' * (len(text) - len(bare))}<{tag}>{bare}</{tag}>\n"


def _finalize(value: Any) -> Any:
    """Make visible whatever a template prints; HTML of templates is left alone."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value


def source(name: str) -> Markup:
    """Return a style sheet or a script of this package."""
    text = (_TEMPLATES / name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - ours


def hash_of(text: str) -> str:
    """Return how a content security policy names a source."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
