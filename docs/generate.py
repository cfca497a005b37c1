"""Write the tables of `docs/*.md` from the code; `--check` only compares.

A page is prose with places like `<!-- table: verbs -->` … `<!-- end -->`; what stands
between the two marks is replaced. Meanings come from the docstrings in the code.
"""  # noqa: INP001 - a script, no package

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import cimd_conformance.flows
from cimd_conformance.catalogue import load_profile, profile_names
from cimd_conformance.model import (
    REFUSALS,
    STEP_MESSAGES,
    STEP_OPTIONS,
    DnsFault,
    Level,
    Message,
    Op,
    Outcome,
    Role,
    Scenario,
    Severity,
    Status,
    TlsFault,
    Turn,
    Verb,
)
from cimd_conformance.target import ACCOMMODATIONS
from cimd_testbed.net import EmbeddedNetwork, LoopbackNetwork

_rules = importlib.import_module("cimd_conformance.catalogue._rules")
_structure = importlib.import_module("cimd_conformance.catalogue._structure")
_near = importlib.import_module("cimd_conformance.catalogue._near")
_target = importlib.import_module("cimd_conformance.target._load")
_scenario_file = importlib.import_module("cimd_conformance.model._scenario")
_words_files = [
    importlib.import_module(f"cimd_conformance.model.{name}")
    for name in ("_words", "_messages")
]
_target_file = importlib.import_module("cimd_conformance.target._model")

_NEAR_OF = "https://example.com/app/cb"

DOCS = Path(__file__).parent
_PLACE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Rows = Iterable[tuple[str, ...]]

# --- meanings that have no docstring in the code ------------------------------------

FIELDS = {
    "Scenario.id": "Stable name. It never changes meaning and is never used again.",
    "Scenario.title": "One sentence: what a secure implementation does.",
    "Scenario.role": "What the implementation under test is.",
    "Scenario.flow": "The legitimate flow that is changed.",
    "Scenario.severity": "How bad a failure is.",
    "Scenario.expect": "The questions; at least one.",
    "Scenario.why": "What goes wrong in the world when this fails.",
    "Scenario.flaws": "The flaws that this scenario is there to find; at least one.",
    "Scenario.attacks": "Ids of the attack list that it carries out.",
    "Scenario.needs": "Powers of the network; without one the scenario is not run.",
    "Scenario.variants": "Values to expand over; each shows in the id.",
    "Scenario.case": "Rows of a family. `{case.KEY}` stands for a value of the row, "
    "whose `name` shows in the id.",
    "Scenario.place": "Hosts and addresses of its own.",
    "Scenario.change": "The one thing that is changed (a list, where one thing takes "
    "several edits).",
    "Scenario.step": "A choreography in the place of the flow's own steps.",
    "Scenario.disturbs": "Whether a closing control has to succeed afterwards.",
    "Scenario.isolation": "`exclusive` runs alone, after everything else; `waiting` "
    "mostly waits for a time-out of the target, and begins first.",
    "Change.in": "The message.",
    "Change.at": "Where in the message: member names and array positions.",
    "Change.op": "What is done there.",
    "Change.value": "The new value; may hold placeholders.",
    "Step.do": "The verb.",
    "Step.name": "A name, for changes and expectations that are about this step.",
    "Step.with": "Options of the verb.",
    "Place.name": "How changes and expectations call it.",
    "Expect.requirement": "Exactly one id of the requirement catalogue.",
    "Expect.at": "Which part of that message.",
    "Expect.equals": "The part is this value.",
    "Expect.one_of": "The part is one of these values.",
    "Expect.contains": "The part, a text or an array, contains this.",
    "Expect.lacks": "The part is not there, or does not contain this.",
    "Expect.absent": "The part is not there.",
    "Expect.present": "The part is there.",
    "Server.cwd": "Where the commands run, relative to the file.",
    "Server.env": "Variables that are added to the environment.",
    "Server.ready_seconds": "How long to wait until it is ready.",
    "User.username": "What is typed into the login form.",
    "User.password": "What is typed into the login form.",
    "Login.driver": "How forms are filled in.",
    "Login.users": "People who can log in; the first one does.",
    "Resource.uri": "The `resource` parameter, and where `call` calls.",
    "Resource.scope": "The scope that is asked for.",
    "Resource.client_secret": "Likewise.",
    "Accommodation.what": "Which deviation; see below.",
    "Accommodation.because": "Why the target needs it.",
    "Accommodation.value": "Its value, where it takes one.",
    "Called.name": "The tool's name.",
    "Called.arguments": "Its arguments.",
    "Limits.jobs": "How many scenarios run at the same time.",
    "TargetFile.schema": "The version of this format: 1.",
    "TargetFile.name": "How reports call the target.",
    "TargetFile.role": "What it is.",
    "TargetFile.server": "How it is started, and where it is.",
    "TargetFile.login": "How the browser gets through login and consent.",
    "TargetFile.resource": "The protected resource.",
    "TargetFile.accommodation": "Deviations that the control needs.",
    "TargetFile.limits": "How gently it has to be treated.",
}
MESSAGES = {
    "client_document": "The client metadata document, a JSON object.",
    "client_document_response": "The HTTP response that carries it: `status`, "
    "`headers`, `body`, `coding` (`gzip` or `deflate`), `framing` (`length`, `chunked` "
    "or `close`), and `mode` (`whole`; `slow`, `slow-head`, `silent`: in drips or "
    "never; `endless`, `endless-head`: without an end).",
    "jwks": "The key set at `jwks_uri`.",
    "jwks_response": "The HTTP response that carries it, as above.",
    "logo_response": "The HTTP response to a fetch of the logo, as above.",
    "authorization_request": "The parameters of the authorization request.",
    "consent_page": "The page with the button: `status`, `headers`, `framing`, "
    "`text` (what a person sees), `unfolded` (with what a click opens), `handlers` "
    "(of events, as `onerror=…`).",
    "consent_request": "The form that the button sends.",
    "authorization_response": "The parameters that arrive at the redirect URI.",
    "token_request": "The form of a token request with a code.",
    "token_response": "Its JSON answer.",
    "token_response_headers": "The headers of that answer, names in lower case.",
    "client_assertion": "`header`, `claims`, and `key`: which key signs.",
    "refresh_request": "The form of a token request with a refresh token.",
    "refresh_response": "Its JSON answer.",
    "revocation_request": "The form of a revocation request.",
    "revocation_response": "Its answer.",
    "introspection_request": "The form of an introspection request.",
    "introspection_response": "Its JSON answer.",
    "access_token": "The access token.",
    "as_metadata": "The authorization server's metadata.",
}
POWERS = {
    "public-address": "client hosts have ordinary names and public-looking addresses",
    "dns-control": "the testbed answers every query: changing, mixed, slow, inward",
    "canary": "special-use addresses lead to a listener that serves a valid document",
    "tls-variants": "hosts can have certificates that are bad in one way",
    "old-tls": "hosts can speak TLS 1.0 and 1.1 only, where the runtime still can",
    "proxy": "the target finds a proxy in its environment (`server.proxy`, in the lab)",
    "ipv6": "IPv6 works; what a scenario with such a place needs without saying so",
    "every-address": "that a connection is asked for is seen where no kernel makes "
    "one: multicast, broadcast, link-local without a zone (the embedded reference, "
    "which has one way out)",
    "clock": "the target's clock can be moved (the embedded reference; a server that "
    "the suite starts and that follows libfaketime)",
}
FEATURES = {
    "refresh": "`grant_types_supported` has `refresh_token`, or is missing",
    "revocation": "there is a `revocation_endpoint`",
    "introspection": "there is an `introspection_endpoint`, and the target file has "
    "credentials for it",
    "private_key_jwt": "`token_endpoint_auth_methods_supported` has it",
    "logo": "always: whether logos are fetched cannot be announced",
    "iss": "`authorization_response_iss_parameter_supported` is true",
    "broader-scope": "the target file names a scope that stands above the tool's",
    "upstream-login": "the target file tells the server of `{upstream.authorize}`",
    "upstream": "the target file names a tool that asks the API behind the server",
}
PLACEHOLDERS = {
    "PLACE.origin": "its https origin",
    "PLACE.host": "its host, with the port where that is not 443",
    "PLACE.address": "its address",
    "PLACE.path": "the path below which everything of this scenario lies",
    "PLACE.document": "the URL of a valid client metadata document there",
    "PLACE.jwks": "the URL of a key set there",
    "PLACE.callback": "a redirect URI there",
    "client.public_jwk": "the client's current public key",
    "client.private_jwk": "the same with its private members",
    "issuer": "the target's issuer",
    "token_endpoint": "from the target's metadata",
    "authorization_endpoint": "from the target's metadata",
    "now": "the target's time, in seconds",
    "flow.NAME": "a flow variable, or a parameter of the authorization request as sent",
    "case.KEY": "a value of the family's row",
}
TARGET_PLACEHOLDERS = {
    "origin": "the target's public origin: `https` in the lab, "
    "`http://127.0.0.1:PORT` on loopback",
    "host": "its host, with the port where that is not the default",
    "port": "the local port that it has to listen on, plain HTTP",
    "ca_file": "the CA of the run, PEM",
    "bundle_file": "the system's certificates with that CA (on loopback the CA alone)",
    "cache": "the folder that `prepare` installs into, one for each content of `locks`",
    "state": "an empty folder of this run, removed afterwards",
    "dir": "the folder of the target file",
    "resource": "`{origin}/mcp`",
    "proxy": "the URL of the egress proxy, where `server.proxy` is true",
    "token_endpoint": "from the target's metadata (in accommodations)",
    "upstream.issuer": "an identity provider of the testbed, for targets that proxy",
    "upstream.authorize": "its authorization endpoint",
    "upstream.token": "its token endpoint",
    "upstream.jwks": "its key set",
    "upstream_api": "an API of the testbed, for tool servers that ask one",
}


# --- reading the code ---------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One field of a class, as the source says it."""

    name: str
    type: str
    default: str | None
    doc: str


def _body(module: ModuleType, name: str) -> list[ast.stmt]:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    return next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == name
    )


def _documented(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each statement with the docstring that follows it."""
    for statement, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        text = ""
        if isinstance(following, ast.Expr) and isinstance(
            following.value, ast.Constant
        ):
            text = " ".join(str(following.value.value).split())
        yield statement, text


def _fields(module: ModuleType, name: str) -> Iterator[Field]:
    for node, doc in _documented(_body(module, name)):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            field = node.target.id.rstrip("_")
            default = None if node.value is None else ast.unparse(node.value)
            meaning = doc or FIELDS.get(f"{name}.{field}", "")
            meaning = meaning or _class_doc(module, ast.unparse(node.annotation))
            alike = (v for k, v in FIELDS.items() if k.endswith(f".{field}"))
            meaning = meaning or next(alike, "")
            yield Field(field, ast.unparse(node.annotation), default, meaning)


def _class_doc(module: ModuleType, annotation: str) -> str:
    """Return the docstring of the table that a field holds."""
    kind = getattr(module, annotation.removesuffix(" | None"), None)
    return (kind.__doc__ or "") if isinstance(kind, type) else ""


def _enum(name: str) -> dict[str, str]:
    found = {}
    module = next(file for file in _words_files if name in vars(file))
    for node, doc in _documented(_body(module, name)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found[str(node.value.value)] = doc
    return found


def _roles() -> dict[str, ModuleType]:
    """Return the packages of flows by role."""
    found = {}
    for info in pkgutil.iter_modules(cimd_conformance.flows.__path__):
        if info.ispkg:
            name = f"cimd_conformance.flows.{info.name}"
            found[info.name.replace("_", "-")] = importlib.import_module(name)
    return found


# --- tables -------------------------------------------------------------------------

_TYPES = {
    "str": "string",
    "str | None": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "Any": "any value",
    "Path": "array of strings and integers",
    "list[str]": "array of strings",
    "list[Any]": "array",
    "list[list[str]]": "array of arrays of strings",
    "list[list[str]] | str": "array of arrays of strings",
    "int | str": "integer",
    "dict[str, str]": "table of strings",
    "dict[str, list[str]]": "table of arrays of strings",
    "dict[str, Any]": "table",
    "list[dict[str, Any]]": "array of tables",
}


def _type(text: str) -> str:
    known = _TYPES.get(text)
    if known is not None:
        return known
    listed = re.fullmatch(r"list\[(\w+)\]", text)
    if listed:
        return f"array of {listed[1].lower()} tables"
    plain = text.removesuffix(" | None")
    table = hasattr(_target_file, plain) and plain != "Role"
    return f"{plain.lower()} table" if table else plain.lower()


def _default(field: Field) -> str:
    if field.default is None:
        return "required"
    member = re.fullmatch(r"Op\.(\w+)", field.default)
    if member:
        return f"`{member[1].lower()}`"
    plain = {"None": "", "[]": "", "{}": "", "''": "", "False": "false", "True": "true"}
    if field.default in plain or field.default.endswith("()"):
        return plain.get(field.default, "")
    return f"`{field.default}`".replace("'", "").replace('"', "")


def _struct(module: ModuleType, name: str) -> Callable[[], list[str]]:
    def table() -> list[str]:
        rows = [
            (f"`{f.name}`", _type(f.type), _default(f), f.doc)
            for f in _fields(module, name)
        ]
        return _markdown(("field", "type", "default", "meaning"), rows)

    return table


def _markdown(head: tuple[str, ...], rows: Rows) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", "\\|") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _code(words: Iterable[Any]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _words(kind: type, head: str) -> Callable[[], list[str]]:
    def table() -> list[str]:
        rows = [(f"`{word}`", doc) for word, doc in _enum(kind.__name__).items()]
        return _markdown((head, "meaning"), rows)

    return table


def _flows() -> list[str]:
    rows = [
        (f"`{name}`", role, _code(verb.value for verb in verbs))
        for role, package in _roles().items()
        for name, verbs in package.FLOWS.items()
    ]
    return _markdown(("flow", "role", "steps"), rows)


def _messages() -> list[str]:
    docs = _enum("Message")
    rows = []
    for message in Message:
        name = message.value
        plain = f"The {name.replace('_', ' ')}."
        meaning = docs[name] or MESSAGES.get(name, plain)
        steps = _code(v.value for v, sent in STEP_MESSAGES.items() if message in sent)
        judged = message in _structure._COME_BACK  # noqa: SLF001
        use = "judge" if judged or message.endswith("_headers") else "change"
        rows.append((f"`{message.value}`", meaning, use, steps))
    return _markdown(("message", "what it is", "you can", "sent in"), rows)


def _verbs() -> list[str]:
    docs, roles = _enum("Verb"), _roles()
    rows = []
    for verb in Verb:
        where = [role for role, package in roles.items() if verb in package.VERBS]
        if where:
            options = _code(sorted(STEP_OPTIONS.get(verb, ())))
            rows.append(
                (f"`{verb.value}`", docs[verb.value], options, ", ".join(where))
            )
    return _markdown(("verb", "what it does", "`with`", "roles"), rows)


def _outcomes() -> list[str]:
    docs = _enum("Outcome")
    refusals = {outcome.value for outcome in REFUSALS}
    rows = [
        (f"`{o.value}`", docs[o.value], "yes" if o.value in refusals else "")
        for o in Outcome
    ]
    return _markdown(("outcome", "meaning", "is a `refused`"), rows)


def _powers() -> list[str]:
    lab = importlib.import_module("cimd_testbed.net.lab._network").LabNetwork.powers
    kinds = (EmbeddedNetwork.powers, lab, LoopbackNetwork.powers)
    on_loopback, ours = LoopbackNetwork.powers, (lab,)
    perhaps = {"clock": (lab, on_loopback), "proxy": ours, "every-address": ours}
    rows = []
    for power in _rules.POWERS:
        marks = [
            "yes"
            if power in kind
            else "perhaps"
            if kind in perhaps.get(power, ())
            else ""
            for kind in kinds
        ]
        rows.append((f"`{power}`", POWERS.get(power, ""), *marks))
    head = ("power", "what it gives", "embedded reference", "lab", "loopback")
    return _markdown(head, rows)


def _variants() -> list[str]:
    rows = [(f"`{name}`", _code(values)) for name, values in _rules.VARIANTS.items()]
    return _markdown(("variant", "values, the default first"), rows)


def _features() -> list[str]:
    rows = [(f"`{name}`", FEATURES.get(name, "")) for name in _rules.FEATURES]
    return _markdown(("feature", "announced when"), rows)


def _placeholders() -> list[str]:
    bare = msgspec.structs.replace(
        msgspec.convert(
            {
                "id": "",
                "title": "",
                "role": "authorization-server",
                "flow": "",
                "severity": "low",
                "expect": [],
            },
            Scenario,
        )
    )
    known = _rules.known_names(bare)
    fields = {name.partition(".")[2] for name in known if name.startswith("evil.")}
    single = {n for n in known if n.partition(".")[2] not in fields}
    names = [f"PLACE.{field}" for field in fields] + sorted(single)
    order = list(PLACEHOLDERS)
    names += ["flow.NAME", "case.KEY"]
    names.sort(key=lambda n: order.index(n) if n in order else len(order))
    rows = [(f"`{{{n}}}`", PLACEHOLDERS[n]) for n in names if n in PLACEHOLDERS]
    return _markdown(("placeholder", "stands for"), rows)


def _accommodations() -> list[str]:
    rows = [(f"`{name}`", text) for name, text in ACCOMMODATIONS.items()]
    return _markdown(("accommodation", "what is done"), rows)


def _target_tables() -> list[str]:
    """Give every table of the target file a section of its own."""
    lines: list[str] = []
    for name, kind in vars(_target_file).items():
        own = isinstance(kind, type) and kind.__module__ == _target_file.__name__
        if own and not name.startswith("_") and name != "TargetFile":
            table = _struct(_target_file, name)()
            lines += [f"### {name}", "", str(kind.__doc__), "", *table, ""]
    return lines[:-1]


def _target_words() -> list[str]:
    rows = [(f"`{t}.{k}`", _code(words)) for (t, k), words in _target.WORDS.items()]
    rows += [
        (f"`{table}.{key}`", f"{low:g} to {high:g}")
        for (table, key), (low, high) in _target.LIMITS.items()
    ]
    return _markdown(("field", "allowed"), rows)


def _target_placeholders() -> list[str]:
    names = sorted(_target.NAMES, key=lambda n: (n not in TARGET_PLACEHOLDERS, n))
    rows = [(f"`{{{n}}}`", TARGET_PLACEHOLDERS.get(n, "")) for n in names]
    return _markdown(("placeholder", "stands for"), rows)


def _near_misses() -> list[str]:
    rows = [
        (f"`{row.name}`", row.kind.value, row.title, f"`{row.of(_NEAR_OF)}`")
        for row in _near.NEAR_MISSES.values()
    ]
    return _markdown(("row", "kind", "what it has", f"of `{_NEAR_OF}`"), rows)


def _profiles() -> list[str]:
    rows = []
    for name in profile_names():
        profile = load_profile(name)
        levels = list(profile.levels.values())
        counted = (str(levels.count(level)) for level in Level)
        rows.append((f"`{name}`", profile.title, *counted, str(len(profile.conflicts))))
    return _markdown(("profile", "text", *(str(v) for v in Level), "conflicts"), rows)


TABLES: dict[str, Callable[[], list[str]]] = {
    "scenario": _struct(_scenario_file, "Scenario"),
    "place": _struct(_scenario_file, "Place"),
    "near": _struct(_scenario_file, "Near"),
    "near-misses": _near_misses,
    "change": _struct(_scenario_file, "Change"),
    "step": _struct(_scenario_file, "Step"),
    "expect": _struct(_scenario_file, "Expect"),
    "roles": lambda: [_code(role.value for role in Role)],
    "severities": lambda: [_code(severity.value for severity in Severity)],
    "flows": _flows,
    "messages": _messages,
    "ops": _words(Op, "op"),
    "verbs": _verbs,
    "outcomes": _outcomes,
    "statuses": _words(Status, "status"),
    "powers": _powers,
    "dns": _words(DnsFault, "dns"),
    "tls": _words(TlsFault, "tls"),
    "turns": _words(Turn, "turn"),
    "variants": _variants,
    "features": _features,
    "placeholders": _placeholders,
    "profiles": _profiles,
    "target": _struct(_target_file, "TargetFile"),
    "target-tables": _target_tables,
    "accommodations": _accommodations,
    "target-words": _target_words,
    "target-placeholders": _target_placeholders,
}


def render(page: str) -> str:
    """Return the page with every table as the code has it now."""

    def fill(match: re.Match[str]) -> str:
        lines = "\n".join(TABLES[match[2]]())
        return f"{match[1]}{lines}\n{match[3]}"

    return _PLACE.sub(fill, page)


def pages() -> list[Path]:
    """Return the pages that have tables."""
    found = sorted(DOCS.glob("*.md"))
    return [page for page in found if _PLACE.search(page.read_text("utf-8"))]


def main() -> int:
    """Write the pages, or say which are out of date."""
    stale = []
    for page in pages():
        text = page.read_text("utf-8")
        fresh = render(text)
        if fresh != text:
            stale.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(fresh, "utf-8")
    verb = "out of date" if "--check" in sys.argv else "written"
    sys.stdout.write("".join(f"{verb}: docs/{name}\n" for name in stale))
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
