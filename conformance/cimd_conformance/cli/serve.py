"""`serve`: the reference trio as long-lived servers."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  cimd-conformance serve
  cimd-conformance serve --port-base 0 --json - --quiet
  cimd-conformance serve --certs pki --documents my-client
  cimd-conformance serve --resource https://localhost:9000/mcp
"""

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(epilog=_EPILOG)
@click.option(
    "--port-base",
    metavar="N",
    type=click.IntRange(0, 65532),
    default=8740,
    show_default=True,
    help="The servers listen on N to N+3 of 127.0.0.1; 0 takes free ports.",
)
@click.option(
    "--certs",
    "pki",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Use the CA that `certs --keep-key` wrote there, not a fresh one.",
)
@click.option(
    "--documents",
    metavar="DIR",
    type=_FOLDER,
    help="The document host publishes the *.json files of this folder.",
)
@click.option(
    "--resource",
    "resources",
    metavar="URL",
    multiple=True,
    help="Also issue tokens for this tool server of yours; may be repeated.",
)
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write what is printed as a JSON document too; `-` is stdout, instead.",
)
@click.option("-q", "--quiet", is_flag=True, help="No line per request on stderr.")
def command(
    *,
    port_base: int,
    pki: Path | None,
    documents: Path | None,
    resources: tuple[str, ...],
    json_path: str | None,
    quiet: bool,
) -> None:
    """Run the reference authorization server, tool server and agent host.

    They stay on loopback, and everything they know is gone when they end.
    Prints where they are, who can log in, how to trust them, and what to set to point
    your own product at them. Ends with 0 on SIGTERM, with 130 on Ctrl-C.
    """
    from cimd_conformance.cli._serve import Service, serve  # noqa: PLC0415 - when run

    serve(Service(port_base, pki, documents, resources, json_path, quiet))
