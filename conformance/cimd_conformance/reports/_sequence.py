"""Evidence as a sequence diagram: who sent what to whom, what was changed, what failed.

The model only; each report draws it in its own way.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterable
from urllib.parse import SplitResult, parse_qs, urlsplit

from cimd_conformance.model import Check, ContactSeen, Exchange, HttpMessage, Status
from cimd_conformance.reports._report import Evidence

TARGET = "target"
_LEFT = ("user", "browser", "client")
_RIGHT = ("as", "server", "tool-server", "other", "evil")
"""The usual order to the right of the target; what is not here comes after these."""

_ELSEWHERE = " (at another address)"
"""What evidence adds to a place that was reached by its name only."""

_FAILED = (Status.FAILED, Status.WARNED)
_HTTP = "http"
_WELL_KNOWN = "/.well-known/"
_HOST = 16
_PATH = 32
_VALUE = 32


class ArrowKind(enum.StrEnum):
    """What an arrow stands for."""

    REQUEST = "request"
    RESPONSE = "response"
    CONTACT = "contact"
    """The target reached for a place, and no exchange came of it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Arrow:
    """One line of the diagram; texts are redacted, and not yet safe for a terminal."""

    number: int
    """Of the exchange or contact; of several folded ones that the check names."""
    kind: ArrowKind
    sender: str
    receiver: str
    label: str
    note: str
    """The name of the message, what the answer carries, how often."""
    changed: bool = False
    """The one change is in this message."""
    decisive: bool = False
    """A failed check points here."""
    message: str = ""
    """The name of the message of its exchange."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sequence:
    """The lanes from left to right, and the arrows from top to bottom."""

    lanes: tuple[str, ...]
    arrows: tuple[Arrow, ...]


@dataclasses.dataclass(slots=True)
class _Row:
    """What becomes one exchange or one contact of the diagram."""

    item: Exchange | ContactSeen
    receiver: str
    numbers: set[int]
    times: int = 1
    depths: list[str] = dataclasses.field(default_factory=list)


def sequence_of(evidence: Evidence, checks: Iterable[Check] = ()) -> Sequence:
    """Return the diagram of a scenario, or of a control when there are no checks."""
    rows = _folded(_rows(evidence.items()))
    decisive = _decisive(checks, rows)
    arrows = tuple(_in_time(rows, decisive))
    return Sequence(_lanes(arrows), arrows)


def _in_time(rows: list[_Row], decisive: set[int]) -> list[Arrow]:
    """Return the arrows in the order in which they left.

    An exchange is numbered when it has its answer. What the target did by itself since
    the one before, it did for the request that was then answered.
    """
    arrows: list[Arrow] = []
    since = 0
    for row in rows:
        made = _arrows(row, decisive)
        if made[0].sender == TARGET:
            arrows += made
            continue
        if row.receiver == TARGET:
            arrows.insert(since, made.pop(0))
        arrows += made
        since = len(arrows)
    return arrows


def _decisive(checks: Iterable[Check], rows: list[_Row]) -> set[int]:
    """Return the point of failure of each failed check.

    Where a place was reached that should not be, the first contact is; else the last
    that the check names, because there the flow ended. A check of a message points at
    the last exchange of that name.
    """
    known = {number for row in rows for number in row.numbers}
    found: set[int] = set()
    for check in checks:
        numbers = known.intersection(check.evidence)
        if check.status in _FAILED and numbers:
            first = bool({"untouched", "unasked"} & set(check.illegal))
            found.add(min(numbers) if first else max(numbers))
        elif check.status in _FAILED and not check.evidence:
            found |= _of_message(check.actual, rows)
    return found


def _of_message(actual: str, rows: list[_Row]) -> set[int]:
    """Return the last exchange of the message that an answer begins with, if any."""
    name = actual.partition(" ")[0].partition(".")[0]
    names = (name, name.removesuffix("_response") + "_request")
    for row in reversed(rows):
        item = row.item
        if name and isinstance(item, Exchange) and item.message.startswith(names):
            return {item.number}
    return set()


def _rows(items: list[Exchange | ContactSeen]) -> list[_Row]:
    """Return a row per exchange, and one per connection that no exchange came of.

    What led to a request that we served (the query, the handshake) is part of it.
    """
    rows: list[_Row] = []
    open_rows: dict[str, _Row] = {}
    for item in items:
        if isinstance(item, ContactSeen):
            row = open_rows.get(item.place)
            if row is None or _HTTP in row.depths:
                lane = item.place.removesuffix(_ELSEWHERE)
                row = open_rows[item.place] = _Row(item, lane, set())
                rows.append(row)
            row.item = item
            row.numbers.add(item.number)
            row.depths += [item.depth] * (item.depth not in row.depths)
            continue
        row = _Row(item, item.receiver, {item.number})
        place = _served_at(item, open_rows) if item.sender == TARGET else None
        if place is not None:
            led_here = open_rows.pop(place)
            rows.remove(led_here)
            row.numbers |= led_here.numbers
            row.receiver = led_here.receiver
        rows.append(row)
    return rows


def _served_at(item: Exchange, open_rows: dict[str, _Row]) -> str | None:
    """Return the place where a request of the target came in: by its path, or name."""
    url = _split(item.request.start.partition(" ")[2])
    target = f"{url.path}?{url.query}" if url.query else url.path
    for place, row in open_rows.items():
        if isinstance(row.item, ContactSeen) and row.item.target == target:
            return place
    return item.receiver if item.receiver in open_rows else None


def _folded(rows: list[_Row]) -> list[_Row]:
    """Return the rows with those that repeat the one before counted in it."""
    folded: list[_Row] = []
    for row in rows:
        if folded and _alike(folded[-1], row):
            folded[-1].times += 1
            folded[-1].numbers |= row.numbers
        else:
            folded.append(row)
    return folded


def _alike(first: _Row, second: _Row) -> bool:
    """Whether two rows look the same in a diagram."""
    if (first.receiver, first.depths) != (second.receiver, second.depths):
        return False
    a, b = first.item, second.item
    if isinstance(a, Exchange) and isinstance(b, Exchange):
        return a.message == b.message and _shown(a) == _shown(b)
    if isinstance(a, ContactSeen) and isinstance(b, ContactSeen):
        return (a.place, _where(a)) == (b.place, _where(b))
    return False


def _shown(item: Exchange) -> tuple[object, ...]:
    return (
        *(item.sender, _request_note(item), item.changed),
        _request_label(item.request),
        _response_label(item.response) if item.response else None,
        _response_note(item.response) if item.response else None,
    )


def _arrows(row: _Row, decisive: set[int]) -> list[Arrow]:
    """Return the arrows of a row; the target's half of it is the one that fails."""
    item = row.item
    named = row.numbers & decisive
    number = max(named) if named else item.number
    times = f"{row.times} times" if row.times > 1 else ""
    if isinstance(item, ContactSeen):
        label, note = _contact_label(row), _joined(_where(item), times)
        lanes = (ArrowKind.CONTACT, TARGET, row.receiver)
        return [Arrow(number, *lanes, label, note, decisive=bool(named))]
    sender, receiver = item.sender, row.receiver
    answered = item.response is not None
    ours = receiver == TARGET or not answered
    request = Arrow(
        *(number, ArrowKind.REQUEST, sender, receiver),
        *(_request_label(item.request), _joined(_request_note(item), times)),
        message=item.message,
        changed=item.changed and ours,
        decisive=bool(named) and (receiver != TARGET or not answered),
    )
    if item.response is None:
        return [request]
    response = Arrow(
        *(number, ArrowKind.RESPONSE, receiver, sender),
        *(_response_label(item.response), _response_note(item.response)),
        message=item.message,
        changed=item.changed and not ours,
        decisive=bool(named) and receiver == TARGET,
    )
    return [request, response]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _lanes(arrows: tuple[Arrow, ...]) -> tuple[str, ...]:
    """Return who takes part: the user's side, the target, then everybody else."""
    names = dict.fromkeys(
        name for arrow in arrows for name in (arrow.sender, arrow.receiver)
    )
    left = [name for name in _LEFT if name in names]
    middle = [TARGET] if TARGET in names else []
    usual = [name for name in _RIGHT if name in names]
    rest = [name for name in names if name not in (*left, *middle, *usual)]
    return (*left, *middle, *usual, *rest)


def _request_label(request: HttpMessage) -> str:
    """Return the method and the path: `GET /authorize?…`."""
    method, _, rest = request.start.partition(" ")
    url = _split(rest.split(" ")[0])
    query = "?…" if url.query else ""
    return f"{method} {_short_path(url.path or '/')}{query}"


def _response_label(response: HttpMessage) -> str:
    """Return the status and where it leads: `302 → evil…/callback?…`."""
    status = response.start.removeprefix("HTTP/1.1 ").split(" ")[0]
    location = _header(response, "location")
    if location is None:
        return status
    url = _split(location)
    scheme = "" if url.scheme in ("", "http", "https") else f"{url.scheme}:"
    query = "?…" if url.query else ""
    fragment = "#…" if url.fragment else ""
    where = f"{scheme}{_host(url.netloc)}{_short_path(url.path)}{query}{fragment}"
    return f"{status} → {where}"


def _split(url: str) -> SplitResult:
    """Split a URL; what is none is all path."""
    try:
        return urlsplit(url)
    except ValueError:  # half a pair of brackets, say
        return SplitResult("", "", url, "", "")


def _response_note(response: HttpMessage) -> str:
    """Return what matters in an answer: the error, or what was issued."""
    location = _header(response, "location")
    if location is None:
        return _body_note(response.body)
    url = _split(location)
    told = parse_qs(f"{url.query}&{url.fragment}")
    for name in ("error", "code", "access_token"):
        if name in told:
            value = _cut(told[name][0], _VALUE)
            return f"{name} {value}"
    return _body_note(response.body)


def _request_note(item: Exchange) -> str:
    """Return the name of the message, and the method of a JSON-RPC request."""
    method = _json_object(item.request.body).get("method")
    if not isinstance(method, str) or method in item.message:
        return item.message
    return f"{item.message} {_cut(method, _VALUE)}"


def _json_object(body: str) -> dict[str, object]:
    if not body.lstrip().startswith("{"):
        return {}
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _body_note(body: str) -> str:
    content = _json_object(body)
    error = content.get("error")
    if isinstance(error, dict):  # JSON-RPC
        error = error.get("message")
    if error is not None:
        return f"error {_cut(str(error), _VALUE)}"
    return "access_token" if "access_token" in content else ""


def _header(message: HttpMessage, name: str) -> str | None:
    return next((v for n, v in message.headers if n.lower() == name), None)


def _host(netloc: str) -> str:
    """Return the first label of a long host, which is the one that tells."""
    if len(netloc) <= _HOST:
        return netloc
    return f"{_cut(netloc.split('.', maxsplit=1)[0], _HOST)}…"


def _short_path(path: str) -> str:
    """Return a path by its beginning and its end."""
    known = path.startswith(_WELL_KNOWN)
    lead = "…/" if known else path[:1]
    rest = path.removeprefix(_WELL_KNOWN if known else lead)
    if len(lead + rest) > _PATH and rest.count("/") > 1:
        rest = f"{rest.partition('/')[0]}/…/{rest.rpartition('/')[2]}"
    return _cut(lead + rest, _PATH)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _contact_label(row: _Row) -> str:
    """Return how deep a connection went: `dns, tcp`."""
    item = row.item
    target = item.target if isinstance(item, ContactSeen) else None
    path = f" {_short_path(target)}" if target else ""
    return ", ".join(row.depths) + path


def _where(contact: ContactSeen) -> str:
    name = contact.address or contact.name or ""
    port = f":{contact.port}" if contact.port is not None else ""
    return f"{name}{port}"
