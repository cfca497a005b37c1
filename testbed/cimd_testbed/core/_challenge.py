"""What a protected resource says when it refuses: `WWW-Authenticate`.

RFC 9110 section 11.6.1, RFC 6750 section 3, RFC 9728 section 5.1.
"""

from __future__ import annotations

import re

from cimd_testbed.core._json import JsonObject

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - the `token` of RFC 9110
_PARAMETER = re.compile(
    rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}|[^\s,"]+))'
)
_SCHEME = re.compile(rf"({_TOKEN})(?:[ \t]+|(?=,|$))")
_SPACE = re.compile(r"[ \t,]*")


def bearer_challenge(fields: tuple[str, ...]) -> JsonObject | None:
    """Return the parameters of the first Bearer challenge, None without one.

    A field may carry several challenges; schemes and parameter names are compared
    without regard to case (client-401-handling).
    """
    for field in fields:
        for scheme, parameters in _challenges(field):
            if scheme.lower() == "bearer":
                return JsonObject(parameters)
    return None


def _challenges(field: str) -> list[tuple[str, dict[str, str]]]:
    """Cut one field into its challenges; what is malformed ends the list."""
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(field):
        position = _skip(field, position)
        parameter = _PARAMETER.match(field, position)
        if parameter and found:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].setdefault(name.lower(), value)
            position = parameter.end()
            continue
        scheme = _SCHEME.match(field, position)
        if scheme is None or scheme.end() == position:
            break
        found.append((scheme[1], {}))
        position = scheme.end()
    return found


def _skip(field: str, position: int) -> int:
    found = _SPACE.match(field, position)
    return found.end() if found else position
