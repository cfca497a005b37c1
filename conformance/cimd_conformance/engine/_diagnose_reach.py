"""Causes that every role can have: no trust in our CA, no answer, too many requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

from cimd_certs import TrustHint, trust_hints
from cimd_conformance.engine._diagnosis import Case, Diagnosis, listed, printed, quoted
from cimd_conformance.model import Outcome, Role
from cimd_conformance.target import TargetFile
from cimd_testbed.net import Contact, Depth
from cimd_testbed.net.lab import trust_environment

CA, BUNDLE = "{ca_file}", "{bundle_file}"
_RUNTIMES = (
    ("Java", ("java", "mvn", "gradle", "gradlew", "kotlin", "scala")),
    ("Node", ("node", "npm", "npx", "pnpm", "yarn", "tsx", "bun", "deno")),
    ("Python", ("python", "uv", "uvx", "uvicorn", "gunicorn", "hypercorn", "flask")),
    (".NET", ("dotnet",)),
    ("Go", ("go",)),
)
_HINTS = {
    "Java": ("Java",),
    "Node": ("Node",),
    "Python": ("Python ssl", "requests"),
    ".NET": (".NET",),
    "Go": ("Go",),
}


def reach(case: Case[Any]) -> Diagnosis | None:
    """Return why the flow was never judged, where a role's own rules are no use."""
    for rule in (untrusted, _limited, _silent):
        if (found := rule(case)) is not None:
            return found
    return None


def untrusted(case: Case[Any]) -> Diagnosis | None:
    """Return that the target does not trust the CA of the run."""
    how, told = _handshake(case), _complained(case)
    if how is not None:
        cause = (
            f"The target reached a server of ours over TLS, but {how}: it does not "
            "trust the CA of the run."
        )
    elif told:
        cause = (
            "The target could not check the certificate of a server of ours: it does "
            f"not trust the CA of the run.{told}"
        )
    else:
        return None
    mend, fields = trust(case.file, lab=case.lab)
    if how is not None and "hung up" in how and not case.lab:
        mend += (
            " Or it guards against loopback, and looks at the address late: then it "
            "works in the lab alone."
        )
    return Diagnosis("tls", "untrusted-ca", cause, mend, fields)


def _complained(case: Case[Any]) -> str:
    """Return what it printed about certificates, when it got nothing from us."""
    if any(one.sender == "target" for one in case.exchanges):
        return ""
    return printed(case.output, _CERTIFICATES)


_CERTIFICATES = (
    r"certificate[_ ]verify[_ ]failed|unable to get (?:local )?issuer|PKIX path|x509:|"
    r"self.signed certificate|unknown authority|UNABLE_TO_(?:VERIFY|GET)|"
    r"certificate (?:is )?not trusted|UnknownIssuer|load_verify_locations|"
    r"tlsv1.alert.unknown.ca"
)


def _handshake(case: Case[Any]) -> str | None:
    """Say how a handshake ended too early, None when none did."""
    depths: dict[str, set[Depth]] = defaultdict(set)
    troubles: dict[str, str] = {}
    for place, depth, trouble in _contacts(case):
        depths[place].add(depth)
        if trouble:
            troubles[place] = trouble
    for place, trouble in troubles.items():
        if max(depths[place]) is Depth.CLIENT_HELLO:
            if trouble.startswith("the client"):
                return f"{trouble} in the handshake"
            return f"it broke the handshake off with the alert “{trouble}”"
    if any(Depth.HTTP in found for found in depths.values()):
        return None
    if any(Depth.TLS in found for found in depths.values()):
        return "it hung up after the handshake, without a request"
    return None


def _contacts(case: Case[Any]) -> Iterator[tuple[str, Depth, str | None]]:
    for seen in case.seen:
        yield seen.place, seen.depth, seen.trouble
    for stray in case.strays:
        if stray.depth is not Depth.DNS:
            yield _endpoint(stray), stray.depth, stray.trouble
    for one in case.exchanges:
        if one.sender == "target":
            yield one.receiver, Depth.HTTP, None


def _endpoint(contact: Contact) -> str:
    return f"{contact.address} {contact.port}"


def trust(file: TargetFile, *, lab: bool) -> tuple[str, tuple[str, ...]]:
    """Return what makes a target trust the CA of the run, and the fields for it."""
    table = "client.env" if file.role is Role.AGENT_HOST else "server.env"
    argv = file.client.command if table == "client.env" else file.server.start
    env = file.client.env if table == "client.env" else file.server.env
    known = trust_environment(Path(CA), Path(BUNDLE))
    wrong = [
        n for n, v in env.items() if n in known and CA not in v and BUNDLE not in v
    ]
    if wrong:
        names = listed(f'{name} = "{known[name]}"' for name in wrong)
        mend = f"`{table}` points the target at another list of CAs. Write {names}."
        return mend, tuple(f"{table}.{name}" for name in wrong)
    hints = _hints(argv)
    lines = listed(_assignment(hint) for hint in hints)
    if not lab:
        return f"Set what its runtime reads in `{table}`: {lines}.", (table,)
    mend = (
        "In the lab the usual variables name our CA already "
        f"({listed(sorted({'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', *_node(known)}))}), "
        "and so does the system's bundle: this program reads another list. "
        f"Set what its runtime reads in `{table}` ({lines}), or let its HTTP client "
        "use the system's certificates instead of a list of its own."
    )
    return mend, (table,)


def _node(known: dict[str, str]) -> list[str]:
    return [name for name in known if name.startswith("NODE")]


def runtime_of(argv: list[str]) -> str | None:
    """Return which runtime a command uses, as far as its name tells."""
    for word in argv[:2]:
        name = PurePath(word).name
        name = "python" if word == "{python}" else name
        for runtime, programs in _RUNTIMES:
            if any(name.rstrip("0123456789.") == program for program in programs):
                return runtime
    return None


def _hints(argv: list[str]) -> list[TrustHint]:
    runtime = runtime_of(argv)
    hints = trust_hints(Path(CA))
    if runtime is None:
        return [
            hint for hint in hints if hint.runtime in ("Python ssl", "Node", "Java")
        ]
    return [hint for hint in hints if hint.runtime in _HINTS[runtime]]


def _assignment(hint: TrustHint) -> str:
    """Return one hint as it stands in a target file; bundles replace lists."""
    path = BUNDLE if "replaces" in hint.note else CA
    words = [f'{name} = "{text.replace(CA, path)}"' for name, text in hint.environment]
    if hint.command:
        words.append(f"with a trust store made by `{' '.join(hint.command[:2])} …`")
    return " ".join(words)


def _limited(case: Case[Any]) -> Diagnosis | None:
    if case.end.outcome is not Outcome.RATE_LIMITED:
        return None
    return Diagnosis(
        "control",
        "rate-limited",
        "The target answers that it is asked too often (429)." + quoted(case.said),
        "Raise its limits for the test system, or lower `limits.jobs`.",
        ("limits.jobs", "server.env"),
    )


def _silent(case: Case[Any]) -> Diagnosis | None:
    """Return that a request of ours was not answered at all."""
    end = case.end
    if end.outcome is not Outcome.NO_ANSWER or not end.detail.startswith("no answer:"):
        return None
    last = case.last
    asked = last.request.start if last is not None else "the request"
    if "TimeoutError" in end.detail:
        return Diagnosis(
            "control",
            "too-slow",
            f"{asked} was not answered within {case.file.limits.seconds:g} s.",
            "Look into the target's log for what it waits for; if it is only slow, "
            "raise `limits.seconds`.",
            ("limits.seconds",),
        )
    return Diagnosis(
        "control",
        "no-answer",
        f"{asked} got no answer: {case.result.redact(end.detail[11:])}.",
        "Look into the target's log; a URL that cannot be reached comes from the "
        "target's metadata, hence from the public URL in `server.env`.",
        ("server.env",),
    )
