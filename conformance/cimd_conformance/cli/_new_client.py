"""Make keys and a client metadata document (CIMD-03 section 4, RFC 7591 section 2)."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from joserfc.jwk import ECKey, RSAKey

from cimd_conformance.cli.new_client import DOCUMENT_URL
from cimd_conformance.model import ConfigError
from cimd_testbed.core import split_url

_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


@dataclass(frozen=True, slots=True)
class NewClient:
    """What the command line asks for; no algorithms: a public client."""

    directory: Path
    url: str
    name: str
    redirect_uris: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_uri: str | None
    inline: bool

    @property
    def published_keys(self) -> str:
        """The URL of the key set."""
        beside = self.url.partition("?")[0].rpartition("/")[0]
        return self.jwks_uri or f"{beside}/jwks.json"


def write_client(client: NewClient, *, force: bool) -> str:
    """Write everything and return the next steps."""
    _demand_https("--url", client.url)
    _demand_https("--jwks-uri", client.published_keys)
    for uri in client.redirect_uris:
        _demand_redirect_uri(uri)
    keys = {alg: _new_key(alg) for alg in client.algorithms}
    files = _files(client, keys)
    taken = [name for name in files if (client.directory / name).exists()]
    if taken and not force:
        raise ConfigError(
            "client-exists",
            f"{client.directory / taken[0]} is there already and is not overwritten.",
            "Choose another folder, or replace the client with --force; what was "
            "signed with its keys is then worth nothing.",
        )
    try:
        client.directory.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            _write(client.directory / name, data, private=name.startswith("private-"))
    except OSError as error:
        raise ConfigError(
            "client-not-written",
            f"Cannot write the client to {client.directory}: {error.strerror}.",
            "Give --out a folder that you may write to.",
        ) from error
    return _next_steps(client, files)


def _demand_https(option: str, url: str) -> None:
    """Demand what CIMD-03 section 3 does, as far as people get it wrong."""
    parts = split_url(url)
    dots = {".", ".."} & set(parts.path.split("/"))
    plain = parts.fragment is None and parts.userinfo is None and not dots
    if parts.scheme == "https" and parts.host and parts.path and plain:
        return
    raise ConfigError(
        "client-url-invalid",
        f"{option} {url!r} cannot be used.",
        "It has to be an https URL with a path, without dot segments, user name, "
        "password or fragment (CIMD-03 section 3).",
    )


def _demand_redirect_uri(uri: str) -> None:
    parts = split_url(uri)
    web = parts.scheme == "https" and bool(parts.host)
    loopback = parts.scheme == "http" and parts.host in _LOOPBACK
    private = parts.scheme not in ("http", "https") and "." in (parts.scheme or "")
    if parts.fragment is None and (web or loopback or private):
        return
    raise ConfigError(
        "redirect-uri-invalid",
        f"--redirect-uri {uri!r} cannot be used.",
        "Give an https URL, an http URL on 127.0.0.1 or localhost, or a scheme of your "
        "own like com.example.app:/callback, without fragment (RFC 8252 section 7).",
    )


def _new_key(alg: str) -> ECKey | RSAKey:
    """Make a key whose `kid` is its thumbprint (RFC 7638)."""
    made: ECKey | RSAKey
    if alg == "ES256":
        made = ECKey.generate_key("P-256", auto_kid=True)
    else:
        made = RSAKey.generate_key(2048, auto_kid=True)
    return made


def _files(client: NewClient, keys: Mapping[str, ECKey | RSAKey]) -> dict[str, bytes]:
    """Return what is to be written, by name."""
    files: dict[str, bytes] = {}
    public = []
    for alg, key in keys.items():
        extra = {"use": "sig", "alg": alg}
        stem = f"private-{alg.lower()}"
        files[f"{stem}.jwk"] = _json({**key.as_dict(private=True), **extra})
        files[f"{stem}.pem"] = key.as_pem(private=True)
        public.append({**key.as_dict(private=False), **extra})
    if public:
        files["jwks.json"] = _json({"keys": public})
    files["client.json"] = _json(_document(client, public))
    return files


def _document(client: NewClient, public: list[dict[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "client_id": client.url,
        "client_name": client.name,
        "client_uri": f"{split_url(client.url).origin}/",
        "redirect_uris": list(client.redirect_uris),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt" if public else "none",
    }
    if len(public) == 1:
        document["token_endpoint_auth_signing_alg"] = public[0]["alg"]
    if public and client.inline:
        document["jwks"] = {"keys": public}
    elif public:
        document["jwks_uri"] = client.published_keys
    return document


def _json(value: dict[str, Any]) -> bytes:
    return f"{json.dumps(value, indent=2, ensure_ascii=False)}\n".encode()


def _write(path: Path, data: bytes, *, private: bool) -> None:
    """Write a file; a private one is its owner's alone, from its first byte on."""
    path.unlink(missing_ok=True)
    mode = 0o600 if private else 0o644
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb"
    ) as f:
        f.write(data)
    click.echo(f"wrote {path}", err=True)


def _next_steps(client: NewClient, files: Mapping[str, bytes]) -> str:
    folder = client.directory
    steps = [f"client_id  {client.url}", "", "Next:"]
    if client.url == DOCUMENT_URL:
        command = ["cimd-conformance", "serve", "--documents", str(folder)]
        steps.append(f"- publish it: {shlex.join(command)}")
    else:
        steps.append(f"- publish {folder / 'client.json'} at {client.url}")
        if "jwks.json" in files and not client.inline:
            steps.append(f"- publish {folder / 'jwks.json'} at {client.published_keys}")
        steps.append("  as application/json, without redirects")
    if client.algorithms:
        alg = client.algorithms[0]
        steps += [
            f"- sign client assertions with {folder / f'private-{alg.lower()}.jwk'}",
            f"  (or .pem): alg {alg}, the kid of jwks.json, iss and sub the client_id,",
            "  aud the issuer of the authorization server",
        ]
    steps.append(f"- receive the browser at {', '.join(client.redirect_uris)}")
    return "\n".join(steps)
