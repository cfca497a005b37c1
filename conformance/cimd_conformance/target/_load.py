"""Read `target.toml`, and prepare the target outside the lab."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from cimd_conformance.catalogue import (
    complain,
    load_requirements,
    locate,
    placeholders,
    read_toml,
)
from cimd_conformance.model import ConfigError, Role, TargetError
from cimd_conformance.target._model import ACCOMMODATIONS, TargetFile

NAMES = frozenset(
    {
        *("origin", "host", "port", "ca_file", "bundle_file", "cache", "state"),
        *("upstream.issuer", "upstream.authorize", "upstream.token", "upstream.jwks"),
        *("token_endpoint", "resource", "dir", "issuer", "jwks_uri"),
        *("upstream_api", "proxy"),
        *("introspection_endpoint", "introspection_client", "introspection_secret"),
    }
)
"""Placeholders that a target file may use."""

CLIENT_NAMES = NAMES | {
    *("python", "server_url", "client_id", "redirect_uri", "callback_port"),
    *("protocol", "tool", "calls", "pause"),
}
"""Placeholders of the `client` table."""

PLACEHOLDERS = CLIENT_NAMES
"""Placeholders of any table."""

WORDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("server", "restart"): ("never", "crash", "exclusive"),
    ("server", "clock"): ("auto", "libfaketime", "none"),
    ("resource", "shown_by"): ("jwks", "introspection", "call", "userinfo"),
    ("login", "driver"): ("form",),
    ("tokens", "judged_by"): ("jwks", "introspection"),
    ("tokens", "alg"): ("ES256", "RS256"),
    ("client", "drive"): ("command", "program", "attended"),
    ("client", "document"): ("testbed", "target"),
}
"""Closed sets, by table and key."""

LIMITS: dict[tuple[str, str], tuple[float, float]] = {
    ("limits", "jobs"): (1, 256),
    ("limits", "grace"): (0, 600),
    ("limits", "seconds"): (0.1, 600),
    ("server", "ready_seconds"): (0.1, 3600),
    ("server", "port"): (0, 65535),
    ("limits", "pace"): (0, 600),
    ("limits", "retry_after"): (0, 3600),
    ("client", "seconds"): (0.1, 3600),
    ("client", "quiet"): (0.1, 3600),
}
"""The lowest and the highest number, by table and key."""

PROTOCOLS = ("2025-11-25", "2026-07-28")
CLIENT_FEATURES = (
    *("refresh", "step-up", "keeps-tokens", "server-side", "private_key_jwt"),
    "registration",
)

Wrong = tuple[list[str | int], str, str]
"""Where, what is wrong, what is allowed."""


def load_target(path: Path) -> TargetFile:
    """Return the file's value; raises `ConfigError` with file and line."""
    target, text = read_toml(path, TargetFile)
    for where, what, hint in _mistakes(target, path.parent):
        raise complain("target", path, locate(text, where), what, hint)
    return target


def _mistakes(target: TargetFile, folder: Path) -> Iterator[Wrong]:
    """Yield what is wrong besides the types."""
    if target.schema != 1:
        yield ["schema"], f"Schema {target.schema} is unknown.", "allowed: 1"
    for (table, key), words in WORDS.items():
        word = getattr(getattr(target, table), key)
        if word not in words:
            hint = "allowed: " + ", ".join(words)
            yield [table, key], f"{word!r} is not known here.", hint
    for (table, key), (lowest, highest) in LIMITS.items():
        number = getattr(getattr(target, table), key)
        if not lowest <= number <= highest:
            hint = f"allowed: {lowest:g} to {highest:g}"
            yield [table, key], f"{number} is out of range.", hint
    yield from _accommodations(target)
    yield from _services(target)
    yield from _placeholders(target)
    yield from _server(target, folder)
    yield from _client(target)


def _accommodations(target: TargetFile) -> Iterator[Wrong]:
    for number, accommodation in enumerate(target.accommodation):
        where: list[str | int] = ["accommodation", number]
        if accommodation.what not in ACCOMMODATIONS:
            hint = "allowed: " + ", ".join(ACCOMMODATIONS)
            what = f"{accommodation.what!r} is no accommodation."
            yield [*where, "what"], what, hint
        requirement = accommodation.requirement
        if requirement is not None and requirement not in load_requirements():
            near = difflib.get_close_matches(requirement, load_requirements())
            hint = f"Did you mean {near[0]!r}?" if near else "See _requirements."
            what = f"{requirement!r} is not in the catalogue."
            yield [*where, "requirement"], what, hint


def _placeholders(target: TargetFile) -> Iterator[Wrong]:
    server = target.server
    ports = {f"{service.name}.port" for service in target.service}
    names, client_names = NAMES | ports, CLIENT_NAMES | ports
    values: list[tuple[list[str | int], object, frozenset[str]]] = [
        (["server", "issuer"], server.issuer, NAMES),
        (["server", "prepare"], server.prepare, frozenset({"cache"})),
        (["server", "start"], server.start, names | {"python"}),
        (["server", "stop"], server.stop, names | {"python"}),
        (["server", "metadata"], server.metadata, NAMES),
        (["login", "origins"], target.login.origins, NAMES),
        (["resource", "uri"], target.resource.uri, NAMES),
        (["tokens", "audience"], target.tokens.audience, NAMES),
        (["client", "command"], target.client.command, client_names),
        (["client", "redirect_uris"], target.client.redirect_uris, client_names),
    ]
    for key, value in target.client.env.items():
        values.append((["client", "env", key], value, client_names))
    for key, value in server.env.items():
        values.append((["server", "env", key], value, names))
    for number, accommodation in enumerate(target.accommodation):
        values.append((["accommodation", number, "value"], accommodation.value, NAMES))
    for number, service in enumerate(target.service):
        said = [service.start, service.setup, list(service.env.values())]
        values.append((["service", number], said, names | {"python"}))
    for where, text, known in values:
        for name in placeholders(text):
            if name not in known:
                hint = "allowed: " + ", ".join(sorted(known))
                yield where, f"The placeholder {{{name}}} is unknown.", hint


def _services(target: TargetFile) -> Iterator[Wrong]:
    names = [service.name for service in target.service]
    for number, service in enumerate(target.service):
        where: list[str | int] = ["service", number]
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", service.name):
            hint = "allowed: small letters, digits, - and _"
            yield [*where, "name"], f"{service.name!r} is no name for a service.", hint
        if service.name in names[:number]:
            yield [*where, "name"], f"Two services are called {service.name!r}.", ""
        if not service.start:
            yield [*where, "start"], "A service needs a command.", ""
        if not 0.1 <= service.ready_seconds <= 3600:
            what = f"{service.ready_seconds} is out of range."
            yield [*where, "ready_seconds"], what, "allowed: 0.1 to 3600"
        try:
            re.compile(service.ready)
        except re.error as error:
            yield [*where, "ready"], f"{service.ready!r} is no pattern: {error}.", ""


def _server(target: TargetFile, folder: Path) -> Iterator[Wrong]:
    server = target.server
    if not server.issuer.startswith(("{origin}", "https://", "http://")):
        hint = 'allowed: a URL with http or https, e.g. "{origin}"'
        yield ["server", "issuer"], f"{server.issuer!r} is no issuer.", hint
    nowhere = not server.start and not server.port
    is_issuer = target.role is Role.AUTHORIZATION_SERVER
    if nowhere and "{" in server.issuer and is_issuer:
        what = "A server that is not started here needs an issuer of its own."
        hint = "Give `server.start`, or the `server.port` on which it runs."
        yield ["server", "issuer"], what, hint
    is_resource = target.role is Role.TOOL_SERVER
    if nowhere and "{" in target.resource.uri and is_resource:
        what = "A server that is not started here needs a URL of its own."
        hint = "Give `server.start`, or the `server.port` on which it runs."
        yield ["resource", "uri"], what, hint
    if not server.ready.startswith("/"):
        hint = "allowed: a path that begins with a slash"
        yield ["server", "ready"], f"{server.ready!r} is no path.", hint
    for lock in server.locks:
        if not (folder / lock).is_file():
            hint = "List existing files, relative to the target file."
            yield ["server", "locks"], f"There is no file {lock!r}.", hint


def _client(target: TargetFile) -> Iterator[Wrong]:
    if target.role is not Role.AGENT_HOST:
        return
    client = target.client
    for word in client.opens:
        if word not in ("browser", "output"):
            hint = "allowed: browser, output"
            yield ["client", "opens"], f"{word!r} is not known here.", hint
    for word in client.protocols:
        if word not in PROTOCOLS:
            hint = "allowed: " + ", ".join(PROTOCOLS)
            yield ["client", "protocols"], f"{word!r} is no MCP revision.", hint
    for word in client.features:
        if word not in CLIENT_FEATURES:
            hint = "allowed: " + ", ".join(CLIENT_FEATURES)
            yield ["client", "features"], f"{word!r} is no feature.", hint
    if client.drive == "command" and not client.command:
        what = "A client that is driven by a command needs one."
        yield ["client"], what, "Give `client.command`."
    if client.drive == "program" and not (client.hook or client.command):
        what = "A program that runs already is told by a hook or a command."
        yield ["client"], what, "Give `client.hook` or `client.command`."


def cache_dir(path: Path, target: TargetFile) -> Path:
    """Return where `prepare` installs this target: one folder per lock content."""
    digest = hashlib.sha256(repr(target.server.prepare).encode())
    for lock in target.server.locks:
        digest.update((path.parent / lock).read_bytes())
    base = os.environ.get("CIMD_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    slug = re.sub(r"[^a-z0-9]+", "-", target.name.lower()).strip("-")
    return root / "cimd-conformance" / f"{slug}-{digest.hexdigest()[:12]}"


def prepare_target(
    path: Path, target: TargetFile, say: Callable[[str], None] = lambda _line: None
) -> Path:
    """Run the `prepare` commands unless they succeeded before; return the cache.

    Raises `TargetError` with the command's last output when one fails.
    """
    try:
        cache = cache_dir(path, target)
    except OSError as error:
        raise ConfigError(
            "lock-unreadable",
            f"{path}: a lock file cannot be read: {error}.",
            "List existing files, relative to the target file, in server.locks.",
        ) from None
    done = cache / ".prepared"
    if done.exists() or not target.server.prepare:
        return cache
    cache.mkdir(parents=True, exist_ok=True)
    for command in target.server.prepare:
        argv = [part.replace("{cache}", str(cache)) for part in command]
        say(" ".join(argv))
        _prepare(argv, path.parent / target.server.cwd)
    done.touch()
    return cache


def _prepare(argv: list[str], cwd: Path) -> None:
    try:
        run = subprocess.run(  # noqa: S603 - the user's own file says so
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise TargetError(
            "prepare-failed", f"{argv[0]} cannot be run: {error}.", "Install it."
        ) from None
    if run.returncode:
        tail = "\n".join(run.stdout.splitlines()[-15:])
        raise TargetError(
            "prepare-failed",
            f"{' '.join(argv)} ended with {run.returncode}:\n{tail}",
            "Run the command by hand, or delete the cache folder and try again.",
        )
