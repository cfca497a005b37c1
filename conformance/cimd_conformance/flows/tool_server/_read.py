"""Read what a tool server answers: JSON or a stream, results, errors, challenges.

A reader of our own: it shares nothing with the reference that it judges.
"""

from __future__ import annotations

import re
from typing import Any

from cimd_conformance.flows._json import read_json
from cimd_conformance.model import Outcome
from cimd_testbed.net import Response

_STATUS = {
    400: Outcome.REFUSED_400,
    401: Outcome.REFUSED_401,
    403: Outcome.REFUSED_403,
    404: Outcome.REFUSED_404,
    429: Outcome.RATE_LIMITED,
}
_PARAMETER = re.compile(
    r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*'
)
_ELEMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",]|"(?!(?:[^"\\]|\\.)*"))+')
"""What stands between commas that are in no quoted string."""
_SCHEME = re.compile(r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s+[^\s=]|\s*$)")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
METHOD_NOT_FOUND = -32601


def message_of(response: Response, identifier: int | None) -> Any:
    """Return the JSON-RPC response with this id, or whatever JSON there is."""
    kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "text/event-stream":
        return _json(response.body)
    found: Any = None
    for event in re.split(r"\r?\n\r?\n", response.text):
        lines = [line for line in event.splitlines() if line.startswith("data:")]
        data = "\n".join(line[5:].removeprefix(" ") for line in lines)
        value = _json(data.encode()) if data else None
        if isinstance(value, dict) and value.get("id") == identifier:
            return value
        found = value if found is None else found
    return found


def _json(body: bytes) -> Any:
    try:
        return read_json(body)
    except ValueError:
        return None


def outcome_of(response: Response, message: Any) -> tuple[Outcome, str]:
    """Say where a request ended, and in one line how."""
    status = response.status
    error = message.get("error") if isinstance(message, dict) else None
    code = error.get("code") if isinstance(error, dict) else error
    detail = f"HTTP {status}" + (f", error {code}" if error is not None else "")
    if status >= 500:
        return Outcome.SERVER_ERROR, detail
    if status >= 300:
        shown = response.header("www-authenticate") or _said(response, message)
        detail += f", {shown}"[:200] if shown else ""
        return _STATUS.get(status, Outcome.REFUSED_OTHERWISE), detail
    if isinstance(error, dict):
        text = str(error.get("message", ""))[:120]
        return Outcome.REFUSED_IN_RESULT, f"{detail}: {text}"
    result = message.get("result") if isinstance(message, dict) else None
    if isinstance(result, dict) and result.get("isError") is True:
        detail += ", the tool's result is an error"
        return Outcome.REFUSED_IN_RESULT, detail + _first_text(result)
    return Outcome.COMPLETED, f"{detail}, a result"


def _said(response: Response, message: Any) -> str:
    """Return what a refusal says in words, where it is no JSON."""
    return _line(response.text) if message is None else ""


def _first_text(result: dict[str, Any]) -> str:
    """Return what an error of a tool says, as it is put behind a detail."""
    content = result.get("content")
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            return f": {_line(part['text'])}"
    return ""


def _line(text: str) -> str:
    return " ".join(text.split())[:120]


def challenge_of(response: Response) -> dict[str, Any]:
    """Return the Bearer challenge: its scheme, parameters, and whether it parses.

    Empty when there is none (RFC 6750 section 3, RFC 9110 section 11.6.1).
    """
    for text in response.header_values("www-authenticate"):
        for challenge in _challenges(text):
            scheme, _, rest = challenge.partition(" ")
            if scheme.lower() == "bearer":
                return {"scheme": "Bearer", "header": text, **_parameters(rest)}
    return {}


def _challenges(text: str) -> list[str]:
    """Take apart a field that has several challenges, as proxies fold them."""
    found: list[str] = []
    for part in _ELEMENT.findall(text):
        if _SCHEME.match(part) or not found:
            found.append(part.strip())
        else:
            found[-1] += f",{part}"
    return found


def _parameters(text: str) -> dict[str, Any]:
    found: dict[str, str] = {}
    position, sound = 0, True
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match[1].lower() in found:
            sound = False
            break
        sound = sound and (match[3] is None or bool(_TOKEN.fullmatch(match[3])))
        found[match[1].lower()] = match[2] if match[2] is not None else match[3]
        position = match.end()
        if position < len(text) and text[position] != ",":
            sound = False
            break
        position += 1
    syntax = "sound" if sound and found else "unsound"
    return {**found, "syntax": syntax, "scopes": found.get("scope", "").split()}
