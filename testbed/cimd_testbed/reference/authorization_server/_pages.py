"""HTML pages: templates compiled once, everything escaped."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jinja2

from cimd_testbed.net import Headers, Response
from cimd_testbed.reference.authorization_server._state import State

_TEMPLATES = Path(__file__).parent / "templates"


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def page(
    state: State,
    template: str,
    status: int = 200,
    headers: Headers = (),
    **context: Any,
) -> Response:
    """Render a page with the headers that protect it."""
    html = _environment().get_template(template).render(context)
    kind = ("Content-Type", "text/html; charset=utf-8")
    return Response(
        status,
        (kind, *state.checks.page_headers(), *headers),
        html.encode("utf-8", "replace"),
    )
