"""Run the reference trio until somebody says stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from cimd_certs import Authority
from cimd_conformance.cli._serve_text import Facts, describe, document
from cimd_conformance.model import ConfigError
from cimd_conformance.reports.text import shortened, visible
from cimd_testbed import Ports, Testbed
from cimd_testbed.net import Request, Response


@dataclass(frozen=True, slots=True)
class Service:
    """What the command line asks for."""

    port_base: int
    pki: Path | None
    documents: Path | None
    resources: tuple[str, ...]
    json_path: str | None
    quiet: bool

    @property
    def ports(self) -> Ports:
        """Four ports in a row, or four free ones."""
        base = self.port_base
        return Ports(base, base + 1, base + 2, base + 3) if base else Ports()


def serve(service: Service) -> None:
    """Serve until SIGTERM; Ctrl-C raises `KeyboardInterrupt` when all is closed."""
    for uri in service.resources:
        if not uri.startswith(("https://", "http://")) or "#" in uri:
            raise ConfigError(
                "resource-invalid",
                f"--resource {uri!r} is not the URL of a tool server.",
                "Give its http or https URL, as its clients spell it, without fragment "
                "(RFC 8707 section 2).",
            )
    with _authority(service.pki) as (authority, ca_file):
        asyncio.run(_serve(service, authority, ca_file))


async def _serve(service: Service, authority: Authority, ca_file: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(NotImplementedError):  # Windows ends at once
                loop.add_signal_handler(number, stop.set)
    bed = Testbed(
        ports=service.ports,
        authority=authority,
        resources=service.resources,
        on_response=None if service.quiet else _log,
    )
    bed.document_host.folder = service.documents
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(bed)
        except OSError as error:
            raise _no_port(service, error) from error
        _announce(service, Facts.of(bed, ca_file, service))
        await stop.wait()


def _announce(service: Service, facts: Facts) -> None:
    text = describe(facts)
    if service.json_path is not None:
        written = json.dumps(document(facts), indent=2)
        if service.json_path == "-":
            text = written
        else:
            _write(Path(service.json_path), written + "\n")
    click.echo(text)


def _write(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all: somebody waits for it."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, "utf-8")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(
            "report-not-writable",
            f"Cannot write {path}: {error.strerror}.",
            "Give --json a file in a folder that you may write to.",
        ) from error


def _log(server: str, request: Request, response: Response) -> None:
    """Write an access log line; queries hold codes and are left out."""
    path = visible(shortened(request.path, 200))
    line = f"{server}: {visible(request.method)} {path} {response.status}"
    with contextlib.suppress(OSError):
        click.echo(line, err=True)


def _no_port(service: Service, error: OSError) -> ConfigError:
    base = service.port_base
    ports = f"ports {base} to {base + 3} of 127.0.0.1" if base else "127.0.0.1"
    return ConfigError(
        "port-unavailable",
        f"Cannot listen on {ports}: {error.strerror}.",
        "Choose others with --port-base N, or free ones with --port-base 0.",
    )


@contextlib.contextmanager
def _authority(pki: Path | None) -> Iterator[tuple[Authority, Path]]:
    """Give the CA and the file that its certificate is in."""
    if pki is not None:
        yield _reopen(pki), (pki / "ca.pem").resolve()
        return
    with tempfile.TemporaryDirectory(prefix="cimd-serve-") as directory:
        authority = Authority()
        yield authority, authority.write(Path(directory))


def _reopen(pki: Path) -> Authority:
    make = f"`cimd-conformance certs --out {pki} --keep-key --leaf localhost`"
    try:
        return Authority.load(pki)
    except FileNotFoundError as error:
        raise ConfigError(
            "ca-missing",
            f"There is no CA with its key in {pki}: {Path(error.filename).name} is "
            "not there.",
            f"Write one with {make}; without --keep-key its key is thrown away.",
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            "ca-unreadable",
            f"{pki} holds a CA that cannot be read: {error}",
            f"Write another with {make}, into another folder or with --force.",
        ) from error
