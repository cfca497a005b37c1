"""The `certs` command."""

import ssl
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cimd_certs import Authority
from cimd_conformance.cli._main import cli
from cimd_conformance.model import ConfigError, ExitCode


def certs(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["certs", *map(str, arguments)])


def refusal(*arguments: str | Path) -> ConfigError:
    error = certs(*arguments).exception
    assert isinstance(error, ConfigError)
    assert error.exit_code is ExitCode.USAGE
    assert error.hint
    return error


def test_writes_a_ca_and_prints_the_hints_alone_to_stdout(tmp_path: Path) -> None:
    result = certs("--out", tmp_path / "pki")
    assert result.exit_code == 0
    assert [path.name for path in (tmp_path / "pki").iterdir()] == ["ca.pem"]
    assert f"export NODE_EXTRA_CA_CERTS={tmp_path}/pki/ca.pem" in result.stdout
    assert "wrote" not in result.stdout
    assert "wrote" in result.stderr


def test_leaf_pairs_fit_the_ca_and_keys_are_private(tmp_path: Path) -> None:
    names = ["localhost", "as.example.com", "*.Example.com", "::1", "127.0.0.1"]
    stems = ["localhost", "as.example.com", "wildcard.example.com", "__1", "127.0.0.1"]
    leaves = [part for name in names for part in ("--leaf", name)]
    assert certs("--out", tmp_path, *leaves).exit_code == 0
    for stem in stems:
        key = tmp_path / f"{stem}-key.pem"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / f"{stem}.pem", key)
    assert len(list(tmp_path.iterdir())) == 1 + 2 * len(stems)


def test_an_existing_ca_is_kept_without_force(tmp_path: Path) -> None:
    certs("--out", tmp_path)
    before = (tmp_path / "ca.pem").read_bytes()
    assert refusal("--out", tmp_path).code == "ca-exists"
    assert refusal("--out", tmp_path, "--leaf", "localhost").code == "ca-exists"
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert certs("--out", tmp_path, "--force").exit_code == 0
    assert (tmp_path / "ca.pem").read_bytes() != before


def test_force_removes_the_key_of_the_ca_that_it_replaces(tmp_path: Path) -> None:
    certs("--out", tmp_path, "--keep-key")
    assert stat.S_IMODE((tmp_path / "ca-key.pem").stat().st_mode) == 0o600
    certs("--out", tmp_path, "--force")
    assert not (tmp_path / "ca-key.pem").exists()


def test_leaves_can_be_added_where_the_key_was_kept(tmp_path: Path) -> None:
    certs("--out", tmp_path, "--keep-key")
    before = (tmp_path / "ca.pem").read_bytes()
    assert certs("--out", tmp_path, "--leaf", "a.example.com").exit_code == 0
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert (tmp_path / "a.example.com.pem").exists()


@pytest.mark.parametrize(
    "name", ["../x", "a b", "", ".", "-x", "a..b", "a/b", "é.example", "a" * 64]
)
def test_a_leaf_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    assert refusal("--out", tmp_path, "--leaf", name).code == "leaf-name-invalid"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [["ca"], ["CA"], ["a", "a-key"], ["b", "B"]])
def test_files_of_one_command_never_collide(tmp_path: Path, names: list[str]) -> None:
    leaves = [part for name in names for part in ("--leaf", name)]
    assert refusal("--out", tmp_path, *leaves).code == "leaf-name-taken"


def test_a_ca_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    certs("--out", tmp_path, "--keep-key")
    Authority().write(tmp_path / "other")
    (tmp_path / "other" / "ca.pem").rename(tmp_path / "ca.pem")
    assert refusal("--out", tmp_path, "--leaf", "a.example").code == "ca-unreadable"
    (tmp_path / "ca.pem").write_text("no certificate")
    assert refusal("--out", tmp_path, "--leaf", "a.example").code == "ca-unreadable"


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal("--out", tmp_path / "file" / "pki").code == "certs-not-written"
    assert certs("--out", tmp_path / "file").exit_code == 2
    assert certs().exit_code == 2
