"""Judge expectations against what was observed. No role's validators are used here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cimd_conformance.catalogue import Profile, expand, load_requirements
from cimd_conformance.evidence import Evidence, Seen
from cimd_conformance.flows import FlowResult
from cimd_conformance.model import (
    OUTCOME_SETS,
    WORST_FIRST,
    Check,
    Expect,
    Level,
    Message,
    Outcome,
    Status,
)
from cimd_testbed.net import Depth

_SHOWN = 300
_CONTACT = frozenset({"untouched", "unasked"})
"""Parts that a contact decides, whatever became of the flow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One expectation answered: legal, illegal, or None for not to be said."""

    legal: bool | None
    expected: list[str]
    actual: str
    evidence: list[int]
    reason: str = ""
    illegal: tuple[str, ...] = ()
    """Which parts were illegal, as in `Check.illegal`."""


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst status; of nothing, not-applicable."""
    found = set(statuses)
    return next((s for s in WORST_FIRST if s in found), Status.NOT_APPLICABLE)


def _legal_outcomes(expect: Expect) -> list[str]:
    legal: list[str] = []
    for outcome in expect.outcome:
        several = OUTCOME_SETS.get(str(outcome))
        legal += sorted(several) if several else [str(outcome)]
    return legal


def _judge_outcome(expect: Expect, result: FlowResult) -> Answer | None:
    """Judge where the flow, or the named step, ended."""
    if not expect.outcome:
        return None
    expected = [" or ".join(str(outcome) for outcome in expect.outcome)]
    outcome, detail, evidence = result.outcome, result.detail, result.evidence[-1:]
    if expect.step is not None:
        end = next((end for end in result.steps if end.name == expect.step), None)
        if end is None:
            why = f"The flow ended before the step {expect.step!r}: {detail}"
            return Answer(None, expected, outcome.value, [], why)
        outcome, detail, evidence = end.outcome, end.detail, end.evidence[-1:]
    actual = f"{outcome.value}: {detail}"
    if outcome.value in _legal_outcomes(expect):
        return Answer(True, expected, actual, list(evidence))
    if outcome is Outcome.RATE_LIMITED:
        return Answer(None, expected, actual, list(evidence), "The target limits rate.")
    if outcome is Outcome.NO_ANSWER:
        return Answer(None, expected, actual, list(evidence), "There was no answer.")
    return Answer(False, expected, actual, list(evidence), illegal=("outcome",))


def _judge_places(expect: Expect, evidence: Evidence, label: str) -> Answer | None:
    """Judge who was reached; a DNS query alone reaches nobody."""
    if not (expect.untouched or expect.unasked or expect.touched):
        return None
    expected = [f"{place} is not reached" for place in expect.untouched]
    expected += [f"{place} gets no request" for place in expect.unasked]
    expected += [f"{place} is reached" for place in expect.touched]
    reached = _reached(
        (place, "was reached", evidence.touched(label, place))
        for place in expect.untouched
    )
    asked = _reached(
        (place, "got a request", evidence.asked(label, place))
        for place in expect.unasked
    )
    missed = [
        f"{place} was not reached"
        for place in expect.touched
        if not evidence.touched(label, place)
    ]
    names = ("untouched", "unasked", "touched")
    found = (reached.texts, asked.texts, missed)
    illegal = tuple(name for name, texts in zip(names, found, strict=True) if texts)
    actual = "; ".join(text for texts in found for text in texts) or "as expected"
    numbers = reached.numbers + asked.numbers
    return Answer(not illegal, expected, actual, numbers, illegal=illegal)


def _told(deepest: Seen) -> str:
    """Say where it ended, if that was before a request (ADR 0011)."""
    return "" if deepest.depth >= Depth.HTTP else ", and asked nothing"


@dataclass(frozen=True, slots=True)
class _Reached:
    """Which places saw somebody, in words, and the numbers of the evidence."""

    texts: list[str]
    numbers: list[int]


def _reached(found: Iterable[tuple[str, str, list[Seen]]]) -> _Reached:
    """Say how deep each place was reached that was reached at all."""
    there = [(place, how, seen) for place, how, seen in found if seen]
    return _Reached(
        [
            f"{place} {how}{_told(deepest)}: {deepest.what}"
            for place, how, seen in there
            for deepest in [max(seen, key=lambda one: one.depth)]
        ],
        [one.number for *_, seen in there for one in seen],
    )


def _part(value: Any, path: list[str | int]) -> tuple[bool, Any]:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False, None
    return True, value


def _judge_message(
    expect: Expect, result: FlowResult, known: dict[str, Any]
) -> Answer | None:
    """Judge one part of a message that came back."""
    if expect.in_ is None:
        return None
    where = ".".join([expect.in_.value, *(str(key) for key in expect.at)])
    rules = _rules(expect, known)
    if expect.same_as is not None:
        rules.append(_as_after(expect.in_, expect, result))
    expected = [f"{where} {text}" for text, _ in rules]
    messages = result.messages_of(expect.step)
    if expect.in_ not in messages:
        return Answer(None, expected, result.detail, [], f"No {expect.in_.value} came.")
    there, value = _part(messages[expect.in_], list(expect.at))
    shown = json.dumps(value, ensure_ascii=False) if there else "absent"
    legal = all(rule(there, value) for _, rule in rules)
    illegal = () if legal else ("message",)
    actual = f"{where} is {shown[:_SHOWN]}"
    _, note = _part(messages[expect.in_], ["note"])
    if isinstance(note, str):
        actual += f", {note}"
    return Answer(legal, expected, actual, [], illegal=illegal)


def _as_after(message: Message, expect: Expect, result: FlowResult) -> tuple[str, Any]:
    """Return the rule that a part is what it was after another step."""
    before = result.messages_of(expect.same_as).get(message)
    _, wanted = _part(before, list(expect.at))
    shown = json.dumps(wanted, ensure_ascii=False)[:_SHOWN]
    text = f"is as after {expect.same_as}, {shown}"
    return text, lambda there, v: there and _same(v, wanted)


def _rules(expect: Expect, known: dict[str, Any]) -> list[tuple[str, Any]]:
    rules: list[tuple[str, Any]] = []
    if expect.at_most is not None:
        most = expect.at_most
        rules.append((f"is at most {most}", lambda there, v: there and v <= most))
    if expect.equals is not None:
        wanted = expand(expect.equals, known)
        rules.append((f"is {wanted!r}", lambda there, v: there and _same(v, wanted)))
    if expect.one_of:
        several = [expand(one, known) for one in expect.one_of]
        rules.append(
            (
                f"is one of {several}",
                lambda there, v: there and any(_same(v, one) for one in several),
            )
        )
    if expect.contains is not None:
        part = expand(expect.contains, known)
        rules.append(
            (f"contains {part!r}", lambda there, v: there and _contains(v, part))
        )
    if expect.lacks is not None:
        bad = expand(expect.lacks, known)
        rules.append(
            (f"lacks {bad!r}", lambda there, v: not there or not _contains(v, bad))
        )
    if expect.absent:
        rules.append(("is absent", lambda there, _v: not there))
    if expect.present:
        rules.append(("is present", lambda there, _v: there))
    return rules


def _same(value: Any, wanted: Any) -> bool:
    """Compare as JSON does: `true` is not 1."""
    return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def _contains(value: Any, part: str) -> bool:
    return part in value if isinstance(value, (str, list)) else False


def _silence(expect: Expect, result: FlowResult) -> str:
    """Say why an absence proves nothing: nobody dealt with the changed message."""
    if not (expect.untouched or expect.unasked) or expect.outcome:
        return ""
    unclear = (Outcome.NO_ANSWER, Outcome.RATE_LIMITED)
    ends = [e for e in result.steps if expect.step in (None, e.name)]
    found = next((e for e in ends if e.outcome in unclear), None)
    return f"Nothing was reached, but also: {found.detail}" if found else ""


def _combine(
    expect: Expect, result: FlowResult, parts: list[Answer]
) -> tuple[bool | None, list[str]]:
    """Return whether all parts together are legal, and what stands in the way."""
    reasons = [part.reason for part in parts if part.reason]
    if any(_CONTACT & set(part.illegal) for part in parts):
        return False, reasons  # contact is proof, whatever became of the flow
    if not result.changed:
        return None, [result.why_not, *reasons]
    if any(part.legal is False for part in parts):
        return False, reasons
    silence = _silence(expect, result)
    if silence or any(part.legal is None for part in parts):
        return None, [*reasons, silence] if silence else reasons
    return True, reasons


def answer(
    expect: Expect,
    result: FlowResult,
    evidence: Evidence,
    label: str,
    known: dict[str, Any],
) -> Answer:
    """Combine what one expectation asks: an illegal part decides, then a gap."""
    parts = [
        part
        for part in (
            _judge_places(expect, evidence, label),
            _judge_outcome(expect, result),
            _judge_message(expect, result, known),
        )
        if part is not None
    ]
    legal, why = _combine(expect, result, parts)
    actual = "; ".join(part.actual for part in parts if part.actual != "as expected")
    illegal = (
        [name for part in parts for name in part.illegal] if legal is False else []
    )
    if not result.changed:  # what else came of it was not an answer to the change
        illegal = [name for name in illegal if name in _CONTACT]
    return Answer(
        legal,
        [text for part in parts for text in part.expected],
        actual or "as expected",
        sorted({number for part in parts for number in part.evidence}),
        " ".join(why),
        tuple(illegal),
    )


def redacted(found: Answer, redact: Callable[[str], str]) -> Answer:
    """Return the answer without the secrets of its flow: parts of messages can be."""
    return Answer(
        found.legal,
        [redact(text) for text in found.expected],
        redact(found.actual),
        found.evidence,
        redact(found.reason),
        found.illegal,
    )


def to_check(
    at: float, label: str, expect: Expect, found: Answer, profile: Profile
) -> Check:
    """Grade an answer by the level that the profile gives the requirement."""
    requirement = load_requirements()[expect.requirement]
    level = profile.levels.get(expect.requirement)
    reason = found.reason
    if level is None:
        status = Status.NOT_APPLICABLE
        reason = f"The profile {profile.id} does not demand it."
    elif found.legal is None:
        status = Status.INCONCLUSIVE
    elif found.legal:
        status = Status.PASSED
    elif level is Level.MUST:
        status = Status.FAILED
    elif level is Level.SHOULD:
        status = Status.WARNED
    else:
        status = Status.PASSED
        reason = profile.conflicts.get(expect.requirement, "Both answers are legal.")
    return Check(
        at,
        label,
        expect.requirement,
        level,
        status,
        found.expected,
        found.actual,
        reason,
        found.evidence,
        f"{requirement.requirement} ({requirement.source})",
        requirement.fix,
        list(found.illegal),
    )
