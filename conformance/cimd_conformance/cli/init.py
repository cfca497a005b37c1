"""`init`: from a start command, or a running server, to a target file that works."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import click

from cimd_conformance.cli._main import PROGRAM
from cimd_conformance.cli._network import network_for_target
from cimd_conformance.model import ConfigError, InitRequest, Job, Role

_EPILOG = """\b
Examples:
  cimd-conformance init -- python3 server.py
  cimd-conformance init --env 'BASE={origin}' -- node server.js -p '{port}'
  cimd-conformance init --user alice:secret http://127.0.0.1:8000
  cimd-conformance init --role agent-host -- python3 client.py

\b
Placeholders in the command and in --env, chosen for each run:
  {port} {origin} {host}                      where the server is
  {issuer} {jwks_uri} {introspection_endpoint}
                                              whom a tool server trusts: us
  {upstream.authorize} {upstream.token} {upstream.jwks} {upstream.issuer}
                                              a provider to proxy to
  {client_id} {redirect_uri} {server_url}     for a client
"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command(
    epilog=_EPILOG,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    help="What it is; found out where it is not given.",
)
@click.option(
    "--out",
    metavar="FILE",
    default="target.toml",
    show_default=True,
    help="The file to write.",
)
@click.option("--name", help="How reports call it; the folder's name unless given.")
@click.option(
    "--env",
    "env",
    metavar="NAME=VALUE",
    multiple=True,
    help="A variable that the command reads; may be repeated.",
)
@click.option(
    "--user",
    "users",
    metavar="NAME:PASSWORD",
    multiple=True,
    help="Somebody who can log in; may be repeated.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 3600),
    default=30.0,
    show_default=True,
    help="How long the command may take until it listens.",
)
@click.option(
    "--network",
    type=click.Choice(["lab", "loopback"]),
    help="Where to try; the lab where there is one.",
)
@click.option("--force", is_flag=True, help="Replace the file.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the target prints.")
@click.argument("words", nargs=-1, required=True, metavar="[URL | -- COMMAND...]")
def command(**values: Any) -> int:
    """Describe your implementation: start it, ask it, try it, write target.toml.

    COMMAND starts it (or URL says where it runs, on this machine). How it is told its
    port and its URL, what it is, and what its legitimate flow needs is found out as far
    as it can be; what cannot is marked in the file.
    """
    options = _Options(**values)
    if "://" in options.words[0] and not options.url:
        raise click.UsageError("Options come before the URL.")
    _check_placeholders(options)
    file = Path(options.out)
    _check_file(file, force=options.force)
    chosen = network_for_target(options.network, running=bool(options.url))
    request = _request(options, file)
    job = Job(kind="init", network=chosen.name, adopted=chosen.adopted, init=request)
    role = ["--role", options.role] if options.role else []
    given = [PROGRAM, "init", *role, *([] if options.url else ["--"]), *options.words]
    from cimd_conformance.init import run_init  # noqa: PLC0415 - `--help` needs none

    return run_init(job, given, _show, verbose=options.verbose)


@dataclasses.dataclass(frozen=True, slots=True)
class _Options:
    """What the options say."""

    role: str | None
    out: str
    name: str | None
    env: tuple[str, ...]
    users: tuple[str, ...]
    seconds: float
    network: str | None
    force: bool
    verbose: bool
    words: tuple[str, ...]

    @property
    def url(self) -> str:
        """The server that runs already, '' for a command."""
        return self.words[0] if len(self.words) == 1 and "://" in self.words[0] else ""


def _check_placeholders(options: _Options) -> None:
    """Refuse names that nothing will ever be put in for."""
    from cimd_conformance.catalogue import placeholders  # noqa: PLC0415 - likewise
    from cimd_conformance.target import PLACEHOLDERS  # noqa: PLC0415 - likewise

    for text in (*options.words, *options.env):
        for name in placeholders(text):
            if name not in PLACEHOLDERS:
                raise click.UsageError(
                    f"The placeholder {{{name}}} is unknown. Known are: "
                    + ", ".join(sorted(PLACEHOLDERS))
                )


def _request(options: _Options, file: Path) -> InitRequest:
    here = Path.cwd()
    name = options.url.partition("://")[2] or here.name or "target"
    return InitRequest(
        file=str(file),
        name=options.name or name,
        start=[] if options.url else list(options.words),
        url=options.url,
        cwd=os.path.relpath(here, file.parent.absolute()),
        role=options.role or "",
        env=dict(_pair(one, "=", "--env") for one in options.env),
        users=[_pair(one, ":", "--user") for one in options.users],
        seconds=options.seconds,
    )


def _show(line: str) -> None:
    from cimd_conformance.reports.text import visible  # noqa: PLC0415 - likewise

    click.echo(visible(line), err=True)


def _check_file(file: Path, *, force: bool) -> None:
    if file.is_dir():
        raise ConfigError("file-exists", f"{file} is a folder.", "Give a file.")
    if file.exists() and not force:
        raise ConfigError(
            "file-exists",
            f"{file} is there already.",
            "Give --force to replace it, or another file with --out.",
        )


def _pair(text: str, mark: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(mark)
    if not found or not name or (mark == "=" and not _NAME.fullmatch(name)):
        shown = text if mark == "=" else text.partition(mark)[0]
        raise click.UsageError(f"{option} takes NAME{mark}VALUE, and got {shown!r}.")
    return name, value
