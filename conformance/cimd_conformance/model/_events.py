"""Everything that happens in a run, as frozen values: one stream, many writers.

The inner process writes each event as one line of JSON; writers are pure functions of
the stream. Nothing secret is in an event: redaction happens at capture.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cimd_conformance.model._words import FindingStatus, Level, Role, Severity, Status

SCHEMA_VERSION = 1


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=True):
    """The base of all events; `at` is seconds since the run started."""

    at: float


class HttpMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of an exchange, redacted; `start` is the request or status line."""

    start: str
    headers: list[tuple[str, str]] = []
    body: str = ""
    cut: bool = False
    """The body was longer than what is kept."""


class PlannedInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """One scenario instance of the plan."""

    id: str
    title: str
    role: Role
    severity: Severity
    requirements: list[str] = []
    attacks: list[str] = []
    flaws: list[str] = []
    needs: list[str] = []
    control: str | None = None
    change: list[str] = []
    """The one thing changed, in words."""


class RunStarted(Event, frozen=True, tag="run-started"):
    """The first event: what is going to run."""

    schema: int
    version: str
    run_id: str
    started: str
    """Wall time, RFC 3339."""
    target: str
    role: str
    """The role under test, or several of them with commas."""
    network: str
    profile: str
    seed: int
    powers: list[str]
    plan: list[PlannedInstance]
    target_file: str | None = None
    """The target file as it was named; None is the embedded reference."""
    flaw: str | None = None
    """The flaw that the reference had."""
    strict: bool = False
    """Whether a warning counts as a failure."""


class Control(Event, frozen=True, tag="control"):
    """A legitimate flow of one shape was tried."""

    id: str
    status: Status
    """passed, or inconclusive with the reason."""
    reason: str = ""
    closing_for: str | None = None
    """The scenario after which it ran, for a closing control."""
    code: str = ""
    """Why it failed, in a stable word; '' where nobody knows."""
    cause: str = ""
    """Why it failed, in words."""
    mend: str = ""
    """What to do about it."""
    places: list[str] = []
    """The fields of the target file that it is about: `target.toml:12: server.env`."""


class ScenarioStarted(Event, frozen=True, tag="scenario-started"):
    """A scenario instance began."""

    id: str


class Exchange(Event, frozen=True, tag="exchange"):
    """One HTTP exchange that we sent or served; `number` is its reference.

    `scenario` is an instance id or a control id.
    """

    scenario: str
    number: int
    sender: str
    receiver: str
    message: str
    """The named message that the request carries, or what was fetched."""
    request: HttpMessage
    response: HttpMessage | None
    changed: bool = False
    """The one change is in this exchange."""


class ContactSeen(Event, frozen=True, tag="contact"):
    """Network evidence: the target reached a place, this deep."""

    scenario: str
    number: int
    place: str
    depth: str
    address: str | None = None
    port: int | None = None
    name: str | None = None
    target: str | None = None
    trouble: str | None = None
    """Why a handshake was not finished, e.g. the alert `unknown ca`."""


TO_THE_PERSON = "attended: "
"""How a line begins that the driver of an attended client says to the person."""


class TargetOutput(Event, frozen=True, tag="target-output"):
    """A line that the target printed, or that its driver says to the person."""

    line: str

    @property
    def to_the_person(self) -> bool:
        """Whether somebody has to read it for the run to go on."""
        return self.line.startswith(TO_THE_PERSON)


class TargetExited(Event, frozen=True, tag="target-exited"):
    """The target's process ended while the run needed it."""

    code: int
    last_output: list[str]


class Check(Event, frozen=True, tag="check"):
    """One question answered: one requirement, what was legal, what was seen."""

    scenario: str
    requirement: str
    level: Level | None
    """None: the profile does not demand it, the answer is for information."""
    status: Status
    expected: list[str]
    """What had to be seen, all of it; alternatives are joined by `or`."""
    actual: str
    reason: str = ""
    evidence: list[int] = []
    """Numbers of exchanges and contacts."""
    clause: str = ""
    """The requirement in words, with its source."""
    fix: str = ""
    illegal: list[str] = []
    """Parts of the expectation that were: outcome, untouched, unasked, touched,
    message."""


class ScenarioFinished(Event, frozen=True, tag="scenario-finished"):
    """A scenario instance has its status."""

    id: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    control: str | None = None


class KeptOpen(Event, frozen=True, tag="kept-open"):
    """The parties and the target stay up, until the run is told to stop."""

    scenario: str
    places: dict[str, str]
    """The URLs of the target and of our parties, by what they are."""
    ca_file: str = ""
    """The CA of the run, for whoever wants to connect."""
    proxy: str = ""
    """Where a proxy listens that leads to the names of the run."""
    enter: str = ""
    """The command that enters the lab."""


class FlawTried(Event, frozen=True, tag="flaw-tried"):
    """`prove` ran scenarios against the reference with one check replaced."""

    flaw: str
    check: str
    title: str
    statuses: dict[str, Status]
    """What became of each instance that could be affected."""
    reasons: dict[str, str] = {}
    """Why instances were inconclusive or in error."""
    illegal: dict[str, list[str]] = {}
    """By instance, which parts of which expectation were illegal: `2 untouched`."""


FAILED_TRY = "tried"
"""The topic of what was tried in vain: for those who want to see everything."""


class InitProgress(Event, frozen=True, tag="init-progress"):
    """`init` found something out, or tries something."""

    topic: str
    """A word: starts, listens, metadata, role, control, tries …"""
    text: str


class Remark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to know about one field of a target file."""

    field: str
    """Where it belongs, with dots: `server.env.PORT`; a table for all of it."""
    text: str
    todo: bool = False
    """Whether somebody has to do something about it."""
    example: str = ""
    """A line of TOML that could stand there; nothing shows that it works."""


class TargetDescribed(Event, frozen=True, tag="target-described"):
    """What `init` found: a target file, and why it says what it says."""

    target: dict[str, Any]
    """The file's value, in the types of TOML."""
    remarks: list[Remark]
    works: list[str]
    """The legitimate flows that were completed with it."""
    fails: dict[str, str]
    """The others, each with how it ended."""


class Finding(Event, frozen=True, tag="finding"):
    """A step of the preflight: what was looked at, and what was found."""

    step: str
    """A word: file, network, prepare, start, port, ready, metadata …"""
    status: FindingStatus
    what: str
    """What was seen and what it means; several lines where it lists something."""
    code: str = ""
    """What is wrong, in a stable word."""
    mend: str = ""
    """What to do about it."""
    places: list[str] = []
    """The fields of the target file that it is about: `target.toml:12: server.env`."""
    evidence: list[int] = []
    """Numbers of exchanges and contacts that came before it in the stream."""


class RunFinished(Event, frozen=True, tag="run-finished"):
    """The footer: without it a stream is a truncated run."""

    verdict: str
    """conformant | failed | inconclusive | interrupted | error | nothing-ran."""
    exit_code: int
    counts: dict[str, int]
    seconds: float
    interrupted: bool = False
    details: dict[str, Any] = {}
    powers: list[str] = []
    """Those of the header, and what came during the run."""


AnyEvent = (
    RunStarted
    | Control
    | ScenarioStarted
    | Exchange
    | ContactSeen
    | TargetOutput
    | TargetExited
    | Check
    | ScenarioFinished
    | FlawTried
    | KeptOpen
    | InitProgress
    | TargetDescribed
    | Finding
    | RunFinished
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode_event(event: AnyEvent) -> bytes:
    """Return the event as one line of JSON, without the newline.

    Half a surrogate pair, which JSON of a target can contain, becomes a question mark.
    """
    try:
        return _encoder.encode(event)
    except UnicodeEncodeError:
        return _encoder.encode(_encodable(msgspec.to_builtins(event)))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encodable(item) for item in value]
    return value


def decode_event(line: bytes) -> AnyEvent:
    """Read one line; raises `msgspec.ValidationError` for anything else."""
    return _decoder.decode(line)
