"""What ails a target: a cause in words, and how to mend it. Pure.

A case holds what was seen of one legitimate flow that did not complete. A rule looks at
a case and names its cause, or says nothing; the rules of a role stand in a list, the
most certain first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from cimd_conformance.evidence import Evidence, OutputRedactor, Seen
from cimd_conformance.flows import FlowResult, StepEnd
from cimd_conformance.flows.authorization_server import visible_text
from cimd_conformance.model import Exchange, Outcome, TargetError
from cimd_conformance.target import TargetFile, field_places, secrets_of
from cimd_testbed.net import Contact

SAID = 240
"""So much of the target's own words is repeated."""
OUTPUT_LINES = 30

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One cause; `code` is stable, the sentences are not."""

    step: str
    """The step of the preflight that it belongs to: start, port, tls, login …"""
    code: str
    cause: str
    """What was seen and what it means, in full sentences."""
    mend: str
    """What to do, naming the fields."""
    fields: tuple[str, ...] = ()
    """The fields of the target file that it is about, the likeliest first."""

    def places(self, path: Path) -> list[str]:
        """Return the fields with the lines on which they stand."""
        return field_places(path, self.fields)


class DiagnosedError(TargetError):
    """The target cannot be used, and it is known why.

    `label` is the flow in which that was seen, '' where there was none yet.
    """

    def __init__(self, diagnosis: Diagnosis, path: Path, label: str = "") -> None:
        places = "".join(f"\n{place}" for place in diagnosis.places(path))
        super().__init__(diagnosis.code, diagnosis.cause, diagnosis.mend + places)
        self.diagnosis = diagnosis
        self.label = label


@dataclass(frozen=True, slots=True)
class Case(Generic[V]):
    """A legitimate flow that did not complete, with what was seen of it."""

    view: V
    """The target as the flow knew it."""
    file: TargetFile
    result: FlowResult
    exchanges: tuple[Exchange, ...] = ()
    """Redacted, in order."""
    seen: tuple[Seen, ...] = ()
    """The target's contacts of the places of this flow."""
    strays: tuple[Contact, ...] = ()
    """Its latest contacts of places that belong to no flow."""
    output: tuple[str, ...] = ()
    """What it printed last, redacted."""
    lab: bool = True

    @property
    def end(self) -> StepEnd:
        """The step that did not complete."""
        steps = self.result.steps
        return next(
            (end for end in steps if end.outcome is not Outcome.COMPLETED), steps[-1]
        )

    @property
    def last(self) -> Exchange | None:
        """The last request of ours to the target that says how it went."""
        ours = [e for e in self.of("target") if e.message != "image_request"]
        return ours[-1] if ours else None

    def of(self, receiver: str, *messages: str) -> list[Exchange]:
        """Return the exchanges with a receiver, of these kinds where some are named."""
        return [
            one
            for one in self.exchanges
            if one.receiver == receiver and (not messages or one.message in messages)
        ]

    @property
    def said(self) -> str:
        """What the target answered last, in its own words."""
        return said(self.last)

    @property
    def words(self) -> str:
        """Everything that the target said about it, for rules to search."""
        whole = said(self.last, limit=4000)
        return "\n".join((whole, self.result.redact(self.result.detail), *self.output))


Rule = Callable[[Case[V]], Diagnosis | None]


def first_of(rules: Iterable[Rule[V]], case: Case[V]) -> Diagnosis | None:
    """Return what the first rule says that says something."""
    found = (rule(case) for rule in rules)
    return next((diagnosis for diagnosis in found if diagnosis is not None), None)


def case_of(
    view: V,
    file: TargetFile,
    label: str,
    result: FlowResult,
    evidence: Evidence,
    output: Iterable[str],
    *,
    lab: bool,
) -> Case[V]:
    """Collect what was seen of a flow, by its label."""
    redactor = OutputRedactor(secrets_of(file))
    last = list(output)[-OUTPUT_LINES:]
    return Case(
        view,
        file,
        result,
        tuple(evidence.told.get(label, ())),
        tuple(evidence.seen.get(label, ())),
        tuple(evidence.strays),
        tuple(redactor.line(result.redact(line)) for line in last),
        lab,
    )


# --- what an answer says ------------------------------------------------------------


def json_of(exchange: Exchange | None) -> dict[str, Any]:
    """Return the JSON object of a response, {} when it is none."""
    if exchange is None or exchange.response is None:
        return {}
    try:
        value = json.loads(exchange.response.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def status_of(exchange: Exchange | None) -> int:
    """Return the status of a response, 0 when there is none."""
    if exchange is None or exchange.response is None:
        return 0
    return int(exchange.response.start.split()[0])


def header_of(exchange: Exchange | None, name: str) -> str:
    """Return a header of a response, '' when it is not there."""
    if exchange is None or exchange.response is None:
        return ""
    headers = exchange.response.headers
    return next((text for key, text in headers if key.lower() == name), "")


def said(exchange: Exchange | None, limit: int = SAID) -> str:
    """Return what a response says in words: its error, or the text of its page."""
    if exchange is None or exchange.response is None:
        return ""
    return " ".join(_parts(exchange))[:limit]


def _parts(exchange: Exchange) -> Iterator[str]:
    assert exchange.response is not None
    if challenge := header_of(exchange, "www-authenticate"):
        yield challenge
    value = json_of(exchange)
    told = [value[name] for name in ("error", "error_description") if value.get(name)]
    if value:
        yield ": ".join(map(_plain, told)) if told else exchange.response.body
    elif exchange.response.body:
        body = exchange.response.body
        yield visible_text(body) if "<" in body else " ".join(body.split())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def quoted(text: str, before: str = " It said") -> str:
    """Return a sentence with what the target said, '' when that is nothing."""
    return f"{before}: “{text}”." if text else ""


def printed(output: Sequence[str], about: str = "") -> str:
    """Return a sentence with what the target printed about something, '' for nothing.

    Without a subject, about an error. Loggers break lines, so the neighbours count.
    """
    pattern = about or _TELLING
    for at in range(len(output) - 1, -1, -1):
        if re.search(pattern, output[at], re.IGNORECASE):
            near = " ".join(" ".join(output[max(at - 1, 0) : at + 2]).split())
            return quoted(near[:SAID], " It printed")
    return ""


_TELLING = (
    r"\b\w*(?:error|exception|fatal|panic|refused|failed|denied|invalid|cannot)\b|"
    r"can't|no such|not found"
)


def listed(names: Iterable[object]) -> str:
    """Return names in a row, with commas."""
    return ", ".join(str(name) for name in names)
