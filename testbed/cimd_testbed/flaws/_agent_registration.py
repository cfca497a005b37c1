"""Flaws of the agent host: how it becomes known, and how it opens the browser."""

from __future__ import annotations

from cimd_testbed import core
from cimd_testbed.core import Decision, JsonObject, TlsProblem, split_url
from cimd_testbed.flaws._flaw import agent_host as flaw
from cimd_testbed.flaws._flaw import tolerate

MANY = 12
"""How often a client that never gives up tries: an end, for the sake of the proof."""


@flaw(
    "agent-registers-first",
    "client_id_source",
    "Where there is a registration endpoint it is used, document or not.",
)
def _registers_first(preregistered: bool, metadata: JsonObject) -> str | None:
    if not preregistered and metadata.text("registration_endpoint") is not None:
        return "registration"
    return core.client_id_source(preregistered, metadata)


@flaw(
    "agent-registers-only",
    "client_id_source",
    "Dynamic registration is the only way that is known.",
)
def _registers_only(preregistered: bool, metadata: JsonObject) -> str | None:
    if metadata.text("registration_endpoint") is None:
        return None
    return "pre-registered" if preregistered else "registration"


@flaw(
    "agent-never-registers",
    "client_id_source",
    "Without support for documents the client gives up.",
)
def _never_registers(preregistered: bool, metadata: JsonObject) -> str | None:
    source = core.client_id_source(preregistered, metadata)
    return None if source == "registration" else source


@flaw(
    "agent-registration-anywhere",
    "registration_shelf",
    "Registrations are kept by the parent domain of the server that gave them.",
)
def _registration_anywhere(issuer: str) -> str:
    return split_url(issuer).host.partition(".")[2]


@flaw(
    "agent-registers-without-type",
    "registered_members",
    "A registration does not say what kind of application it is.",
)
def _registers_without_type(document: JsonObject) -> JsonObject:
    members = core.registered_members(document).plain()
    del members["application_type"]
    return JsonObject(members)


@flaw(
    "agent-registers-as-native",
    "registered_members",
    "Every registration is of a native application, wherever responses come back to.",
)
def _registers_as_native(document: JsonObject) -> JsonObject:
    members = core.registered_members(document).plain()
    return JsonObject({**members, "application_type": "native"})


@flaw(
    "agent-registers-again",
    "registration_again",
    "A registration that was refused is sent again and again.",
)
def _registers_again(refusals: int) -> bool:
    return refusals < MANY


@flaw(
    "agent-identifier-changes",
    "identity_path",
    "The client has a new identifier for every request.",
)
def _identifier_changes(name: str, chance: str) -> str:
    del name
    return f"/clients/{chance}"


@flaw(
    "agent-opens-through-a-shell",
    "opener",
    "The browser is opened by a line that a shell reads.",
)
def _opens_through_a_shell(url: str) -> tuple[str, ...]:
    return ("sh", "-c", f'xdg-open "{url}"')


@flaw(
    "agent-own-origin-first",
    "chosen_issuers",
    "An authorization server at the server's own origin goes before the listed ones.",
)
def _own_origin_first(metadata: JsonObject, server_url: str) -> tuple[str, ...]:
    listed = core.chosen_issuers(metadata, server_url)
    return (split_url(server_url).origin, *listed)


@flaw(
    "agent-metadata-remembered",
    "discovered_anew",
    "Metadata that was read once is never read again.",
)
def _metadata_remembered(known: bool) -> bool:
    return not known


@flaw(
    "agent-tls-unverified",
    "tls_problem",
    "Where TLS fails, the request is sent without verification.",
)
def _tls_unverified(problem: TlsProblem) -> Decision:
    return tolerate(core.server_tls(problem))


@flaw(
    "agent-certificate-name-ignored",
    "tls_problem",
    "A certificate may be for any name.",
)
def _certificate_name_ignored(problem: TlsProblem) -> Decision:
    decision = core.server_tls(problem)
    return tolerate(decision) if problem is TlsProblem.OTHER_NAME else decision


@flaw(
    "agent-callback-below",
    "callback_place",
    "A response may come in anywhere below the redirect URI.",
)
def _callback_below(expected: str, arrived: str) -> Decision:
    decision = core.callback_place(expected, arrived)
    return tolerate(decision) if arrived.startswith(expected) else decision


@flaw(
    "agent-callback-goes-on",
    "callback_onward",
    "After the response the browser goes where a parameter of it says.",
)
def _callback_goes_on(params: tuple[tuple[str, str], ...]) -> str | None:
    return dict(params).get("next")
