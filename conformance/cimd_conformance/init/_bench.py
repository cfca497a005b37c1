"""Try legitimate flows with one file after another, as `run` would, and listen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cimd_conformance.catalogue import load_catalogue
from cimd_conformance.engine.external import (
    KITS,
    DiagnosedError,
    Diagnosis,
    RunningTarget,
    Surroundings,
)
from cimd_conformance.evidence import Evidence, ExchangeRecord, Redactor
from cimd_conformance.flows import FlowResult, read_json
from cimd_conformance.flows.authorization_server import visible_text
from cimd_conformance.init._draft import Shape, Trial
from cimd_conformance.model import Outcome, TargetError
from cimd_conformance.target import TargetFile, secrets_of
from cimd_testbed.core import split_url
from cimd_testbed.net import Contact, Response, parse_params
from cimd_testbed.parties import read_jwt

SAID = 300
"""So much of the target's own words is kept."""

OnLine = Callable[[str], None]


@dataclass(slots=True)
class Heard(Evidence):
    """Evidence that also remembers the exchanges, raw, for as long as a trial takes."""

    records: list[tuple[ExchangeRecord, Redactor]] = field(default_factory=list)

    def exchange(
        self, scenario: str, redactor: Redactor, record: ExchangeRecord
    ) -> int:
        """Remember one exchange."""
        self.records.append((record, redactor))
        return Evidence.exchange(self, scenario, redactor, record)


@dataclass(slots=True)
class Bench:
    """One target at a time; another file for the same server needs no restart."""

    around: Surroundings
    path: Path
    on_line: OnLine
    _contacts: list[Contact] = field(default_factory=list)
    _heard: Heard = field(init=False)
    _running: RunningTarget | None = None
    _file: TargetFile | None = None
    _trials: int = 0

    def __post_init__(self) -> None:
        """Listen to the network."""
        before = self.around.evidence
        self._heard = Heard(before.emit, before.now)
        listeners = self.around.network.contacts.listeners
        listeners.append(self._heard.on_contact)
        listeners.append(self._on_contact)
        self.around = replace(self.around, evidence=self._heard)

    def _on_contact(self, contact: Contact) -> None:
        if contact.label is None:
            self._contacts.append(contact)

    async def start(self, file: TargetFile) -> RunningTarget:
        """Return the target as this file describes it, started if need be.

        Raises `TargetError` when it does not come up.
        """
        running, before = self._running, self._file
        if running is not None and before == file:
            return running
        if running and before and before.role is file.role and running.adapt(file):
            self._file = file
            return running
        await self.close()
        start = KITS[file.role]().start_external
        self._running = await start(self.around, self.path, file, self.on_line)
        self._running.world.secrets = secrets_of(file)
        if file.runs_already:
            self._running.world.be_new()
        self._file = file
        return self._running

    async def shapes(self, file: TargetFile) -> list[Shape]:
        """Return the shapes of the controls that a run would need, simple ones first.

        Raises `TargetError` when the target does not come up.
        """
        running = await self.start(file)
        found = {
            Shape(flow, tuple(sorted(variant.items())))
            for instance in load_catalogue().instances
            if instance.scenario.role is file.role
            and running.missing_feature(instance) is None
            for flow, variant in [instance.control_shape]
        }
        return sorted(found, key=lambda one: (len(one.variant), _rank(one), one.id))

    async def trial(self, file: TargetFile, shape: Shape | None) -> Trial:
        """Run one legitimate flow; without a shape, only start the target."""
        self._heard.records.clear()
        self._contacts.clear()
        somewhere = shape or Shape("start", ())
        try:
            running = await self.start(file)
        except TargetError as error:
            return self._not_started(somewhere, error)
        if shape is None:
            return Trial(somewhere, True, 0, "", "")
        self._trials += 1
        label = f"init/{self._trials}"
        result = await running.run_flow(label, shape.flow, dict(shape.variant), None)
        trial = self._trial(shape, result)
        if not trial.done and running.diagnose is not None:
            trial = _explained(trial, running.diagnose(label, result))
        await self.around.leases.release(label)
        self._heard.release(label)
        return trial

    def _not_started(self, shape: Shape, error: TargetError) -> Trial:
        asked = tuple(record.message for record, _ in self._heard.records)
        said, reached = self._said(), self._reached()
        trial = Trial(
            shape, False, -1, "start", error.message, said, asked, reached=reached
        )
        if isinstance(error, DiagnosedError):
            return _explained(trial, error.diagnosis)
        return trial

    def _trial(self, shape: Shape, result: FlowResult) -> Trial:
        good = [end.outcome is Outcome.COMPLETED for end in result.steps]
        steps = good.index(False) if False in good else len(good)
        done = result.outcome is Outcome.COMPLETED
        ended = "" if done else result.steps[steps].verb.value
        return Trial(
            shape,
            done,
            steps,
            ended,
            f"{result.outcome.value}: {result.redact(result.detail)}",
            "" if done else self._said(),
            tuple(record.message for record, _ in self._heard.records),
            self._token(),
            self._reached(),
            self._request(),
        )

    def _reached(self) -> tuple[str, ...]:
        pages = (contact.target for contact in self._contacts if contact.target)
        return tuple(dict.fromkeys(page.partition("?")[0] for page in pages))

    def _request(self) -> dict[str, str]:
        """Return who the target said it is, and where the browser is to come back."""
        for record, _ in reversed(self._heard.records):
            if record.message == "authorization_request":
                asked = dict(parse_params(record.url.partition("?")[2]))
                names = ("client_id", "redirect_uri")
                return {name: asked[name] for name in names if name in asked}
        return {}

    def _said(self) -> str:
        """Return what the target said last, in its own words."""
        for record, redactor in reversed(self._heard.records):
            if record.sender != "target" and record.response is not None:
                words = words_of(record.response)
                return redactor.text(words)[:SAID]
        return ""

    def _token(self) -> dict[str, Any]:
        """Return the claims of the access token that was issued last, if it has any."""
        for record, _ in reversed(self._heard.records):
            if record.message == "token_request" and record.response is not None:
                try:
                    return read_jwt(read_json(record.response.body)["access_token"])[1]
                except (ValueError, KeyError, TypeError, AttributeError):
                    return {}
        return {}

    async def close(self) -> None:
        """Stop the target."""
        running, self._running = self._running, None
        self._file = None
        if running is not None:
            await running.close()


def _explained(trial: Trial, found: Diagnosis) -> Trial:
    about = next(iter(found.fields), "")
    return replace(trial, cause=found.cause, mend=found.mend, about=about)


def _rank(shape: Shape) -> int:
    """Return how far a shape is from the flow that everything rests on."""
    usual = ("authorization-code", "connect", "discovery", "greeting", "tool-list")
    return usual.index(shape.flow) if shape.flow in usual else len(usual)


def words_of(response: Response) -> str:
    """Return what a response says to a person: an error, or the text of a page."""
    location = response.header("location")
    if location:
        parts = split_url(location)
        asked = parse_params(parts.query or "") + parse_params(parts.fragment or "")
        return _error_of(dict(asked))
    challenge = response.header("www-authenticate") or ""
    try:
        value = read_json(response.body)
    except ValueError:
        return f"{challenge} {visible_text(response.text)}".strip()
    said = _error_of(value) if isinstance(value, dict) else ""
    return f"{challenge} {said}".strip()


def _error_of(value: dict[str, Any]) -> str:
    words = [value.get(n) for n in ("error", "error_description", "message", "detail")]
    said = [w if isinstance(w, str) else json.dumps(w) for w in words if w]
    return ": ".join(said)
