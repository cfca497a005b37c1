"""Causes before the first flow: start command, port, readiness, metadata. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from cimd_conformance.catalogue import placeholders
from cimd_conformance.engine._diagnosis import Diagnosis, listed, quoted
from cimd_conformance.target import TargetFile
from cimd_testbed.net import ListeningSocket

SHOWN_LINES = 8
LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "[::1]")  # noqa: S104 - names to find
"""How a machine calls itself, which is no public name."""


@dataclass(frozen=True, slots=True)
class Boot:
    """A start that came to nothing, as it was when the time was over."""

    file: TargetFile
    port: int
    """The port that it was told."""
    url: str
    """The URL of the ready path."""
    last: str
    """What came of the last request for it."""
    started: bool
    """Whether it was started here; else it runs already."""
    exit_code: int | None = None
    """None: it runs."""
    accepts: bool = False
    """Whether somebody takes connections on that port of 127.0.0.1."""
    tls: bool = False
    """Whether a TLS handshake succeeds there."""
    listening: tuple[ListeningSocket, ...] | None = None
    """Where its processes listen; None where that cannot be known."""
    output: tuple[str, ...] = ()


def cannot_start(
    command: list[str], argv: list[str], why: str, table: str = "server"
) -> Diagnosis:
    """Return why a command did not even start; `argv` is what its words stand for."""
    field = f"{table}.start" if table == "server" else f"{table}.command"
    mend = f"Write a program that is on the PATH, or a path relative to `{table}.cwd`."
    if why.startswith("There is no folder"):
        field = f"{table}.cwd"
        mend = f"Give a folder relative to the target file, or leave `{field}` out."
    elif "{cache}" in command[0]:
        mend = (
            "`server.prepare` has to install it into {cache}: check its commands, or "
            "delete that folder to run them again."
        )
    elif PurePath(argv[0]).suffix in (".py", ".js", ".mjs", ".ts"):
        mend = "Name the program that runs the script first: `python3`, `node` …"
    return Diagnosis("start", "not-started", why, mend, (field, "server.prepare"))


def not_ready(boot: Boot) -> Diagnosis:
    """Return why a target did not become ready."""
    if boot.exit_code is not None:
        return _ended(boot)
    if not boot.started:
        return _nobody(boot)
    if boot.tls:
        return speaks_tls(boot.port)
    if not boot.accepts and boot.listening is not None:
        return _elsewhere(boot, boot.listening)
    if not boot.accepts:
        return _nowhere(boot, f"Nobody listens on 127.0.0.1:{boot.port}")
    return _unwell(boot)


def _printed(output: Iterable[str]) -> str:
    lines = [line for line in output if line.strip()][-SHOWN_LINES:]
    return " Its last output:\n" + "\n".join(lines) if lines else " It printed nothing."


_MISSES = re.compile(
    r"KeyError: '([A-Z][A-Z0-9_]{2,})'|\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b[^A-Za-z]{0,3} "
    r"(?:is |are |must be |was )?(?:not set|unset|missing|required|undefined|set)\b|"
    r"(?:missing|required|unset|set)\b.{0,40}?\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b"
)


def _ended(boot: Boot) -> Diagnosis:
    missing = next(filter(None, map(_MISSES.search, reversed(boot.output))), None)
    name = next(filter(None, missing.groups()), "") if missing else ""
    if name and name not in boot.file.server.env:
        return Diagnosis(
            "start",
            "variable-missing",
            f"The process ended with {boot.exit_code}: it misses the variable {name}."
            f"{_printed(boot.output)}",
            f"Write what it wants into `server.env`: {name} = … (docs/target.md has "
            "the placeholders: {port}, {origin}, {issuer} …).",
            (f"server.env.{name}",),
        )
    return Diagnosis(
        "start",
        "ended",
        f"The process ended with {boot.exit_code}.{_printed(boot.output)}",
        "Mend what it complains about: what is installed in `server.prepare`, its "
        "arguments in `server.start`, variables in `server.env`. It gets the "
        "variables of your shell and these; the network of the lab leads nowhere else.",
        ("server.start", "server.env"),
    )


def _nobody(boot: Boot) -> Diagnosis:
    if boot.file.server.port and not boot.accepts:
        return Diagnosis(
            "port",
            "not-listening",
            f"Nobody listens on 127.0.0.1:{boot.port}, where `server.port` says that "
            "the target runs already.",
            "Start it before, with this network; or write the port that it takes.",
            ("server.port",),
        )
    return Diagnosis(
        "ready",
        "not-ready",
        f"The target does not answer: {boot.url}: {boot.last}. The file has no "
        "`server.start`, so it has to run already.",
        "Start it before, or let the suite do it with `server.start`; check the URL in "
        "`server.issuer` (`resource.uri` for a tool server) and `server.ready`.",
        ("server.issuer", "server.start", "server.ready"),
    )


def speaks_tls(port: int) -> Diagnosis:
    """Return that the target ends TLS itself."""
    return Diagnosis(
        "ready",
        "speaks-tls",
        f"The target speaks TLS on 127.0.0.1:{port}. TLS ends before it, as behind a "
        "proxy: what reaches it is plain HTTP.",
        "Let it serve plain HTTP (`server.start`, `server.env`), and tell it with "
        "{origin} that its public URL is https.",
        ("server.start", "server.env"),
    )


def _told(file: TargetFile) -> list[str]:
    """Return the fields that tell the target its port."""
    server = file.server
    fields = [f"server.env.{k}" for k, v in server.env.items() if "{port}" in v]
    if "port" in placeholders(server.start):
        fields.append("server.start")
    return fields


_WRITE = "write {port} into the variable or the argument that it takes its port from"


def _how_told(boot: Boot) -> tuple[str, tuple[str, ...]]:
    """Say how the target is told its port, and in which fields."""
    fields = _told(boot.file)
    if not fields:
        return (
            f"Nothing in the file tells it: {_WRITE} (`server.env`, `server.start`).",
            ("server.env", "server.start"),
        )
    names = listed(f"`{field}`" for field in fields)
    return (
        f"It is told {{port}} in {names}, and reads something else: {_WRITE}.",
        tuple(fields),
    )


def _elsewhere(boot: Boot, listening: tuple[ListeningSocket, ...]) -> Diagnosis:
    here = [one for one in listening if one.port == boot.port]
    if here:
        where = listed(one.address for one in here)
        return Diagnosis(
            "port",
            "wrong-address",
            f"The target listens on port {boot.port} of {where}, and 127.0.0.1 does "
            "not lead there.",
            "Let it listen on 127.0.0.1 (`server.start`, `server.env`): in most "
            "programs that is a variable or an option called host, bind or address.",
            ("server.env", "server.start"),
        )
    if not listening:
        return _nowhere(boot, "The process runs and listens on no port")
    others = listed(_spoken(one) for one in listening)
    how, fields = _how_told(boot)
    ports = sorted({one.port for one in listening})
    fixed = (
        f" If it always takes that port, write `server.port = {ports[0]}`."
        if len(ports) == 1
        else ""
    )
    return Diagnosis(
        "port",
        "wrong-port",
        f"The target listens on {others}, and was to listen on 127.0.0.1:{boot.port}.",
        how + fixed,
        fields,
    )


def _spoken(one: ListeningSocket) -> str:
    address = f"[{one.address}]" if one.address.version == 6 else str(one.address)
    return f"{address}:{one.port}"


def _nowhere(boot: Boot, what: str) -> Diagnosis:
    how, fields = _how_told(boot)
    seconds = boot.file.server.ready_seconds
    return Diagnosis(
        "port",
        "not-listening",
        f"{what} after {seconds:g} s.{_printed(boot.output)}",
        f"If it needs longer, raise `server.ready_seconds`. {how}",
        ("server.ready_seconds", *fields),
    )


def _unwell(boot: Boot) -> Diagnosis:
    seconds = boot.file.server.ready_seconds
    return Diagnosis(
        "ready",
        "not-ready",
        "The target listens on its port and did not become ready within "
        f"{seconds:g} s: GET {boot.url}: {boot.last}.{_printed(boot.output)}",
        "Name in `server.ready` a path that answers below 500 when it works; if it is "
        "only slow, raise `server.ready_seconds`.",
        ("server.ready", "server.ready_seconds", "server.env"),
    )


# --- metadata -----------------------------------------------------------------------


def no_metadata(
    file: TargetFile, issuer: str, seen: list[str], *, refused: str = ""
) -> Diagnosis:
    """Return why there are no metadata; `seen` is a line for each place."""
    tried = "\n".join(seen)
    cause = f"The target publishes no usable authorization server metadata:\n{tried}"
    if refused:
        return Diagnosis(
            "metadata",
            "host-refused",
            f"{cause}\nIt refuses its own public name.{quoted(refused)}",
            "Allow its public name: put {host} into what it reads as its allowed hosts "
            "(`server.env`, `server.start`).",
            ("server.env", "server.start"),
        )
    known = f'`server.issuer` is "{file.server.issuer}", so they were looked for there'
    if file.server.metadata:
        known = f'`server.metadata` is "{file.server.metadata}"'
    return Diagnosis(
        "metadata",
        "no-metadata",
        cause,
        f"{known}. Write the issuer with its path ({issuer}/… if it has one), or name "
        "the URL as `server.metadata`.",
        ("server.issuer", "server.metadata"),
    )


def endpoints_elsewhere(
    wrong: dict[str, str], origins: Iterable[str], env: dict[str, str]
) -> Diagnosis:
    """Return that the metadata name endpoints at other origins than the target's."""
    named = listed(f"{name} is {url}" for name, url in wrong.items())
    told = [key for key, value in env.items() if "{origin}" in value]
    odd = [k for k, v in env.items() if "://" in v and any(host in v for host in LOCAL)]
    if odd:
        how = f'Write "{{origin}}" into {listed(f"`server.env.{key}`" for key in odd)}.'
    elif told:
        names = listed(f"`server.env.{key}`" for key in told)
        how = f"It is told so in {names}, and seems to read something else."
    else:
        how = 'Nothing in `server.env` tells it: write "{origin}" there.'
    return Diagnosis(
        "metadata",
        "endpoints-elsewhere",
        f"The target is called {listed(sorted(origins))}, and its metadata say that "
        f"{named}.",
        f"Tell the target its public URL. {how} Behind a proxy it may need "
        "`server.forwarded = true`. If the endpoints really are elsewhere, allow that "
        "origin in `login.origins`.",
        (
            *(f"server.env.{key}" for key in odd or told),
            *("server.env", "server.forwarded", "login.origins"),
        ),
    )
