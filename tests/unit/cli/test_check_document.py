"""`check-document`: files offline, exit codes, a document; nothing but loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cimd_conformance.cli import run_cli

GOOD = {
    "client_id": "https://app.example/c.json",
    "client_name": "App",
    "redirect_uris": ["https://app.example/cb"],
}


def write(folder: Path, name: str = "c.json", **changed: object) -> str:
    file = folder / name
    file.write_text(json.dumps({**GOOD, **changed}), "utf-8")
    return str(file)


def test_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["check-document", write(tmp_path)]) == 0
    assert "nothing is wrong (profile hardened)" in capsys.readouterr().out


def test_a_bad_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, client_secret="canary-secret", client_name="\x1b[31mX")
    assert run_cli(["check-document", file]) == 1
    out = capsys.readouterr().out
    assert "MUST       The document has client_secret" in out
    assert "fix: Remove it" in out
    assert "\x1b" not in out
    assert "canary-secret" not in out
    assert max(map(len, out.splitlines())) <= 120


def test_a_warning_counts_when_strict(tmp_path: Path) -> None:
    file = write(tmp_path, redirect_uris=["http://localhost/cb"])
    assert run_cli(["check-document", file]) == 0
    assert run_cli(["check-document", file, "--strict"]) == 1


def test_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = write(tmp_path, "old.json")
    new = write(tmp_path, redirect_uris=["https://app.example/cb", "https://x/"])
    assert run_cli(["check-document", new, "--was", old]) == 0
    out = capsys.readouterr().out
    assert "consent    https://x/ is new" in out
    assert run_cli(["check-document", new, "--was", old, "--strict"]) == 1


def test_the_keys_at_jwks_uri(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text('{"keys": [{"kty": "oct", "k": "x"}]}', "utf-8")
    file = write(tmp_path, jwks_uri="https://app.example/jwks.json")
    assert run_cli(["check-document", file]) == 0
    assert run_cli(["check-document", file, "--jwks", str(keys)]) == 1


def test_the_document_for_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, client_secret="s")
    assert run_cli(["check-document", file, "--json", "-"]) == 1
    document = json.loads(capsys.readouterr().out)
    (finding,) = document["findings"]
    assert finding["requirement"] == "cimd-doc-no-client-secret"
    assert finding["level"] == "MUST"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.json"], 2, "cannot be read"),
        (["https://app.example/c.json"], 2, "is not on this machine"),
        (["https://127.0.0.1.example/c.json"], 2, "is not on this machine"),
        (["https://127.0.0.1:1/c.json"], 3, "cannot be fetched"),
        (["--ca", "none.pem", "https://127.0.0.1:1/c.json"], 2, "no CA certificate"),
        (["--profile", "x", "none.json"], 2, "There is no profile"),
    ],
)
def test_what_cannot_be_checked(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run_cli(["check-document", *arguments]) == code
    assert said in capsys.readouterr().err
