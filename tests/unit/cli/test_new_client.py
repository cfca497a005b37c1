"""`new-client`: what it writes, who may read it, what it refuses."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from cimd_conformance.cli import run_cli

URL = "https://app.example.com/oauth/client.json"
KINDS = {"ES256": ECKey, "RS256": RSAKey}


def _make(folder: Path, *arguments: str) -> int:
    return run_cli(["new-client", "--out", str(folder), *arguments])


def _read(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return value


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_the_files(tmp_path: Path) -> None:
    assert _make(tmp_path / "c", "--url", URL) == 0
    expected = {"client.json", "jwks.json", "private-es256.jwk", "private-es256.pem"}
    assert _names(tmp_path / "c") == expected
    document = _read(tmp_path / "c" / "client.json")
    assert document == {
        "client_id": URL,
        "client_name": "My CIMD client",
        "client_uri": "https://app.example.com/",
        "redirect_uris": ["http://127.0.0.1:8749/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": "https://app.example.com/oauth/jwks.json",
    }


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_private_keys_are_for_their_owner_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert _make(tmp_path / "c", "--alg", "ES256", "--alg", "RS256") == 0
        assert _make(tmp_path / "c", "--alg", "ES256", "--force") == 0
    finally:
        os.umask(before)
    for file in (tmp_path / "c").iterdir():
        mode = stat.S_IMODE(file.stat().st_mode)
        assert mode == (0o600 if file.name.startswith("private-") else 0o644), file


@pytest.mark.parametrize("alg", KINDS)
def test_what_a_private_key_signs_the_published_one_verifies(
    tmp_path: Path, alg: str
) -> None:
    assert _make(tmp_path / "c", "--alg", alg) == 0
    private = _read(tmp_path / "c" / f"private-{alg.lower()}.jwk")
    published = _read(tmp_path / "c" / "jwks.json")
    assert [key["kid"] for key in published["keys"]] == [private["kid"]]
    assert "d" not in published["keys"][0]
    key = KINDS[alg].import_key(private)
    assert key.thumbprint() == private["kid"]
    signed = jwt.encode({"alg": alg, "kid": private["kid"]}, {"a": 1}, key)
    keys = KeySet.import_key_set({"keys": published["keys"]})
    assert jwt.decode(signed, keys, algorithms=[alg]).claims == {"a": 1}
    pem = (tmp_path / "c" / f"private-{alg.lower()}.pem").read_bytes()
    assert pem.startswith(b"-----BEGIN " + b"PRIVATE KEY-----")
    same = load_pem_private_key(pem, None).public_key()
    assert KINDS[alg].import_key(private).public_key == same


def test_two_keys_inline(tmp_path: Path) -> None:
    algs = ["--alg", "ES256", "--alg", "RS256"]
    assert _make(tmp_path / "c", *algs, "--inline") == 0
    document = _read(tmp_path / "c" / "client.json")
    assert document["jwks"] == _read(tmp_path / "c" / "jwks.json")
    assert [key["alg"] for key in document["jwks"]["keys"]] == ["ES256", "RS256"]
    assert not {"jwks_uri", "token_endpoint_auth_signing_alg"} & document.keys()
    assert not {"d", "p", "q"} & document["jwks"]["keys"][1].keys()


def test_keys_elsewhere(tmp_path: Path) -> None:
    assert _make(tmp_path / "c", "--jwks-uri", "https://keys.example.com/k") == 0
    document = _read(tmp_path / "c" / "client.json")
    assert document["jwks_uri"] == "https://keys.example.com/k"


def test_a_public_client_has_no_keys(tmp_path: Path) -> None:
    assert _make(tmp_path / "c", "--auth", "none", "--name", "Größe") == 0
    assert _names(tmp_path / "c") == {"client.json"}
    document = _read(tmp_path / "c" / "client.json")
    assert document["token_endpoint_auth_method"] == "none"
    assert document["client_name"] == "Größe"
    assert not {"jwks", "jwks_uri"} & document.keys()


def test_several_redirect_uris(tmp_path: Path) -> None:
    uris = ["https://a.example/cb", "com.example.app:/cb", "http://[::1]:9/cb"]
    options = [word for uri in uris for word in ("--redirect-uri", uri)]
    assert _make(tmp_path / "c", *options) == 0
    assert _read(tmp_path / "c" / "client.json")["redirect_uris"] == uris


def test_nothing_is_overwritten_without_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _make(tmp_path / "c") == 0
    before = {file: file.read_bytes() for file in (tmp_path / "c").iterdir()}
    (tmp_path / "c" / "client.json").rename(tmp_path / "c" / "mine.json")
    assert _make(tmp_path / "c") == 2
    assert "error[client-exists]" in capsys.readouterr().err
    assert not (tmp_path / "c" / "client.json").exists()
    assert _make(tmp_path / "c", "--force") == 0
    key = tmp_path / "c" / "private-es256.jwk"
    assert key.read_bytes() != before[key]


def test_the_next_steps_are_on_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _make(tmp_path / "c", "--url", URL, "--redirect-uri", "https://a.b/c") == 0
    said = capsys.readouterr()
    assert f"publish {tmp_path / 'c' / 'client.json'} at {URL}\n" in said.out
    assert "at https://app.example.com/oauth/jwks.json\n" in said.out
    assert "https://a.b/c" in said.out
    assert "wrote " in said.err
    secret = _read(tmp_path / "c" / "private-es256.jwk")["d"]
    assert secret not in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://a.example/client.json"], "client-url-invalid"),
        (["--url", "https://a.example"], "client-url-invalid"),
        (["--url", "https://a.example/b/../client.json"], "client-url-invalid"),
        (["--url", "https://me@a.example/client.json"], "client-url-invalid"),
        (["--url", "https://a.example/client.json#x"], "client-url-invalid"),
        (["--jwks-uri", "http://a.example/jwks.json"], "client-url-invalid"),
        (["--redirect-uri", "http://a.example/cb"], "redirect-uri-invalid"),
        (["--redirect-uri", "https://a.example/cb#x"], "redirect-uri-invalid"),
        (["--redirect-uri", "javascript:alert(1)"], "redirect-uri-invalid"),
        (["--redirect-uri", "/callback"], "redirect-uri-invalid"),
        (["--alg", "HS256"], "usage"),
        (["--auth", "none", "--alg", "ES256"], "usage"),
        (["--inline", "--jwks-uri", "https://a.example/k"], "usage"),
    ],
)
def test_what_no_server_would_take_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert _make(tmp_path / "c", *arguments) == 2
    streams = capsys.readouterr()
    assert f"error[{said}]" in streams.err
    assert streams.out == ""
    assert not (tmp_path / "c").exists()


def test_a_folder_that_cannot_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert _make(tmp_path / "file" / "c") == 2
    assert "error[client-not-written]" in capsys.readouterr().err
