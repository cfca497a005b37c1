"""`certs`: write a local CA and leaves for it, and say how a target trusts it."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cimd_conformance.model import ConfigError

if TYPE_CHECKING:
    from cimd_certs import Authority

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

_EPILOG = """\b
Examples:
  cimd-conformance certs --out pki
  cimd-conformance certs --out pki --leaf localhost --leaf as.example.com
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--out",
    "directory",
    metavar="DIR",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write ca.pem and the leaves; made when it is not there.",
)
@click.option(
    "--leaf",
    "names",
    metavar="NAME",
    multiple=True,
    help="A DNS name or IP address to write a pair for: NAME.pem and NAME-key.pem.",
)
@click.option(
    "--keep-key",
    is_flag=True,
    help="Also write the CA's key, so that later calls can add leaves.",
)
@click.option("--force", is_flag=True, help="Replace the CA that is there.")
def command(
    directory: Path, names: tuple[str, ...], *, keep_key: bool, force: bool
) -> None:
    """Write a local CA, and leaves for it, for a target that a run will test.

    Prints, as shell lines, what makes a target trust the CA, per runtime.
    Without --keep-key the CA's key is thrown away: nobody can add leaves later, and
    trusting the CA stays harmless.
    """
    from cimd_certs import trust_hints  # noqa: PLC0415 - `--help` does not need it

    try:
        ca_file = _write(directory, names, keep_key=keep_key, force=force)
    except OSError as error:
        raise ConfigError(
            "certs-not-written",
            f"Cannot write the certificates to {directory}: {error.strerror}.",
            "Give --out a folder that you may write to.",
        ) from error
    click.echo("\n\n".join(hint.shell() for hint in trust_hints(ca_file.resolve())))


def _write(
    directory: Path, names: tuple[str, ...], *, keep_key: bool, force: bool
) -> Path:
    from cimd_certs import Authority  # noqa: PLC0415 - `--help` does not need it

    stems = _stems(names)
    ca_file = directory / "ca.pem"
    if ca_file.exists() and not force:
        authority = _reopen(directory, names)
    else:
        authority = Authority()
    leaves = {stem: authority.leaf(name) for stem, name in stems.items()}
    directory.mkdir(parents=True, exist_ok=True)
    if not ca_file.exists() or force:
        (directory / "ca-key.pem").unlink(missing_ok=True)
        authority.write(directory, keep_key=keep_key)
        click.echo(f"wrote {ca_file}", err=True)
    for stem, leaf in leaves.items():
        for path in leaf.write(directory, stem):
            click.echo(f"wrote {path}", err=True)
    return ca_file


def _reopen(directory: Path, names: tuple[str, ...]) -> Authority:
    """Open the CA that is there, to add leaves; it is never overwritten."""
    from cimd_certs import Authority  # noqa: PLC0415 - `--help` does not need it

    if names and (directory / "ca-key.pem").exists():
        try:
            return Authority.load(directory)
        except ValueError as error:
            raise ConfigError(
                "ca-unreadable",
                f"{directory} holds a CA that cannot be read: {error}",
                "Replace it with --force, or choose another folder.",
            ) from error
    raise ConfigError(
        "ca-exists",
        f"{directory / 'ca.pem'} is there already and is not overwritten.",
        "Choose another folder, or replace it with --force; targets must then be "
        "given the new CA. Leaves can be added to a CA written with --keep-key.",
    )


def _stems(names: tuple[str, ...]) -> dict[str, str]:
    """Return the file stem for each name; refuses what is none, or would collide."""
    stems: dict[str, str] = {}
    files = {"ca.pem", "ca-key.pem"}
    for name in dict.fromkeys(names):
        stem = _stem(name)
        new = {f"{stem}.pem", f"{stem}-key.pem"}
        if new & files:
            raise ConfigError(
                "leaf-name-taken",
                f"The files of --leaf {name} would overwrite others of this command.",
                "Write this leaf into a folder of its own.",
            )
        files |= new
        stems[stem] = name
    return stems


def _stem(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name)).replace(":", "_")
    except ValueError:
        pass
    plain = name.lower().removesuffix(".")
    labels = plain.removeprefix("*.").split(".")
    if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ConfigError(
            "leaf-name-invalid",
            f"--leaf {name!r} is neither a DNS name nor an IP address.",
            "Give it like as.example.com, *.example.com, localhost or 127.0.0.1; "
            "international names in their xn-- form.",
        )
    return plain.replace("*", "wildcard")
