"""From what was seen of a failed control to its cause: rule by rule, no network."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cimd_conformance.engine._diagnose import (
    diagnose_agent_host,
    diagnose_authorization_server,
    diagnose_tool_server,
)
from cimd_conformance.engine._diagnose_agent import AgentCase
from cimd_conformance.engine._diagnose_authorize import AsCase
from cimd_conformance.engine._diagnose_reach import runtime_of, trust
from cimd_conformance.engine._diagnose_start import Boot, cannot_start, not_ready
from cimd_conformance.engine._diagnose_tokens import granted_less, wrong_issuer
from cimd_conformance.engine._diagnose_tool import ToolCase, ToolServer, furthest
from cimd_conformance.engine._diagnosis import Case, DiagnosedError, Diagnosis, printed
from cimd_conformance.engine._doctor_clock import clock, skews
from cimd_conformance.evidence import Seen
from cimd_conformance.flows import FlowResult, StepEnd
from cimd_conformance.flows.agent_host import AgentView
from cimd_conformance.flows.authorization_server import TargetView
from cimd_conformance.flows.tool_server import ToolCall, ToolView
from cimd_conformance.model import Exchange, HttpMessage, Message, Outcome, Role, Verb
from cimd_conformance.target import Client, Server, TargetFile
from cimd_testbed.net import Contact, Depth, ListeningSocket
from cimd_testbed.parties import Credentials, new_key, sign_jwt

ORIGIN = "https://as.example"
DOCUMENT = {"client_id": "https://client.example/c.json", "client_name": "C"}
METADATA = {
    "issuer": ORIGIN,
    "token_endpoint": f"{ORIGIN}/token",
    "jwks_uri": f"{ORIGIN}/jwks",
    "scopes_supported": ["read", "offline_access"],
    "token_endpoint_auth_methods_supported": ["private_key_jwt"],
}


def exchange(
    message: str = "authorization_request",
    start: str = f"GET {ORIGIN}/authorize?x=y",
    status: int | None = 400,
    body: Any = "",
    *,
    sender: str = "browser",
    receiver: str = "target",
    sent: str = "",
    **headers: str,
) -> Exchange:
    text = body if isinstance(body, str) else json.dumps(body)
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    response = None if status is None else HttpMessage(str(status), named, text)
    request = HttpMessage(start, [], sent)
    return Exchange(1.0, "control", 1, sender, receiver, message, request, response)


def document(value: dict[str, Any] | None = None) -> Exchange:
    """Return the fetch of the client metadata document."""
    return exchange(
        "client_document",
        "GET https://client.example/c.json",
        200,
        DOCUMENT | (value or {}),
        sender="target",
        receiver="client",
    )


def flow(
    verb: Verb, outcome: Outcome, detail: str = "detail", **messages: Any
) -> FlowResult:
    named = {Message(name): value for name, value in messages.items()}
    end = StepEnd(verb, None, outcome, detail)
    return FlowResult(outcome, detail, [end], named, changed=True)


def server(
    result: FlowResult,
    *exchanges: Exchange,
    file: dict[str, Any] | None = None,
    output: tuple[str, ...] = (),
    seen: tuple[Seen, ...] = (),
    lab: bool = True,
    **view: Any,
) -> Diagnosis:
    """Diagnose a flow of an authorization server."""
    values: dict[str, Any] = {
        "name": "T",
        "issuer": ORIGIN,
        "metadata": METADATA,
        "resource": f"{ORIGIN}/mcp",
        "scope": "read",
        "shown_by": "call",
        "users": (Credentials("alice", "secret"),),
        "own_origins": frozenset({ORIGIN}),
        "document": {},
        "accommodations": {},
        **view,
    }
    base = {"schema": 1, "name": "T", "role": "authorization-server"}
    described = msgspec.convert(base | (file or {}), TargetFile)
    case: AsCase = Case(
        TargetView(**values), described, result, exchanges, seen, (), output, lab
    )
    return diagnose_authorization_server(case)


KEPT = flow(Verb.AUTHORIZE, Outcome.REFUSED_WITHOUT_REDIRECT, "page: HTTP 400")
LOST = flow(Verb.AUTHORIZE, Outcome.NO_ANSWER, "login and consent never ended")


# --- the document -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "member"),
    [
        ("client metadata: contacts is missing", "contacts"),
        ("The document must contain `logo_uri`.", "logo_uri"),
        ("missing required field: tos_uri", "tos_uri"),
        ("application_type: Field required", "application_type"),
        ('invalid_client_metadata: "vendor_id" is required', "vendor_id"),
        ("policy_uri Required", "policy_uri"),
    ],
)
def test_a_member_that_is_missing(said, member):
    found = server(
        KEPT, document(), exchange(body={"error": "x", "error_description": said})
    )
    assert found.code == "document-member-missing"
    assert found.fields == (f"client_document.{member}",)
    assert member in found.mend


@pytest.mark.parametrize(
    "said",
    [
        "code_challenge is required",
        "redirect_uri is missing",
        "client_name is missing",
        "state: required",
        "nothing fits",
    ],
)
def test_what_is_no_member_of_the_document(said):
    found = server(
        KEPT, document(), exchange(body={"error": "x", "error_description": said})
    )
    assert found.code != "document-member-missing"


def test_a_member_that_is_wrong():
    page = exchange(
        body={
            "error": "invalid_client_metadata",
            "error_description": "unsupported grant_types",
        }
    )
    found = server(KEPT, document({"grant_types": ["x"]}), page)
    assert found.code == "document-member-wrong"
    assert '["x"]' in found.cause


def test_a_member_is_missed_only_in_a_document_that_was_fetched():
    found = server(KEPT, exchange(body={"error_description": "contacts is missing"}))
    assert found.code == "document-not-fetched"
    assert "asked nobody" in found.cause


# --- login --------------------------------------------------------------------------


def login(status: int, body: str = "<form>") -> Exchange:
    return exchange(
        "login_request",
        f"POST {ORIGIN}/login",
        status,
        body,
        sent="user=alice&password=‹p›",
    )


@pytest.mark.parametrize(
    ("result", "exchanges"),
    [
        (LOST, (login(200), login(200))),
        (KEPT, (login(401),)),
        (KEPT, (login(400, "<p>Invalid username or password</p>"),)),
        (KEPT, (login(200, "<p>Login failed, try again</p>"),)),
    ],
)
def test_nobody_is_logged_in(result, exchanges):
    found = server(result, document(), *exchanges)
    assert found.code == "login-failed"
    assert found.fields == ("login.users",)
    assert "`user`, `password`" in found.cause


def test_a_login_that_works_is_not_to_blame():
    page = exchange("redirect", status=500, body="oops")
    found = server(
        KEPT, document(), login(302), page, output=("TypeError: no", "access")
    )
    assert found.code == "target-error"
    assert "TypeError: no" in found.cause


def test_consent_that_never_ends():
    again = exchange("consent_request", f"POST {ORIGIN}/ok", 200, sent="otp=1")
    found = server(LOST, document(), again, again)
    assert (found.code, found.step) == ("consent-loop", "login")


def test_consent_that_is_refused():
    result = flow(
        Verb.AUTHORIZE,
        Outcome.REFUSED_WITH_REDIRECT,
        "error redirect: access_denied",
        authorization_response={"error": "access_denied", "error_description": "no"},
    )
    found = server(result, document(), exchange(status=302))
    assert found.code == "consent-refused"
    assert "access_denied: no" in found.cause


@pytest.mark.parametrize(
    ("body", "said"), [("<p>Hi</p>", "Hi"), ("<script>x</script>", "JavaScript")]
)
def test_a_page_without_a_form(body, said):
    page = exchange(status=200, body=body, content_type="text/html")
    found = server(KEPT, document(), page)
    assert found.code == "no-form"
    assert said in found.cause


@pytest.mark.parametrize(
    ("url", "code", "field"),
    [
        ("https://login.example.com/x", "login-origin", "login.origins"),
        ("http://localhost:9000/login", "public-url", "server.env"),
        ("http://127.0.0.1:9000/login", "public-url", "server.env"),
    ],
)
def test_a_browser_that_is_sent_elsewhere(url, code, field):
    result = flow(
        Verb.AUTHORIZE, Outcome.REDIRECTED_ELSEWHERE, f"browser sent to {url}"
    )
    found = server(result, document(), exchange(status=302))
    assert (found.code, found.fields[0]) == (code, field)


@pytest.mark.parametrize("url", ["//[", "http://[:x/", "", "javascript:alert(1)"])
def test_a_place_that_no_url_library_can_read(url):
    detail = f"browser sent to {url}"
    result = flow(Verb.AUTHORIZE, Outcome.REDIRECTED_ELSEWHERE, detail)
    assert server(result, exchange(status=302)).code == "login-origin"


# --- what was asked for -------------------------------------------------------------


@pytest.mark.parametrize(
    "said", ["invalid_scope", "unknown scope", "scope read is not allowed here"]
)
def test_a_scope_that_is_not_known(said):
    found = server(
        KEPT, document(), exchange(body={"error": "e", "error_description": said})
    )
    assert found.code == "scope-not-granted"
    assert "read, offline_access" in found.cause


def test_a_resource_that_is_not_known():
    found = server(KEPT, document(), exchange(body={"error": "invalid_target"}))
    assert (found.code, found.fields[0]) == ("resource-unknown", "resource.uri")


def test_loopback_is_told_where_nothing_was_fetched():
    page = exchange(body={"error": "invalid_client"})
    assert "use the lab" in server(KEPT, page, lab=False).mend
    assert "use the lab" not in server(KEPT, page).mend


def test_an_endpoint_that_is_not_there():
    assert server(KEPT, document(), exchange(status=404)).code == "endpoint-wrong"


def test_when_nothing_fits_the_words_are_repeated():
    found = server(
        KEPT, document(), exchange(body={"error": "odd"}), output=("Error: bad day",)
    )
    assert found.code == "refused"
    assert "odd" in found.cause
    assert "Error: bad day" in found.cause


# --- no answer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "detail", "code"),
    [
        (Outcome.RATE_LIMITED, "HTTP 429", "rate-limited"),
        (Outcome.NO_ANSWER, "no answer: TimeoutError ", "too-slow"),
        (Outcome.NO_ANSWER, "no answer: HttpError broke", "no-answer"),
    ],
)
def test_no_answer(outcome, detail, code):
    found = server(flow(Verb.REDEEM, outcome, detail), exchange("token_request"))
    assert found.code == code


# --- trust --------------------------------------------------------------------------


def hello(trouble: str | None, depth: Depth = Depth.CLIENT_HELLO) -> Seen:
    return Seen(1, "client", depth, "what", trouble)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ((hello(None), hello("unknown ca")), "alert “unknown ca”"),
        ((hello(None), hello("the client hung up")), "hung up in the handshake"),
        ((hello(None), hello(None, Depth.TLS)), "without a request"),
    ],
)
def test_no_trust_in_our_ca(seen, said):
    found = server(KEPT, exchange(status=500), seen=seen)
    assert (found.step, found.code) == ("tls", "untrusted-ca")
    assert said in found.cause


def test_a_guard_that_looks_late_is_thought_of_on_loopback():
    seen = (hello(None), hello("the client hung up"))
    there = server(KEPT, exchange(status=500), seen=seen, lab=False)
    assert "works in the lab alone" in there.mend
    assert "alone" not in server(KEPT, exchange(status=500), seen=seen).mend


def test_what_it_printed_about_certificates():
    line = (
        "httpx.ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"
    )
    assert server(KEPT, exchange(status=500), output=(line,)).code == "untrusted-ca"
    fetched = server(KEPT, document(), exchange(status=500), output=(line,))
    assert fetched.code == "target-error"


def test_a_target_that_came_through_trusts_us():
    seen = (hello("unknown ca"), hello(None, Depth.TLS), hello(None, Depth.HTTP))
    assert server(KEPT, document(), exchange(), seen=seen).code != "untrusted-ca"


def contact(depth: Depth, trouble: str | None = None) -> Contact:
    address = ipaddress.IPv4Address("127.0.0.1")
    return Contact(0.0, depth, address, 9000, "localhost", trouble=trouble)


def test_on_loopback_the_port_tells():
    base = server(KEPT, exchange(status=500))
    assert base.code == "target-error"
    described = TargetFile(
        1, "T", Role.AGENT_HOST, client=Client(command=["node", "x"])
    )
    strays = (contact(Depth.TCP), contact(Depth.CLIENT_HELLO, "unknown ca"))
    view = AgentView("T", frozenset(), ("2025-11-25",), {})
    result = flow(Verb.CONNECT, Outcome.NO_ANSWER, "last seen: nothing; exit code 1")
    case: AgentCase = Case(view, described, result, strays=strays, lab=False)
    found = diagnose_agent_host(case)
    assert found.code == "untrusted-ca"
    assert found.fields == ("client.env",)
    assert 'NODE_EXTRA_CA_CERTS = "{ca_file}"' in found.mend


@pytest.mark.parametrize(
    ("argv", "runtime"),
    [
        (["{python}", "x.py"], "Python"),
        (["/opt/venv/bin/python3.12", "x.py"], "Python"),
        (["node", "x.mjs"], "Node"),
        (["java", "-jar", "x.jar"], "Java"),
        (["./server"], None),
        ([], None),
    ],
)
def test_runtimes(argv, runtime):
    assert runtime_of(argv) == runtime


@pytest.mark.parametrize("lab", [True, False])
def test_a_variable_that_points_elsewhere_is_named(lab):
    env = {"SSL_CERT_FILE": "/etc/ca.pem", "NODE_EXTRA_CA_CERTS": "{ca_file}"}
    file = TargetFile(1, "T", Role.TOOL_SERVER, Server(start=["./x"], env=env))
    mend, fields = trust(file, lab=lab)
    assert fields == ("server.env.SSL_CERT_FILE",)
    assert 'SSL_CERT_FILE = "{bundle_file}"' in mend


def test_a_java_program_needs_a_store():
    file = TargetFile(1, "T", Role.TOOL_SERVER, Server(start=["java"]))
    assert "keytool" in trust(file, lab=True)[0]


# --- tokens -------------------------------------------------------------------------

SENT = "grant_type=authorization_code&client_assertion=eyJ"
REFUSED = flow(Verb.REDEEM, Outcome.REFUSED_AT_TOKEN, "HTTP 401 invalid_client")


def token_request(body: Any, sent: str = SENT, status: int = 401) -> Exchange:
    return exchange("token_request", f"POST {ORIGIN}/token", status, body, sent=sent)


@pytest.mark.parametrize(
    ("said", "output", "code"),
    [
        ("wrong audience", (), "assertion-audience"),
        ("no", ("jwt: audience mis", "match (got x)"), "assertion-audience"),
        ("unexpected typ", (), "assertion-type"),
        ("inline jwks are not supported", (), "jwks-uri-only"),
        ("no", (), "assertion-refused"),
    ],
)
def test_an_assertion_that_is_refused(said, output, code):
    body = {"error": "invalid_client", "error_description": said}
    found = server(REFUSED, token_request(body), output=output)
    assert found.code == code
    assert found.fields == ("accommodation",)


def test_an_accommodation_that_is_declared_is_not_proposed():
    body = {"error": "invalid_client", "error_description": "wrong audience"}
    known = {"assertion-audience": f"{ORIGIN}/token"}
    found = server(REFUSED, token_request(body), accommodations=known)
    assert found.code == "assertion-refused"
    assert f"Its audience was {ORIGIN}/token" in found.cause
    assert "assertion-audience," not in found.mend.partition("one after")[0]


def test_a_public_client_that_is_refused():
    found = server(REFUSED, token_request({"error": "invalid_client"}, "grant_type=x"))
    assert found.code == "public-client-refused"
    assert "private_key_jwt" in found.cause


def test_a_moment_that_does_not_suit():
    body = {"error": "invalid_client", "error_description": "iat is in the future"}
    found = server(REFUSED, token_request(body))
    assert (found.code, found.step) == ("clock-skew", "clock")


@pytest.mark.parametrize(
    ("scope", "mend"),
    [("read", '"read offline_access"'), ("offline_access", "disable")],
)
def test_no_refresh_token(scope, mend):
    result = flow(Verb.REFRESH, Outcome.NO_ANSWER, "no refresh token was issued")
    found = server(result, scope=scope)
    assert found.code == "no-refresh-token"
    assert mend in found.mend


def test_credentials_of_the_resource_server():
    result = flow(Verb.INTROSPECT, Outcome.REFUSED_AT_INTROSPECTION, "HTTP 401")
    found = server(result, exchange("introspection_request", status=401))
    assert found.fields == ("resource.client_id", "resource.client_secret")


def using(detail: str, **claims: Any) -> FlowResult:
    key = new_key("ES256")
    header = {"alg": "ES256", "kid": key.kid}
    token = sign_jwt(header, claims, key) if claims else "opaque"
    response = {"access_token": token, "scope": "read"}
    return flow(Verb.USE, Outcome.REFUSED_AT_RESOURCE, detail, token_response=response)


@pytest.mark.parametrize(
    ("result", "code", "field"),
    [
        (using("the access token is no JWT signed"), "shown-by", "resource.shown_by"),
        (using("no JWT signed by", iss="x"), "shown-by", "resource.shown_by"),
        (
            using("names another issuer", iss=f"{ORIGIN}/"),
            "wrong-issuer",
            "server.issuer",
        ),
        (
            using("is not for the resource", aud="https://x"),
            "token-audience",
            "resource.uri",
        ),
        (using("has expired", iat=1), "clock-skew", "server.env"),
    ],
)
def test_a_token_judged_by_keys(result, code, field):
    found = server(result, exchange("as_jwks", status=200, body={}), shown_by="jwks")
    assert (found.code, found.fields[0]) == (code, field)


@pytest.mark.parametrize("shown_by", ["jwks", "introspection"])
def test_no_endpoint_to_show_it_by(shown_by):
    result = using("no answer: HttpError Only absolute")
    found = server(result, exchange(start="GET "), shown_by=shown_by, metadata={})
    assert found.code == "shown-by"
    assert '`resource.shown_by = "call"`' in found.mend


@pytest.mark.parametrize(
    ("status", "scope", "code"),
    [
        (404, "read", "resource-wrong"),
        (401, "read", "token-not-accepted"),
        (401, "write", "scope-not-granted"),
        (403, "read", "token-not-accepted"),
        (500, "read", "refused"),
    ],
)
def test_a_token_judged_by_a_call(status, scope, code):
    result = using(f"the resource answered HTTP {status}")
    call = exchange("mcp_initialize", f"POST {ORIGIN}/mcp", status, "no")
    assert server(result, call, scope=scope).code == code


def test_a_token_judged_by_userinfo():
    metadata = {"userinfo_endpoint": f"{ORIGIN}/me"}
    result = using("the userinfo endpoint answered HTTP 401")
    said = exchange("userinfo_request", status=401)
    found = server(result, said, shown_by="userinfo", metadata=metadata)
    assert (found.code, found.fields[0]) == ("token-not-accepted", "resource.scope")
    assert "has no openid" in found.cause
    keys = {"jwks_uri": f"{ORIGIN}/jwks", **metadata}
    found = server(using("is no JWT"), said, shown_by="jwks", metadata=keys)
    assert '"userinfo"' in found.mend


def test_a_token_judged_by_introspection():
    metadata = {"introspection_endpoint": f"{ORIGIN}/introspect"}
    more: dict[str, Any] = {"shown_by": "introspection", "metadata": metadata}
    said = exchange("introspection_request", status=200, body={"active": False})
    assert server(using("not active"), said, **more).code == "token-inactive"
    said = exchange("introspection_request", status=401)
    assert server(using("not active"), said, **more).code == "credentials-refused"


@pytest.mark.parametrize(
    ("asked", "granted", "wrong"),
    [("a b", "a", True), ("a", "b", True), ("a", "a b", False), ("a", None, False)],
)
def test_less_scope_than_was_asked_for(asked, granted, wrong):
    response = {"scope": granted} if granted is not None else {}
    result = flow(Verb.USE, Outcome.COMPLETED, token_response=response)
    assert (granted_less(result, asked) is not None) is wrong


def test_an_issuer_that_differs_in_a_slash():
    found = wrong_issuer(ORIGIN, f"{ORIGIN}/", "its metadata")
    assert "the slash at the end" in found.cause
    assert '`server.issuer = "{origin}/"`' in found.mend
    assert (
        '"https://other.example"'
        in wrong_issuer(ORIGIN, "https://other.example", "").mend
    )


# --- tool servers -------------------------------------------------------------------

MCP = "https://mcp.example/mcp"
ISSUER = "https://auth.example/issuer"


def tools(
    verb: Verb,
    outcome: Outcome,
    *exchanges: Exchange,
    metadata: dict[str, Any] | None = None,
    strays: tuple[Contact, ...] = (),
    file: dict[str, Any] | None = None,
    effect: ToolCall | None = None,
    detail: str = "detail",
    listed: tuple[str, ...] = ("read", "write"),
    **view: Any,
) -> ToolCase:
    values: dict[str, Any] = {
        "name": "T",
        "resource": MCP,
        "audience": MCP,
        "scope": "read",
        "tool_scope": "",
        "tool": ToolCall("write", {}),
        "effect": effect,
        "source": "jwks",
        "protocols": frozenset(),
        **view,
    }
    facts = ToolServer(ToolView(**values), ISSUER, metadata or {}, listed)
    base = {"schema": 1, "name": "T", "role": "tool-server"}
    described = msgspec.convert(base | (file or {}), TargetFile)
    return Case(facts, described, flow(verb, outcome, detail), exchanges, (), strays)


def asked(path: str) -> tuple[Contact, ...]:
    address = ipaddress.IPv4Address("93.184.215.34")
    return (Contact(0.0, Depth.HTTP, address, 443, "auth.example", path),)


def answer(status: int, body: Any = "", **headers: str) -> Exchange:
    return exchange("mcp_request initialize", f"POST {MCP}", status, body, **headers)


KEYS = asked("/issuer/jwks")


@pytest.mark.parametrize(
    ("case", "code", "field"),
    [
        (
            tools(Verb.CONNECT, Outcome.REFUSED_404, answer(404)),
            *("resource-wrong", "resource.uri"),
        ),
        (
            tools(Verb.CONNECT, Outcome.REFUSED_401, answer(401)),
            *("issuer-not-asked", "server.env"),
        ),
        (
            tools(
                Verb.CONNECT,
                Outcome.REFUSED_401,
                answer(401),
                metadata={"authorization_servers": ["https://x.example"]},
                file={"server": {"env": {"ISSUER": "https://x.example/"}}},
            ),
            *("issuer-other", "server.env.ISSUER"),
        ),
        (
            tools(
                Verb.CONNECT,
                Outcome.REFUSED_401,
                answer(401),
                strays=asked("/issuer/introspect"),
            ),
            *("judged-by", "tokens.judged_by"),
        ),
        (
            tools(
                Verb.CONNECT,
                Outcome.REFUSED_401,
                answer(401),
                strays=KEYS,
                source="introspection",
            ),
            *("judged-by", "tokens.judged_by"),
        ),
        (
            tools(
                Verb.CONNECT,
                Outcome.REFUSED_401,
                answer(401),
                strays=KEYS,
                metadata={"resource": "https://mcp.example/"},
            ),
            *("token-audience", "tokens.audience"),
        ),
        (
            tools(
                Verb.CONNECT,
                Outcome.REFUSED_401,
                answer(
                    401, www_authenticate='Bearer error_description="alg not allowed"'
                ),
                strays=KEYS,
            ),
            *("token-algorithm", "tokens.alg"),
        ),
        (
            tools(Verb.CONNECT, Outcome.REFUSED_401, answer(401), strays=KEYS),
            *("token-not-accepted", "tokens.audience"),
        ),
        (
            tools(
                Verb.CONNECT, Outcome.REFUSED_403, answer(421, "Invalid Host header")
            ),
            *("host-refused", "server.env"),
        ),
        (
            tools(
                Verb.CALL,
                Outcome.REFUSED_403,
                answer(403, www_authenticate='Bearer scope="write"'),
            ),
            *("scope-not-granted", "resource.scope"),
        ),
        (
            tools(
                Verb.CALL,
                Outcome.REFUSED_IN_RESULT,
                answer(200),
                tool=ToolCall("wrte", {}),
            ),
            *("tool-missing", "tool.call"),
        ),
        (
            tools(
                Verb.CALL,
                Outcome.REFUSED_IN_RESULT,
                answer(200),
                effect=ToolCall("raed", {}),
            ),
            *("tool-missing", "tool.effect"),
        ),
        (
            tools(
                Verb.CALL,
                Outcome.REFUSED_IN_RESULT,
                answer(200),
                detail="the tool's effect is not there",
                effect=ToolCall("read", {}),
            ),
            *("tool-effect", "tool.effect"),
        ),
        (
            tools(Verb.CALL, Outcome.REFUSED_IN_RESULT, answer(200)),
            *("tool-fails", "tool.call"),
        ),
        (
            tools(Verb.CONNECT, Outcome.SERVER_ERROR, answer(500)),
            *("refused", "server.env"),
        ),
    ],
)
def test_a_tool_server(case, code, field):
    found = diagnose_tool_server(case)
    assert (found.code, found.fields[0]) == (code, field)


def test_the_scope_that_is_wanted_is_written_out():
    case = tools(
        Verb.CALL,
        Outcome.REFUSED_403,
        answer(403, www_authenticate='Bearer scope="write"'),
    )
    assert '`resource.scope = "read write"`' in diagnose_tool_server(case).mend


def test_a_list_without_tools():
    case = tools(
        Verb.LIST, Outcome.NO_ANSWER, detail="the target lists no tools", listed=()
    )
    case.result.messages[Message.MCP_RESPONSE] = {"body": {}}
    assert diagnose_tool_server(case).code == "no-tools"


def test_the_case_that_came_furthest_is_told():
    first, second = (
        tools(verb, Outcome.REFUSED_401) for verb in (Verb.CALL, Verb.CONNECT)
    )
    assert furthest([second, first, second]) is first
    other = replace(second)
    assert furthest([second, other]) is other


# --- clients ------------------------------------------------------------------------


def client(
    *messages: tuple[str, str],
    outcome: Outcome = Outcome.NO_ANSWER,
    detail: str = "exit code 1",
    output: tuple[str, ...] = (),
    **fields: Any,
) -> Diagnosis:
    exchanges = tuple(
        exchange(name, "GET https://as.example/x", 200, sender="target", receiver=where)
        for name, where in messages
    )
    described = TargetFile(1, "T", Role.AGENT_HOST, client=Client(**fields))
    view = AgentView("T", frozenset(), ("2025-11-25",), {})
    result = flow(Verb.CONNECT, outcome, detail)
    return diagnose_agent_host(Case(view, described, result, exchanges, (), (), output))


CHALLENGE, PRM = ("challenge", "server"), ("prm", "server")
KNOWN = (CHALLENGE, PRM, ("as_metadata", "as"))
AUTHORIZED = (*KNOWN, ("authorization_response", "as"))
PRINTED = ("Go to https://as.example/authorize?response_type=code&x=y",)


@pytest.mark.parametrize(
    ("found", "code", "field"),
    [
        (client(), "never-connected", "client.command"),
        (client(hook="http://127.0.0.1:1/"), "never-connected", "client.hook"),
        (client(drive="attended"), "nobody-connected", "client.seconds"),
        (client(CHALLENGE, PRM), "no-discovery", "client.env"),
        (client(*KNOWN), "no-url-opened", "client.opens"),
        (client(*KNOWN, opens=[]), "no-url-opened", "client.opens"),
        (
            client(*KNOWN, opens=["browser"], output=PRINTED),
            *("url-on-output", "client.opens"),
        ),
        (client(*AUTHORIZED), "callback-unreachable", "client.redirect_uris"),
        (
            client(*AUTHORIZED, ("authorization_response", "target")),
            *("callback-refused", "client.env"),
        ),
        (
            client(
                *AUTHORIZED, ("token_response", "as"), detail="did not end within 2 s"
            ),
            *("client-hangs", "client.seconds"),
        ),
        (
            client(*AUTHORIZED, outcome=Outcome.CLIENT_FAILED),
            *("client-failed", "client.command"),
        ),
        (
            client(
                *AUTHORIZED,
                ("token_response", "as"),
                outcome=Outcome.STOPPED_AT_TOKEN_RESPONSE,
            ),
            *("client-stopped", "client.env"),
        ),
    ],
)
def test_a_client(found, code, field):
    assert (found.code, found.fields[0]) == (code, field)


# --- starting -----------------------------------------------------------------------


def boot(**more: Any) -> Boot:
    server = more.pop("server", {"start": ["./x"], "env": {"PORT": "{port}"}})
    described = TargetFile(1, "T", Role.TOOL_SERVER, Server(**server))
    values: dict[str, Any] = {"started": True, "listening": (), **more}
    return Boot(described, 2000, "http://127.0.0.1:2000/ready", "HTTP 502", **values)


def at(port: int, address: str = "127.0.0.1") -> tuple[ListeningSocket, ...]:
    return (ListeningSocket(port, ipaddress.ip_address(address)),)


@pytest.mark.parametrize(
    ("found", "code", "field"),
    [
        (boot(exit_code=1), "ended", "server.start"),
        (
            boot(exit_code=1, output=("KeyError: 'API_KEY'",)),
            *("variable-missing", "server.env.API_KEY"),
        ),
        (
            boot(exit_code=1, output=("Error: missing required env DATABASE_URL",)),
            *("variable-missing", "server.env.DATABASE_URL"),
        ),
        (boot(exit_code=1, output=("KeyError: 'PORT'",)), "ended", "server.start"),
        (boot(started=False), "not-ready", "server.issuer"),
        (
            boot(started=False, server={"port": 2000}),
            *("not-listening", "server.port"),
        ),
        (boot(accepts=True, tls=True), "speaks-tls", "server.start"),
        (boot(listening=at(8000)), "wrong-port", "server.env.PORT"),
        (
            boot(listening=at(8000), server={"start": ["./x"]}),
            *("wrong-port", "server.env"),
        ),
        (boot(listening=at(2000, "::1")), "wrong-address", "server.env"),
        (boot(), "not-listening", "server.ready_seconds"),
        (boot(listening=None), "not-listening", "server.ready_seconds"),
        (boot(accepts=True, listening=at(2000)), "not-ready", "server.ready"),
    ],
)
def test_a_target_that_does_not_become_ready(found, code, field):
    diagnosis = not_ready(found)
    assert (diagnosis.code, diagnosis.fields[0]) == (code, field)


def test_several_ports_are_all_named():
    found = not_ready(boot(listening=(*at(8000), *at(9000, "::"))))
    assert "127.0.0.1:8000, [::]:9000" in found.cause
    assert "server.port" not in found.mend


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["{cache}/bin/x"], "`server.prepare`"),
        (["server.py"], "`python3`"),
        (["x"], "on the PATH"),
    ],
)
def test_a_program_that_is_not_there(command, said):
    assert said in cannot_start(command, command, "There is no program.").mend


# --- clocks -------------------------------------------------------------------------


def test_a_clock_by_its_date_and_its_tokens():
    dated = exchange(date="Thu, 01 Jan 1970 00:16:41 GMT")
    found = skews([dated], using("x", iat=990), lambda at: 1000.0 * at)
    assert found == {"the Date header": 1.0, "iat of its access token": -10.0}


@pytest.mark.parametrize(
    ("seconds", "said", "advice", "wrong"),
    [
        (1, "like ours", False, False),
        (-10, "10 s behind", True, False),
        (60, "60 s ahead", True, True),
    ],
)
def test_a_skew(seconds, said, advice, wrong):
    what, mend, diagnosis = clock({"the Date header": float(seconds)})
    assert said in what
    assert (bool(mend), diagnosis is not None) == (advice, wrong)


def test_a_target_that_shows_no_time():
    assert clock({})[2] is None
    odd = exchange(date="yesterday")
    assert skews([odd], using("x", iat=True), lambda at: at) == {}


# --- words --------------------------------------------------------------------------


def test_lines_that_a_logger_has_broken_are_put_together():
    lines = ("INFO: start", "ERROR: the audience", "  did not match", "INFO: bye")
    assert printed(lines) == (
        " It printed: “INFO: start ERROR: the audience did not match”."
    )
    assert printed(lines, "nothing like it") == ""


def test_an_error_names_the_lines(tmp_path):
    file = tmp_path / "target.toml"
    file.write_text('schema = 1\n[server]\nready = "/x"\n[server.env]\nA = "b"\n')
    fields = ("server.ready", "server.env.B", "login.users", "server.env.A")
    error = DiagnosedError(Diagnosis("start", "c", "Cause.", "Mend.", fields), file)
    assert error.hint.splitlines() == [
        "Mend.",
        f"{file}:3: server.ready",
        f"{file}:4: add server.env.B",
        f"{file}: add login.users",
        f"{file}:5: server.env.A",
    ]
    assert (error.exit_code, error.code) == (3, "c")
    gone = Diagnosis("start", "c", "", "", ("server.env",))
    assert gone.places(Path("/nowhere/t.toml")) == ["/nowhere/t.toml: server.env"]
