"""The closed sets of words that scenarios, events and reports are written in."""

from __future__ import annotations

import enum


class Role(enum.StrEnum):
    """What the implementation under test is."""

    AUTHORIZATION_SERVER = "authorization-server"
    TOOL_SERVER = "tool-server"
    AGENT_HOST = "agent-host"


class Severity(enum.StrEnum):
    """How bad it is when the scenario fails."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Level(enum.StrEnum):
    """How strongly a profile demands a requirement."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


class Status(enum.StrEnum):
    """The result of a check, a control or a scenario."""

    PASSED = "passed"
    """A legal outcome was observed."""
    FAILED = "failed"
    """An illegal outcome was observed, against a MUST."""
    WARNED = "warned"
    """An illegal outcome was observed, against a SHOULD."""
    INCONCLUSIVE = "inconclusive"
    """The control failed, or the evidence is missing, or the target limits its rate."""
    NOT_APPLICABLE = "not-applicable"
    """The target does not announce the feature, or the profile does not demand it."""
    NOT_RUN = "not-run"
    """A power is missing, or the scenario is disabled; the reason is given."""
    ERROR = "error"
    """Our own fault."""


#: From the worst to the best: a scenario's status is the worst of its checks.
WORST_FIRST = (
    Status.ERROR,
    Status.FAILED,
    Status.INCONCLUSIVE,
    Status.WARNED,
    Status.NOT_RUN,
    Status.PASSED,
    Status.NOT_APPLICABLE,
)


class FindingStatus(enum.StrEnum):
    """What a step of the preflight came to."""

    FINE = "fine"
    """As it should be."""
    NOTE = "note"
    """Worth knowing; nothing stops here."""
    WRONG = "wrong"
    """Nothing behind it can work; the preflight ends."""


class ExitCode(enum.IntEnum):
    """What the process tells its caller; the causes take precedence 4 > 1 > 3."""

    CONFORMANT = 0
    """Everything that was judged passed (or warned)."""
    FAILED = 1
    """A check failed, or the baseline is stale."""
    USAGE = 2
    """The command line, a scenario or a target file is wrong."""
    INCONCLUSIVE = 3
    """Something could not be judged, or the run was interrupted."""
    OWN_ERROR = 4
    """The suite itself is at fault."""
    NOTHING_RAN = 5
    """The selection is empty."""
    CTRL_C = 130
    """The person at the keyboard stopped it."""


class Outcome(enum.StrEnum):
    """Where a flow ended, judged from our own side."""

    COMPLETED = "completed"
    """Every step went as it should."""
    REFUSED_WITHOUT_REDIRECT = "refused-without-redirect"
    """The authorization server showed a page of its own; the browser went nowhere."""
    REFUSED_WITH_REDIRECT = "refused-with-redirect"
    """An error reached the redirect URI of the request."""
    REDIRECTED_ELSEWHERE = "redirected-elsewhere"
    """The browser was sent to a place that is not the redirect URI of the request."""
    REFUSED_AT_TOKEN = "refused-at-token"  # noqa: S105 - an outcome
    """The token endpoint issued nothing."""
    REFUSED_AT_REFRESH = "refused-at-refresh"
    """The token endpoint did not exchange the refresh token."""
    REFUSED_AT_REVOCATION = "refused-at-revocation"
    """The revocation endpoint refused."""
    REFUSED_AT_INTROSPECTION = "refused-at-introspection"
    """The introspection endpoint refused."""
    REFUSED_AT_RESOURCE = "refused-at-resource"
    """The access token does not work."""
    ISSUED_MORE_THAN_ONCE = "issued-more-than-once"
    """Several of the racing requests got tokens."""
    STOPPED_AT_CHALLENGE = "stopped-at-challenge"
    """The client got a 401 or 403 and did not go on."""
    STOPPED_AT_RESOURCE_METADATA = "stopped-at-resource-metadata"
    """The client got the resource's metadata and did not go on."""
    STOPPED_AT_SERVER_METADATA = "stopped-at-server-metadata"
    """The client got the authorization server's metadata and opened no browser."""
    STOPPED_AT_AUTHORIZATION_RESPONSE = "stopped-at-authorization-response"
    """The client got its callback and sent no token request."""
    STOPPED_AT_TOKEN_RESPONSE = "stopped-at-token-response"  # noqa: S105 - an outcome
    """The client got its tokens and used none."""
    STOPPED_AT_CALL = "stopped-at-call"
    """The client was let in and did not call the tool."""
    WENT_ASTRAY = "went-astray"
    """The client sent the browser, or a request, where no server of the flow is."""
    REFUSED_400 = "refused-400"
    """The tool server found the request malformed."""
    REFUSED_401 = "refused-401"
    """The tool server wants a token, or another one."""
    REFUSED_403 = "refused-403"
    """The tool server forbids it."""
    REFUSED_404 = "refused-404"
    """The tool server knows no such session, method or place."""
    REFUSED_OTHERWISE = "refused-otherwise"
    """The tool server refused with another status."""
    REFUSED_IN_RESULT = "refused-in-result"
    """The tool server refused in a JSON-RPC error, or in a result that is an error."""
    SERVER_ERROR = "server-error"
    """The tool server answered with 5xx."""
    RAN_ANYWAY = "ran-anyway"
    """The request was refused, and the tool's effect is there."""
    CLIENT_FAILED = "client-failed"
    """The tool was called, and the client says that it did not work."""
    NO_ANSWER = "no-answer"
    """No usable HTTP response arrived in time."""
    RATE_LIMITED = "rate-limited"
    """429, or `slow_down`: says nothing about the change."""


REFUSALS = frozenset(
    {
        Outcome.REFUSED_WITHOUT_REDIRECT,
        Outcome.REFUSED_WITH_REDIRECT,
        Outcome.REFUSED_AT_TOKEN,
        Outcome.REFUSED_AT_REFRESH,
        Outcome.REFUSED_AT_REVOCATION,
        Outcome.REFUSED_AT_INTROSPECTION,
        Outcome.REFUSED_400,
        Outcome.REFUSED_401,
        Outcome.REFUSED_403,
        Outcome.REFUSED_404,
        Outcome.REFUSED_OTHERWISE,
        Outcome.REFUSED_IN_RESULT,
    }
)
"""What the shorthand `refused` stands for."""


_BEFORE_AUTHORIZATION = frozenset(
    {
        Outcome.STOPPED_AT_CHALLENGE,
        Outcome.STOPPED_AT_RESOURCE_METADATA,
        Outcome.STOPPED_AT_SERVER_METADATA,
    }
)
_BEFORE_TOKENS = _BEFORE_AUTHORIZATION | {Outcome.STOPPED_AT_AUTHORIZATION_RESPONSE}

OUTCOME_SETS: dict[str, frozenset[Outcome]] = {
    "refused": REFUSALS,
    "no-authorization-request": _BEFORE_AUTHORIZATION,
    "no-token-request": _BEFORE_TOKENS,
    "stopped": _BEFORE_TOKENS
    | {Outcome.STOPPED_AT_TOKEN_RESPONSE, Outcome.STOPPED_AT_CALL},
}
"""Shorthands for several outcomes; the last three are about clients, where whatever
comes before the changed message is told apart by its delivery."""


class Turn(enum.StrEnum):
    """What brings the next answer of a place's name."""

    QUERY = "query"
    """A query."""
    FETCH = "fetch"
    """A request that the target made there."""


class DnsFault(enum.StrEnum):
    """What goes wrong with the answers about a place's name."""

    NO_SUCH_NAME = "no-such-name"
    """NXDOMAIN."""
    NO_ADDRESS = "no-address"
    """The name exists and has no addresses."""
    SERVER_FAILURE = "server-failure"
    """SERVFAIL."""
    SILENT = "silent"
    """No answer at all."""
    CIRCLE = "circle"
    """A CNAME that leads back to itself."""
    TRUNCATED = "truncated"
    """Over UDP only the first address comes, marked as cut; all come over TCP."""
    SLOW = "slow"
    """Every answer comes a second late."""


class Verb(enum.StrEnum):
    """What a step does."""

    METADATA = "metadata"
    """Read the authorization server's metadata."""
    AUTHORIZE = "authorize"
    """Send the browser with an authorization request; log in and consent. With
    `with = {until = "consent"}` as far as the question, with `until = "provider"` until
    the identity provider is next; with `browser = "client"` in the browser in which
    that client has been."""
    RETURN = "return"
    """Take the browser that was sent to the identity provider there and back, and agree
    to nothing on the way; with `with = {browser = "new"}` another one, with
    `state = "shown"` with each value that the server has shown, for the state."""
    REDEEM = "redeem"
    """Exchange the code for tokens; `with = {of = "client"}` sends the code of that
    client instead of one's own."""
    USE = "use"
    """Show that the access token works."""
    REFRESH = "refresh"
    """Exchange the refresh token; `with = {previous = true}` the one that was
    exchanged last, `with = {of = "client"}` that of another client."""
    REVOKE = "revoke"
    """Revoke the refresh token (or, `with = {token = "access"}`, the access token)."""
    INTROSPECT = "introspect"
    """Ask about the access token."""
    ROTATE = "rotate"
    """Publish a new key; `with = {keep = true}` keeps the old one beside it."""
    PUBLISH = "publish"
    """From here on serve the document and keys with the changes tied to this step."""
    ADVANCE = "advance"
    """Let `with = {seconds = n}` pass on the target's clock (power `clock`)."""
    RACE = "race"
    """Do `with = {do = "redeem", count = n}` at the same moment n times; with
    `codes = true` each time with a code of its own."""
    FLOOD = "flood"
    """Ask the authorization endpoint `with = {count = n}` times at once, in the browser
    that logged in; with `clients = true` one after the other, each time for a client of
    its own on the same host."""
    CONNECT = "connect"
    """Let the client call the tool; `as = "other"` on the second server. Towards a tool
    server: initialize, or ask what it is."""
    LIST = "list"
    """Ask for the tools."""
    CALL = "call"
    """Call the tool; `with = {session = "client"}` in that caller's session,
    `with = {fresh = true}` with a new token of the same caller, `with = {times = n}` n
    times with a new token each, `with = {upstream = true}` the tool that asks the API
    behind the server, `with = {beside = "other"}` the same while that caller calls it
    too, under the same JSON-RPC id."""
    DISCOVER = "discover"
    """Send a request without a token, and read the metadata that it leads to."""
    STREAM = "stream"
    """Open the stream of a session (GET)."""
    DISCONNECT = "disconnect"
    """End a session (DELETE)."""
    INSPECT = "inspect"
    """Fetch the document and the keys that the client publishes."""


ACTORS = ("client", "other")
"""Which of our identities can act in a step."""

STEP_OPTIONS: dict[Verb, frozenset[str]] = {
    Verb.METADATA: frozenset(),
    Verb.AUTHORIZE: frozenset({"browser", "until"}),
    Verb.RETURN: frozenset({"browser", "state"}),
    Verb.REDEEM: frozenset({"of"}),
    Verb.USE: frozenset(),
    Verb.REFRESH: frozenset({"of", "previous"}),
    Verb.REVOKE: frozenset({"token"}),
    Verb.INTROSPECT: frozenset({"anonymous"}),
    Verb.ROTATE: frozenset({"keep"}),
    Verb.PUBLISH: frozenset(),
    Verb.ADVANCE: frozenset({"seconds"}),
    Verb.RACE: frozenset({"do", "count", "codes"}),
    Verb.FLOOD: frozenset({"count", "clients"}),
    Verb.CONNECT: frozenset({"expired"}),
    Verb.INSPECT: frozenset(),
    Verb.LIST: frozenset(),
    Verb.CALL: frozenset({"beside", "fresh", "session", "times", "upstream"}),
    Verb.DISCOVER: frozenset(),
    Verb.STREAM: frozenset(),
    Verb.DISCONNECT: frozenset(),
}
"""What `with` may contain; a verb that is not here takes anything."""
