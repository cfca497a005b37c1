"""`new-client`: keys, a key set and a client metadata document of one's own."""

from __future__ import annotations

from pathlib import Path

import click

_EPILOG = """\b
Examples:
  cimd-conformance new-client --out my-client
  cimd-conformance new-client --out my-client --alg RS256 --inline \\
      --url https://app.example.com/oauth/client.json \\
      --redirect-uri https://app.example.com/callback
  cimd-conformance new-client --out my-client --auth none
"""

DOCUMENT_URL = "https://localhost:8743/client.json"
REDIRECT_URI = "http://127.0.0.1:8749/callback"


@click.command(epilog=_EPILOG)
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write; made when it is not there.",
)
@click.option(
    "--url",
    metavar="URL",
    default=DOCUMENT_URL,
    show_default=True,
    help="Where the document will be published: the client_id. The default is the "
    "document host of `serve`.",
)
@click.option(
    "--name",
    metavar="NAME",
    default="My CIMD client",
    show_default=True,
    help="How consent pages call the client.",
)
@click.option(
    "--redirect-uri",
    "redirect_uris",
    metavar="URI",
    multiple=True,
    default=(REDIRECT_URI,),
    show_default=True,
    help="Where the browser comes back to; may be repeated.",
)
@click.option(
    "--alg",
    "algorithms",
    type=click.Choice(["ES256", "RS256"]),
    multiple=True,
    help="A key for this algorithm; may be repeated. ES256 unless given.",
)
@click.option(
    "--auth",
    type=click.Choice(["none", "private_key_jwt"]),
    default="private_key_jwt",
    show_default=True,
    help="How the client authenticates at the token endpoint.",
)
@click.option(
    "--jwks-uri",
    metavar="URL",
    help="Where jwks.json will be published; beside the document unless given.",
)
@click.option("--inline", is_flag=True, help="Put the keys into the document.")
@click.option("--force", is_flag=True, help="Replace the files that are there.")
def command(
    *,
    directory: Path,
    url: str,
    name: str,
    redirect_uris: tuple[str, ...],
    algorithms: tuple[str, ...],
    auth: str,
    jwks_uri: str | None,
    inline: bool,
    force: bool,
) -> None:
    """Make a client: its keys, jwks.json, and client.json, its metadata document.

    Prints the next steps. Private keys are written as JWK and as PEM, for the owner's
    eyes only; publish client.json and jwks.json, and nothing else.
    """
    if auth == "none" and (algorithms or jwks_uri or inline):
        raise click.UsageError(
            "--auth none has no keys: leave out --alg, --jwks-uri and --inline."
        )
    if inline and jwks_uri:
        raise click.UsageError("--inline and --jwks-uri exclude each other.")
    from cimd_conformance.cli._new_client import (  # noqa: PLC0415 - `--help` needs none
        NewClient,
        write_client,
    )

    client = NewClient(
        directory=directory,
        url=url,
        name=name,
        redirect_uris=tuple(dict.fromkeys(redirect_uris)),
        algorithms=tuple(dict.fromkeys(algorithms or ("ES256",))) * (auth != "none"),
        jwks_uri=jwks_uri,
        inline=inline,
    )
    click.echo(write_client(client, force=force))
