"""What `doctor` asks of an authorization server that starts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cimd_conformance.engine._diagnose_start import endpoints_elsewhere
from cimd_conformance.engine._diagnose_tokens import wrong_issuer
from cimd_conformance.engine._diagnosis import Diagnosis, listed
from cimd_conformance.flows.authorization_server import TargetView
from cimd_conformance.model import Exchange
from cimd_conformance.target import TargetFile
from cimd_testbed.core import split_url


def metadata_of(view: TargetView) -> str:
    """Say where the metadata were found, and what they name."""
    ends = ("authorization_endpoint", "token_endpoint")
    return "\n".join(
        (
            f"found at {split_url(view.metadata_url).path}",
            f"issuer: {view.metadata.get('issuer')}",
            *(f"{name}: {view.endpoint(name)}" for name in ends),
        )
    )


def wrong_metadata(view: TargetView, file: TargetFile) -> Diagnosis | None:
    """Return what in the metadata keeps every flow from working."""
    if view.foreign_origins:
        ends = ("authorization_endpoint", "token_endpoint")
        wrong = {
            name: url
            for name in ends
            if split_url(url := view.endpoint(name)).origin.lower()
            in view.foreign_origins
        }
        origins = {split_url(view.issuer).origin}
        return endpoints_elsewhere(wrong, origins, file.server.env)
    announced = str(view.metadata.get("issuer"))
    if announced != view.issuer:
        return wrong_issuer(view.issuer, announced, "its metadata")
    return None


def features_of(view: TargetView) -> tuple[str, str]:
    """Say what the metadata announce; and, where it may surprise, what that means."""
    metadata = view.metadata
    cimd = metadata.get("client_id_metadata_document_supported")
    methods = metadata.get("token_endpoint_auth_methods_supported")
    pkce = metadata.get("code_challenge_methods_supported")
    iss = metadata.get("authorization_response_iss_parameter_supported") is True
    lines = (
        f"client_id_metadata_document_supported: {_shown(cimd)}",
        f"code_challenge_methods_supported: {_shown(pkce)}",
        f"token_endpoint_auth_methods_supported: {_shown(methods)}",
        f"grant_types_supported: {_shown(metadata.get('grant_types_supported'))}",
        f"authorization_response_iss_parameter_supported: {_shown(iss)}",
    )
    return "\n".join(lines), " ".join(_surprises(cimd, pkce))


def _surprises(cimd: object, pkce: object) -> Iterator[str]:
    if cimd is not True:
        yield (
            "Client metadata documents are not announced: clients will not try them, "
            "and a scenario says so. Switch them on if that is not meant."
        )
    if not isinstance(pkce, list) or "S256" not in pkce:
        yield "PKCE with S256 is not announced: MCP clients refuse to go on."


def _shown(value: object) -> str:
    if isinstance(value, list):
        return listed(value) or "none"
    if value is None:
        return "not announced"
    return str(value).lower() if isinstance(value, bool) else str(value)


def fetched(exchanges: Iterable[Exchange]) -> list[str]:
    """Return what the target fetched from our client's host."""
    urls = [
        one.request.start.partition(" ")[2]
        for one in exchanges
        if one.sender == "target" and one.receiver == "client"
    ]
    return list(dict.fromkeys(urls))


def logged_in(exchanges: Iterable[Exchange], view: TargetView) -> str:
    """Say how the browser got through login and consent."""
    seen = [one.message for one in exchanges]
    logins, consents = seen.count("login_request"), seen.count("consent_request")
    words = []
    if logins:
        words.append(f"logged in as {view.users[0].username!r}")
    if consents:
        words.append(f"pressed {consents} button{'s' * (consents > 1)} of consent")
    return f"The browser {' and '.join(words) or 'was asked nothing'}, and got a code."
