"""A scenario as a story: a few sentences that are made from its data alone."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from typing import Any

from cimd_conformance.catalogue import describe_change
from cimd_conformance.model import (
    Change,
    Expect,
    Message,
    Outcome,
    Role,
    Scenario,
    Step,
    Verb,
)

_WHO = {
    Role.AUTHORIZATION_SERVER: "authorization server",
    Role.TOOL_SERVER: "tool server",
    Role.AGENT_HOST: "client",
}

_DOES = {
    Verb.METADATA: "the metadata is read",
    Verb.AUTHORIZE: "a person logs in and consents to {who}",
    Verb.RETURN: "a browser goes to the identity provider and back",
    Verb.REDEEM: "{who} redeems {whose} code",
    Verb.USE: "{who} uses its access token",
    Verb.REFRESH: "{who} exchanges {whose} refresh token",
    Verb.REVOKE: "{who} revokes its {token} token",
    Verb.INTROSPECT: "the access token of {who} is introspected",
    Verb.ROTATE: "{who} publishes a new key",
    Verb.PUBLISH: "what {who} publishes changes",
    Verb.ADVANCE: "{seconds} seconds pass",
    Verb.RACE: "{count} requests at the same moment {do}",
    Verb.FLOOD: "the browser sends {count} authorization requests for {who}",
    Verb.CONNECT: "{who} connects",
    Verb.LIST: "{who} asks for the tools",
    Verb.CALL: "{who} calls the tool",
    Verb.DISCOVER: "a request without a token leads to the metadata",
    Verb.STREAM: "{who} opens the stream of its session",
    Verb.DISCONNECT: "{who} ends its session",
    Verb.INSPECT: "the document and the keys that it publishes are fetched",
}
"""What each verb does, as half a sentence; options of the step fill the gaps."""

_UNTIL = {
    "consent": ", as far as the question",
    "provider": ", until the identity provider is next",
}
_BROWSER = {
    "new": " that has never been there",
    "client": ", in the browser of the first client",
}

_ENDS: dict[str, str] = {
    Outcome.COMPLETED: "lets the flow go on to its end",
    Outcome.REFUSED_WITHOUT_REDIRECT: "refuses on a page of its own",
    Outcome.REFUSED_WITH_REDIRECT: "sends an error to the redirect URI",
    Outcome.REDIRECTED_ELSEWHERE: "sends the browser elsewhere",
    Outcome.REFUSED_AT_TOKEN: "issues no token",
    Outcome.REFUSED_AT_REFRESH: "does not exchange the refresh token",
    Outcome.REFUSED_AT_REVOCATION: "refuses the revocation",
    Outcome.REFUSED_AT_INTROSPECTION: "refuses the introspection",
    Outcome.REFUSED_AT_RESOURCE: "issues a token that does not work",
    Outcome.ISSUED_MORE_THAN_ONCE: "issues tokens more than once",
    Outcome.STOPPED_AT_CHALLENGE: "stops after the challenge",
    Outcome.STOPPED_AT_RESOURCE_METADATA: "stops after the resource's metadata",
    Outcome.STOPPED_AT_SERVER_METADATA: "stops after the server's metadata",
    Outcome.STOPPED_AT_AUTHORIZATION_RESPONSE: "stops after the callback",
    Outcome.STOPPED_AT_TOKEN_RESPONSE: "uses none of the tokens that it got",
    Outcome.STOPPED_AT_CALL: "does not call the tool",
    Outcome.WENT_ASTRAY: "goes where no server of the flow is",
    Outcome.REFUSED_400: "answers 400",
    Outcome.REFUSED_401: "answers 401",
    Outcome.REFUSED_403: "answers 403",
    Outcome.REFUSED_404: "answers 404",
    Outcome.REFUSED_OTHERWISE: "refuses with another status",
    Outcome.REFUSED_IN_RESULT: "answers with an error in the result",
    Outcome.SERVER_ERROR: "answers 5xx",
    Outcome.RAN_ANYWAY: "refuses, and runs the tool",
    Outcome.CLIENT_FAILED: "says that the call failed",
    Outcome.NO_ANSWER: "gives no answer",
    Outcome.RATE_LIMITED: "limits the rate",
    "refused": "refuses",
    "no-authorization-request": "opens no browser",
    "no-token-request": "sends no token request",
    "stopped": "stops before the call",
}
"""What a target does, by the outcome that is seen."""

_CALLED = {
    Message.AS_METADATA: "authorization server's metadata",
    Message.PRM: "resource's metadata",
    Message.CHALLENGE: "challenge of the 401",
    Message.SCOPE_CHALLENGE: "challenge of the 403",
}
"""Messages whose names are not how people call them."""

_ACTORS = {"client": "the client", "other": "the other client"}

_MODULES = {
    Role.AUTHORIZATION_SERVER: "authorization_server",
    Role.TOOL_SERVER: "tool_server",
    Role.AGENT_HOST: "agent_host",
}


def story(scenario: Scenario) -> list[str]:
    """Return the paragraphs: what happens, the change, what is secure, and why."""
    paragraphs = [_happens(scenario), _changed(scenario)]
    secure = [_sentence(_secure(scenario.role, each)) for each in scenario.expect]
    paragraphs.append(" ".join(dict.fromkeys(secure)))
    if scenario.why:
        paragraphs.append(f"Why it matters: {scenario.why}")
    return paragraphs


def demands(expect: Expect) -> Iterator[str]:
    """Yield what an expectation asks of a message that came back, in words."""
    if expect.in_ is None:
        return
    path = ".".join(str(each) for each in expect.at)
    part = f"{expect.in_.value} {path}".rstrip()
    if expect.equals is not None:
        empty = expect.equals in ([], {})
        yield f"{part} is {'empty' if empty else shown(expect.equals)}"
    if expect.one_of:
        yield f"{part} is one of {', '.join(shown(each) for each in expect.one_of)}"
    if expect.contains is not None:
        yield f"{part} contains {shown(expect.contains)}"
    if expect.lacks is not None:
        yield f"{part} does not contain {shown(expect.lacks)}"
    if expect.at_most is not None:
        yield f"{part} is at most {expect.at_most}"
    if expect.same_as is not None:
        yield f"{part} is what it was after {expect.same_as}"
    if expect.absent:
        yield f"{part} is not there"
    if expect.present:
        yield f"{part} is there"


def shown(value: Any) -> str:
    """Return a value of a scenario as it is written in one."""
    return json.dumps(value, ensure_ascii=False)


def _happens(scenario: Scenario) -> str:
    """Return who does what, step by step."""
    steps = scenario.step or [Step(do=verb) for verb in _usual(scenario)]
    if not steps:
        return f"The flow is {scenario.flow}."
    told = "; ".join(_step(step, scenario.role) for step in steps)
    return _sentence(told)


def _usual(scenario: Scenario) -> tuple[Verb, ...]:
    """Return the verbs of the scenario's flow."""
    name = f"cimd_conformance.flows.{_MODULES[scenario.role]}"
    flows: dict[str, tuple[Verb, ...]] = importlib.import_module(name).FLOWS
    return flows.get(scenario.flow, ())


def _step(step: Step, role: Role) -> str:
    """Return one step as half a sentence, with its name where it has one."""
    other = step.as_ != "client"
    who = "another client" if other else "the client"
    of = step.with_.get("of")
    whose = "its" if of in (None, step.as_) else f"the {'first ' * other}client's"
    if step.with_.get("previous"):
        whose = "once more the previous"
    token = step.with_.get("token", "refresh")
    gaps = {"who": who, "whose": whose, "token": token, **_options(step)}
    told = _DOES[step.do].format(**gaps)
    if role is Role.AGENT_HOST and step.do is Verb.CONNECT:
        where = "another server" if other else "a server"
        told = f"the client is told to call a tool of {where}"
    told += _details(step)
    return f"{told} ({step.name})" if step.name else told


def _options(step: Step) -> dict[str, Any]:
    """Return the options that stand in a sentence, with what they are without."""
    raced = {"redeem": "redeem the code", "refresh": "exchange the refresh token"}
    named = str(step.with_.get("do", "send the request"))
    options = {"seconds": "some", "count": "several", **step.with_}
    return {**options, "do": raced.get(named, named)}


def _details(step: Step) -> str:
    """Return what the remaining options of a step add."""
    options = step.with_
    details = {
        "keep": " and keeps the old one" if options.get("keep") else "",
        "clients": ", one after the other under other names"
        * bool(options.get("clients")),
        "codes": ", each with a code of its own" if options.get("codes") else "",
        "fresh": " with a new token" if options.get("fresh") else "",
        "expired": " with a token that has expired" if options.get("expired") else "",
        "anonymous": " by nobody in particular" if options.get("anonymous") else "",
        "until": _UNTIL.get(str(options.get("until")), ""),
        "browser": _BROWSER.get(str(options.get("browser")), ""),
        "state": ", with each value that was shown as the state",
        "beside": ", while another client calls it under the same JSON-RPC id",
        "session": f" in the session of {_ACTORS.get(str(options.get('session')))}",
    }
    added = "".join(details[name] for name in options if name in details)
    if step.do is Verb.ROTATE and not options.get("keep"):
        added += " and takes the old one away"
    return added


def _changed(scenario: Scenario) -> str:
    """Return what is different from the legitimate flow."""
    if not scenario.change:
        if scenario.step:
            return "No message is changed: the question is what these steps lead to."
        return "Nothing is changed: the question is whether this works."
    told = "; ".join(_change(each) for each in scenario.change)
    begin = "One thing is" if len(scenario.change) == 1 else "This is"
    text = _sentence(f"{begin} changed: {told}")
    if any("{evil" in shown(each.value) for each in scenario.change):
        text += " ({evil…} is a place of the attacker's.)"
    return text


def _change(change: Change) -> str:
    """Return a change in words, its message as people call it."""
    name, _, rest = describe_change(change).partition(" ")
    if change.in_ is Message.FLOW:
        return f"wherever it stands, {rest}"
    name = _CALLED.get(change.in_, name.replace("_", " "))
    return f"in the {name}, {rest}" if change.at else f"the {name} {rest}"


def _secure(role: Role, expect: Expect) -> str:
    """Return what a secure implementation does, as one expectation has it."""
    parts = []
    if expect.outcome:
        ways = " or ".join(_ENDS.get(str(each), str(each)) for each in expect.outcome)
        parts.append(f"a secure {_WHO[role]} {ways}")
    if expect.untouched:
        parts.append(f"{' and '.join(expect.untouched)} must not be reached")
    if expect.unasked:
        parts.append(f"{' and '.join(expect.unasked)} must get no request")
    if expect.touched:
        parts.append(f"{' and '.join(expect.touched)} must be reached")
    parts += [f"it must be seen that {each}" for each in demands(expect)]
    when = f"at the step {expect.step}, " if expect.step else ""
    return when + "; ".join(parts)


def _sentence(text: str) -> str:
    """Return a text that begins like a sentence and ends like one."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?")) else f"{text}."
