"""`check-document`: what is wrong with a client metadata document and its keys."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  cimd-conformance check-document client.json
  cimd-conformance check-document client.json --client-id https://a.example/c
  cimd-conformance check-document https://localhost:8443/client --ca ca.pem
  cimd-conformance check-document new.json --was old.json

\b
Exit codes: 0 nothing grave, 1 a MUST is violated (or, with --strict, anything
found), 2 wrong usage, 3 the document cannot be fetched.
"""


@click.command(epilog=_EPILOG)
@click.argument("document", metavar="FILE-OR-URL")
@click.option("--client-id", metavar="URL", help="Where a file will be published.")
@click.option(
    "--jwks",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key set that jwks_uri leads to.",
)
@click.option(
    "--was",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An earlier version: say what the change demands of servers.",
)
@click.option(
    "--ca",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Trust this CA when fetching.",
)
@click.option(
    "--profile",
    default="hardened",
    show_default=True,
    metavar="NAME",
    help="The text whose requirements count.",
)
@click.option("--strict", is_flag=True, help="Whatever is found counts.")
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    help="Write the findings as a JSON document; `-` is stdout.",
)
def command(
    document: str,
    *,
    client_id: str | None,
    jwks: Path | None,
    was: Path | None,
    ca: Path | None,
    profile: str,
    strict: bool,
    json_path: str | None,
) -> int:
    """Check a client metadata document and its keys, without any server.

    A file is read offline. A URL has to be on this machine; with it, status, headers
    and the key set at jwks_uri are checked too. Each finding has its clause and its
    mend.
    """
    from cimd_conformance.cli._check_document import (  # noqa: PLC0415 - when run
        Asked,
        check,
    )

    asked = Asked(document, client_id, jwks, was, ca, profile, strict, json_path)
    return check(asked)
