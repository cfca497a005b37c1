"""A run in which everything happens once, for the tests of the writers."""

from __future__ import annotations

from cimd_conformance.model import (
    SCHEMA_VERSION,
    AnyEvent,
    Check,
    ContactSeen,
    Control,
    Exchange,
    HttpMessage,
    Level,
    PlannedInstance,
    Role,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    ScenarioStarted,
    Severity,
    Status,
    TargetExited,
    TargetOutput,
)

CONTROL = "control/authorization-code[auth=none]"
BROKEN_CONTROL = "control/authorization-code[alg=ES256,auth=private_key_jwt,keys=jwks]"
UNLISTED = "cimd/redirect-uri/unlisted-host"
SMALL = "cimd/document/too-large"
REBIND = "cimd/fetch/rebinding[second answer,auth=none]"


def plan() -> list[PlannedInstance]:
    """Return one instance for each status."""
    return [
        _planned("cimd/flow/plain", "A plain flow completes", Severity.MEDIUM),
        _planned(
            UNLISTED,
            "A callback that the client's document does not list is refused, "
            "and the browser never goes there",
            Severity.CRITICAL,
            change=['authorization_request redirect_uri = "{evil.origin}/callback"'],
        ),
        _planned(SMALL, "A document of 6 KiB is not read to its end", Severity.LOW),
        _planned(
            "cimd/assertion/stale-key[auth=private_key_jwt]",
            "A key that was taken away no longer works",
            Severity.HIGH,
            control=BROKEN_CONTROL,
        ),
        _planned(REBIND, "A name is resolved once", Severity.HIGH),
        _planned("par/required", "A pushed request is accepted", Severity.LOW),
        _planned("cimd/cache/poison", "A broken scenario", Severity.HIGH),
    ]


def _planned(
    name: str,
    title: str,
    severity: Severity,
    *,
    change: list[str] | None = None,
    control: str = CONTROL,
) -> PlannedInstance:
    return PlannedInstance(
        id=name,
        title=title,
        role=Role.AUTHORIZATION_SERVER,
        severity=severity,
        requirements=["cimd-redirect-exact-match"],
        attacks=["authz-redirect-not-checked"],
        flaws=["redirect-uri-not-compared"],
        needs=["dns-control"] if name == REBIND else [],
        control=control,
        change=change or [],
    )


def header() -> RunStarted:
    """Return the header."""
    return RunStarted(
        at=0.0,
        schema=SCHEMA_VERSION,
        version="0.1.0",
        run_id="run-1",
        started="2026-01-02T03:04:05+00:00",
        target="reference",
        role=Role.AUTHORIZATION_SERVER,
        network="embedded",
        profile="hardened",
        seed=7,
        powers=["canary", "public-address"],
        plan=plan(),
    )


def footer() -> RunFinished:
    """Return the footer."""
    counts = {
        str(each): 1 for each in Status if each not in (Status.PASSED, Status.ERROR)
    }
    return RunFinished(
        at=9.5,
        verdict="error",
        exit_code=4,
        counts={"passed": 1, **counts, "error": 1},
        seconds=9.5,
    )


def exchange(scenario: str, number: int, **more: object) -> Exchange:
    """Return an authorization request and its answer."""
    fields: dict[str, object] = {
        "at": 1.0,
        "scenario": scenario,
        "number": number,
        "sender": "browser",
        "receiver": "target",
        "message": "authorization_request",
        "request": HttpMessage("GET /authorize?client_id=x HTTP/1.1"),
        "response": HttpMessage(
            "HTTP/1.1 302 Found",
            [("Location", "https://evil.example/callback?code=‹code-1›")],
        ),
    }
    return Exchange(**{**fields, **more})  # type: ignore[arg-type]


def contact(scenario: str, number: int) -> ContactSeen:
    """Return a contact with a place of the attacker."""
    return ContactSeen(
        at=1.1,
        scenario=scenario,
        number=number,
        place="evil",
        depth="http",
        address="203.0.113.7",
        port=443,
        name="evil.example",
        target="/callback",
    )


def check(scenario: str, status: Status, **more: object) -> Check:
    """Return a check of the redirect URI."""
    fields: dict[str, object] = {
        "at": 1.2,
        "scenario": scenario,
        "requirement": "cimd-redirect-exact-match",
        "level": Level.MUST,
        "status": status,
        "expected": ["refused-without-redirect"],
        "actual": "completed",
        "clause": "The redirect URI of a request is one of the document's "
        "(draft-03 §4.2).",
        "fix": "Compare the strings, before anything else looks at them.",
    }
    return Check(**{**fields, **more})  # type: ignore[arg-type]


def whole_run() -> list[AnyEvent]:
    """Return the events of the run."""
    limited = "The fetch is limited: the power dns-control is missing."
    return [
        header(),
        TargetOutput(at=0.1, line="listening"),
        exchange(CONTROL, 1),
        Control(at=0.2, id=CONTROL, status=Status.PASSED),
        exchange(
            BROKEN_CONTROL,
            2,
            sender="client",
            message="token_request",
            request=HttpMessage("POST /token HTTP/1.1"),
            response=HttpMessage("HTTP/1.1 401 Unauthorized"),
        ),
        Control(
            at=0.3,
            id=BROKEN_CONTROL,
            status=Status.INCONCLUSIVE,
            reason="The token endpoint refused: invalid_client.",
        ),
        ScenarioStarted(at=0.4, id="cimd/flow/plain"),
        exchange("cimd/flow/plain", 3),
        check("cimd/flow/plain", Status.PASSED, expected=["completed"]),
        ScenarioFinished(
            at=0.5, id="cimd/flow/plain", status=Status.PASSED, seconds=0.1
        ),
        ScenarioStarted(at=1.0, id=UNLISTED),
        exchange(UNLISTED, 4, changed=True),
        contact(UNLISTED, 5),
        check(UNLISTED, Status.FAILED, evidence=[4, 5]),
        ScenarioFinished(at=1.3, id=UNLISTED, status=Status.FAILED, seconds=0.3),
        check(
            SMALL,
            Status.WARNED,
            level=Level.SHOULD,
            requirement="cimd-document-size",
            expected=["refused", "body not read"],
            actual="6144 bytes were read",
            clause="",
            fix="",
        ),
        ScenarioFinished(at=1.4, id=SMALL, status=Status.WARNED),
        ScenarioFinished(
            at=1.5,
            id="cimd/assertion/stale-key[auth=private_key_jwt]",
            status=Status.INCONCLUSIVE,
            control=BROKEN_CONTROL,
        ),
        ScenarioFinished(at=1.6, id=REBIND, status=Status.NOT_RUN, reason=limited),
        ScenarioFinished(
            at=1.7,
            id="par/required",
            status=Status.NOT_APPLICABLE,
            reason="The target does not announce PAR.",
        ),
        ScenarioFinished(
            at=1.8,
            id="cimd/cache/poison",
            status=Status.ERROR,
            reason="KeyError: 'code'",
        ),
        TargetExited(at=9.0, code=3, last_output=["Traceback:", "  boom"]),
        footer(),
    ]
