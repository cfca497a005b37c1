"""What `init` works on: a target file that grows, and what was seen of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cimd_conformance.model import Remark, Role
from cimd_conformance.target import TargetFile

_PASSING = re.compile(r"\S*\d\S*")
"""Words with digits in them: names, ports, values of chance."""

TRUST = {
    "SSL_CERT_FILE": "{bundle_file}",
    "REQUESTS_CA_BUNDLE": "{bundle_file}",
    "NODE_EXTRA_CA_CERTS": "{ca_file}",
}
"""How runtimes are told to trust the CA of a run, where no lab has done it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A target file so far, with what there is to say about its fields."""

    file: TargetFile
    remarks: tuple[Remark, ...] = ()

    def put(self, table: str, **values: Any) -> Draft:
        """Return the draft with fields of a table changed."""
        return replace(self, file=changed(self.file, table, **values))

    def env(self, values: dict[str, str], table: str = "server") -> Draft:
        """Return the draft with variables added."""
        before: dict[str, str] = getattr(self.file, table).env
        return self.put(table, env={**before, **values})

    def say(
        self, where: str, text: str, *, todo: bool = False, example: str = ""
    ) -> Draft:
        """Return the draft with a remark, which replaces an equal one."""
        remark = Remark(where, text, todo, example)
        kept = tuple(one for one in self.remarks if one != remark)
        return replace(self, remarks=(*kept, remark))

    def with_(self, file: TargetFile, remarks: Iterable[Remark]) -> Draft:
        """Return the draft with another file and more remarks."""
        return Draft(file, (*self.remarks, *remarks))

    def role(self, role: Role, why: str) -> Draft:
        """Return the draft with another role."""
        file = msgspec.structs.replace(self.file, role=role)
        return replace(self, file=file).say("role", f"{why[:1].upper()}{why[1:]}.")

    def unknown_role(self) -> Draft:
        """Return the draft with a word about its role, which nothing shows."""
        text = (
            "Nothing that it says tells what it is: authorization-server, tool-server, "
            "or agent-host? Give --role."
        )
        return self.say("role", text, todo=True)

    @property
    def todos(self) -> list[Remark]:
        """What somebody has to do."""
        return [one for one in self.remarks if one.todo]


def told(struct: msgspec.Struct) -> dict[str, Any]:
    """Return what a table says besides its defaults, in the types of TOML."""
    found = {}
    for one in msgspec.structs.fields(struct):
        value = getattr(struct, one.name)
        usual = one.default
        if one.default_factory is not msgspec.NODEFAULT:
            usual = one.default_factory()
        if value != usual:
            nested = isinstance(value, msgspec.Struct)
            found[one.encode_name] = told(value) if nested else _builtins(value)
    return found


def _builtins(value: Any) -> Any:
    if isinstance(value, list):
        return [_builtins(item) for item in value]
    return told(value) if isinstance(value, msgspec.Struct) else value


def changed(file: TargetFile, table: str, **values: Any) -> TargetFile:
    """Return the file with fields of one of its tables changed."""
    part: msgspec.Struct = getattr(file, table)
    return msgspec.structs.replace(
        file, **{table: msgspec.structs.replace(part, **values)}
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says about itself when it is asked without a token."""

    origin: str
    """What we call it; on the wire that may be somebody else."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The authorization server's metadata; {} where there are none."""
    metadata_url: str = ""
    resource: dict[str, Any] = field(default_factory=dict)
    """The protected resource's metadata; {} where there are none."""
    resource_url: str = ""
    endpoint: str = ""
    """The path that answers like an MCP endpoint."""
    closed: bool = False
    """Whether that endpoint wants a token."""
    challenge: dict[str, str] = field(default_factory=dict)
    """The parameters of its `WWW-Authenticate: Bearer`."""
    port: int = 0
    """Where it is reached on 127.0.0.1."""
    refused: str = ""
    """How it refused to answer, where it did so at every place."""
    texts: str = ""
    """Everything that was read, to look for markers in."""

    def template(self, url: object) -> str:
        """Return a URL of the target with `{origin}` for what was chosen."""
        text = url if isinstance(url, str) else ""
        rest = text.removeprefix(self.origin)
        return "{origin}" + rest if rest != text and rest[:1] in ("", "/") else text


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a legitimate flow."""

    flow: str
    variant: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        """How it is written."""
        said = ",".join(f"{name}={value}" for name, value in self.variant)
        return f"{self.flow}[{said}]" if said else self.flow

    def value(self, name: str) -> str:
        """Return one value of the variant, '' without it."""
        return dict(self.variant).get(name, "")


@dataclass(frozen=True, slots=True)
class Trial:
    """A legitimate flow was tried with a target file."""

    shape: Shape
    done: bool
    steps: int
    """How many steps went well."""
    step: str
    """Where it ended: a verb, or `start`."""
    detail: str
    said: str = ""
    """What the target said last, in its own words, redacted."""
    asked: tuple[str, ...] = ()
    """The messages that were exchanged, in order: login_request, jwks …"""
    token: dict[str, Any] = field(default_factory=dict)
    """The claims of the access token, where it is a JWT."""
    reached: tuple[str, ...] = ()
    """The pages of ours that the target asked for."""
    request: dict[str, str] = field(default_factory=dict)
    """`client_id` and `redirect_uri` of the authorization request that it sent."""
    cause: str = ""
    """Why it did not get further, where that is known."""
    mend: str = ""
    """What to do about it."""
    about: str = ""
    """The field of the target file that this is likeliest about."""

    @property
    def words(self) -> str:
        """What the target said, without what differs from one flow to the next."""
        return _PASSING.sub("#", self.said)

    def fetched(self, page: str) -> bool:
        """Whether the target asked for a page of ours, by the end of its path."""
        return any(path.endswith(page) for path in self.reached)

    def further_than(self, other: Trial) -> bool:
        """Whether this one got further."""
        return self.done or self.steps > other.steps


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another file that may do better."""

    file: TargetFile
    label: str
    """The difference in a line of TOML, or nearly so."""
    remarks: tuple[Remark, ...] = ()
    """What to say about it once it has done better."""
    asked_for: bool = False
    """Whether the target's own words ask for it."""
