"""Sentences that several reports say in the same way, as plain text.

What a target sent stands in them escaped, so they are safe to show anywhere that
escapes its own markup.
"""

from __future__ import annotations

import shlex

from cimd_conformance.model import Check, ContactSeen, Exchange, Status
from cimd_conformance.reports._report import Report, ScenarioResult
from cimd_conformance.reports.text import shortened, visible

_LINE = 240
_VERSION = "HTTP/1.1 "


def evidence_line(item: Exchange | ContactSeen) -> str:
    """Return one exchange or contact as one line."""
    if isinstance(item, ContactSeen):
        request = f" {item.target}" if item.target else ""
        depth = f"{item.depth}: {item.trouble}" if item.trouble else item.depth
        text = f"#{item.number} target → {item.place} {where(item)} {depth}{request}"
        return shortened(visible(text), _LINE)
    answer = "no answer"
    if item.response is not None:
        answer = item.response.start.removeprefix(_VERSION)
        for name, value in item.response.headers:
            if name.lower() == "location":
                answer += f", Location: {value}"
    request = item.request.start.removesuffix(f" {_VERSION}".rstrip())
    changed = " (changed)" if item.changed else ""
    text = (
        f"#{item.number} {item.sender} → {item.receiver} {item.message}{changed}: "
        f"{request} → {answer}"
    )
    return shortened(visible(text), _LINE)


def where(contact: ContactSeen) -> str:
    """Return the name, address and port that a contact went to."""
    place = contact.name or contact.address or ""
    if contact.name and contact.address:
        place = f"{contact.name} ({contact.address})"
    return f"{place}:{contact.port}" if contact.port is not None else place


def clause_line(check: Check) -> str:
    """Return the requirement of a check with its level and its words."""
    level = f" ({check.level.value})" if check.level is not None else ""
    clause = f": {check.clause}" if check.clause else ""
    return visible(f"{check.requirement}{level}{clause}")


def replay_line(replay: str, scenario: str) -> str:
    """Return the command that runs one scenario again.

    `replay` is such a command with `{id}` in it, or one that takes `--only ID`.
    """
    quoted = shlex.quote(scenario)
    if "{id}" in replay:
        return replay.replace("{id}", quoted)
    return f"{replay} --only {quoted}"


def expected_line(check: Check) -> str:
    """Return what had to be seen."""
    return visible("; and ".join(check.expected) or "nothing")


def reason_of(report: Report, result: ScenarioResult) -> str:
    """Return why a result is what it is: its own reason, or that of its control."""
    if result.reason:
        return result.reason
    control = report.control(result.control)
    if control is not None and control.status is not Status.PASSED:
        return f"{control.id} failed: {control.reason or 'no reason given'}"
    for check in result.checks:
        if check.status is result.status and check.reason:
            return check.reason
    return "no reason given"
