"""What the verbs share: how a step ends, and how a response is described."""

from __future__ import annotations

from cimd_conformance.flows._flow import StepEnd
from cimd_conformance.flows._json import read_json
from cimd_conformance.model import Outcome, Step
from cimd_testbed.net import Headers, Response

FORM: Headers = (
    ("Content-Type", "application/x-www-form-urlencoded"),
    ("Accept", "application/json"),
)


def end(step: Step, outcome: Outcome, detail: str) -> StepEnd:
    """Make the end of a step."""
    return StepEnd(step.do, step.name, outcome, detail)


def describe(response: Response) -> str:
    """Say in one line what a response was."""
    try:
        value = read_json(response.body)
    except ValueError:
        kind = response.header("content-type") or "no content type"
        return f"HTTP {response.status} ({kind})"
    error = value.get("error") if isinstance(value, dict) else None
    return f"HTTP {response.status}" + (f" {error}" if error else "")


def unjudged(response: Response) -> Outcome | None:
    """Return the outcome of an answer that says nothing about what was asked.

    Asked too often, or at a bad moment. 502 and 504 are answers: some servers say so
    when a client's document cannot be had; one that has died gives no answer at all.
    """
    if response.status == 429 or b'"slow_down"' in response.body:
        return Outcome.RATE_LIMITED
    return Outcome.NO_ANSWER if response.status == 503 else None
