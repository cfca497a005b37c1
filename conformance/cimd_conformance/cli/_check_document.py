"""Read a document from a file or a loopback URL, lint it, and show what was found."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import ssl
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cimd_conformance.catalogue import load_profile
from cimd_conformance.lint import (
    Consequence,
    Demand,
    Finding,
    Parsed,
    Wrong,
    consequences,
    graded,
    lint_answer,
    lint_document,
    lint_key_set,
    parse,
)
from cimd_conformance.model import ConfigError, ExitCode, TargetError
from cimd_conformance.reports import check_writable, write_document
from cimd_conformance.reports.text import shortened, visible
from cimd_testbed.core import split_url
from cimd_testbed.net import HttpClient, HttpError, LoopbackNetwork, Response

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
_SECONDS = 10.0
_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for."""

    source: str
    client_id: str | None
    jwks: Path | None
    was: Path | None
    ca: Path | None
    profile: str
    strict: bool
    json_path: str | None


@dataclass(frozen=True, slots=True)
class _Read:
    """A document as it was found, and what was wrong on the way."""

    parsed: Parsed
    client_id: str | None
    keys: Parsed | None
    wrong: tuple[Wrong, ...] = ()


def check(asked: Asked) -> int:
    """Check, show, and return the exit code.

    Raises `ConfigError` for what cannot be read, `TargetError` for what cannot be
    fetched.
    """
    profile = load_profile(asked.profile)
    if asked.json_path is not None:
        check_writable(asked.json_path)
    is_url = split_url(asked.source).scheme in ("http", "https")
    read = asyncio.run(_fetched(asked)) if is_url else _from_files(asked)
    findings = list(graded(_lint(read), profile))
    findings.sort(key=lambda f: (f.level is None, not f.grave))
    changes = list(_changes(asked, read))
    if asked.json_path is not None:
        _write(asked.json_path, findings, changes)
    else:
        click.echo("\n".join(_shown(asked, findings, changes)))
    demanded = [change for change in changes if change.demand is not Demand.NOTHING]
    bad = any(f.grave for f in findings) or (asked.strict and (findings or demanded))
    return int(ExitCode.FAILED if bad else ExitCode.CONFORMANT)


def _lint(read: _Read) -> Iterator[Wrong]:
    yield from read.wrong
    yield from read.parsed.wrong
    if read.parsed.members is not None:
        yield from lint_document(read.parsed.members, read.client_id)
    if read.keys is not None:
        yield from read.keys.wrong
        if read.keys.members is not None:
            yield from lint_key_set(read.keys.members, "jwks_uri", inline=False)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "document-unreadable",
            f"{path} cannot be read: {error.strerror}.",
            "Give the path of a file, or the URL of a document on this machine.",
        ) from None


def _from_files(asked: Asked) -> _Read:
    keys = parse(_bytes(asked.jwks), "key set") if asked.jwks else None
    parsed = parse(_bytes(Path(asked.source)))
    return _Read(parsed, asked.client_id, keys)


def _changes(asked: Asked, read: _Read) -> Iterator[Consequence]:
    if asked.was is None or read.parsed.members is None:
        return
    old = parse(_bytes(asked.was)).members
    if old is None:
        raise ConfigError(
            "document-unreadable",
            f"{asked.was} holds no JSON object.",
            "Give the earlier version of the document.",
        )
    yield from consequences(old, read.parsed.members)


# --- from a URL ---------------------------------------------------------------------


async def _fetched(asked: Asked) -> _Read:
    """Fetch document and key set; nothing but loopback is ever asked."""
    _demand_loopback(asked.source)
    network = LoopbackNetwork()
    http = HttpClient(network.dialer(None), network.resolver(None), _trust(asked.ca))
    try:
        answer = await _get(http, asked.source)
        parsed = parse(answer.body)
        keys, more = await _fetched_keys(http, asked, parsed.members or {})
    finally:
        await http.close()
    wrong = (*lint_answer(answer.status, _headers(answer)), *more)
    return _Read(parsed, asked.client_id or asked.source, keys, wrong)


async def _fetched_keys(
    http: HttpClient, asked: Asked, members: dict[str, Any]
) -> tuple[Parsed | None, tuple[Wrong, ...]]:
    if asked.jwks is not None:
        return parse(_bytes(asked.jwks), "key set"), ()
    url = members.get("jwks_uri")
    if not isinstance(url, str) or split_url(url).host not in _LOOPBACK:
        return None, ()
    answer = await _get(http, url)
    if answer.status != 200:
        what = f"jwks_uri answers with status {answer.status}."
        wrong = Wrong("host-jwks-served", "jwks_uri", what, "Answer with 200.")
        return None, (wrong,)
    return parse(answer.body, "key set"), ()


async def _get(http: HttpClient, url: str) -> Response:
    accept = (("Accept", "application/json"),)
    try:
        async with asyncio.timeout(_SECONDS):
            return await http.request("GET", url, accept)
    except (HttpError, OSError, TimeoutError) as error:
        hint = "Is the server running, and is its certificate known (--ca)?"
        raise TargetError(
            "document-not-fetched",
            f"{url} cannot be fetched: {str(error) or type(error).__name__}.",
            hint,
        ) from None


def _headers(answer: Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}


def _trust(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "ca-unreadable", f"{ca} is no CA certificate: {error}.", "Give a PEM file."
        ) from None


def _demand_loopback(url: str) -> None:
    if split_url(url).host in _LOOPBACK:
        return
    raise ConfigError(
        "remote-document",
        f"{url} is not on this machine, and nothing else is fetched.",
        "Save it (curl -O) and check the file, with --client-id for its URL.",
    )


# --- what is shown ------------------------------------------------------------------


def _shown(
    asked: Asked, findings: list[Finding], changes: list[Consequence]
) -> Iterator[str]:
    for finding in findings:
        word = finding.level.value if finding.level else "note"
        at = f"{finding.at}: " if finding.at and finding.at not in finding.what else ""
        yield from _hanging(word, f"{at}{finding.what}")
        yield from _hanging("", f"{finding.requirement}: {finding.clause}")
        yield from _hanging("", f"fix: {finding.fix}")
        yield ""
    if changes:
        yield f"Since {asked.was}:"
    for change in changes:
        yield from _hanging(change.demand.value, change.what)
        yield from _hanging("", change.requirement)
    if changes:
        yield ""
    counts = Counter(f.level.value if f.level else "note" for f in findings)
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    yield f"{asked.source}: {told or 'nothing is wrong'} (profile {asked.profile})"


def _hanging(word: str, text: str) -> list[str]:
    """Return a text beside a word, wrapped under itself."""
    return textwrap.wrap(
        shortened(visible(text), 600),
        _WIDTH,
        initial_indent=f"{word:<11}",
        subsequent_indent=" " * 11,
        break_on_hyphens=False,
    )


def _write(path: str, findings: list[Finding], changes: list[Consequence]) -> None:
    value = {
        "schema": "cimd-conformance/document-check/1",
        "findings": [dataclasses.asdict(finding) for finding in findings],
        "changes": [dataclasses.asdict(change) for change in changes],
    }
    text = json.dumps(value, indent=1, ensure_ascii=False)
    write_document(path, f"{text}\n".encode("utf-8", "replace"))
