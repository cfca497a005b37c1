"""Servers that do anything but their job: judged or given up on, never believed."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from suite_support import Miniature

from cimd_testbed.net.lab import lab_available


@pytest.fixture(params=["loopback", pytest.param("lab", marks=pytest.mark.lab)])
def network(request: pytest.FixtureRequest) -> str:
    if request.param == "lab" and (reason := lab_available()):
        pytest.skip(reason)
    return str(request.param)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("bad-request", "HTTP 400"),
        ("html", "HTTP 200, not JSON"),
        ("endless-body", "HTTP 200, not JSON"),
        ("redirects", "HTTP 302"),
        ("many-headers", "HTTP 200, not JSON"),
        ("endless-header", "did not become ready"),
        ("endless-100", "TimeoutError"),
        ("drips", "TimeoutError"),
        ("hangs", "TimeoutError"),
        ("not-http", "not valid HTTP"),
    ],
)
def test_a_server_without_metadata_is_no_target(
    tmp_path: Path, mode: str, said: str
) -> None:
    miniature = Miniature(tmp_path, mode, ready_seconds=2.5)
    ended = miniature.run()
    assert ended.code == 3
    assert said in ended.stderr
    assert "hint: " in ended.stderr
    assert not ended.counts.get("passed", 0)
    assert ended.seconds < 15
    miniature.assert_gone()


ONLY = ("as/redirect-uri/near-miss", "as/metadata/*", "as/fetch/redirect-elsewhere")


@pytest.mark.parametrize(
    "mode",
    [
        "metadata-only",
        "endless-pages",
        "redirect-pages",
        "form-loop",
        "bad-urls",
        "bad-forms",
        "html-tokens",
        "deep-tokens",
        "surrogates",
        "odd-tokens",
        "odd-metadata",
        "foreign-metadata",
    ],
)
def test_nothing_passes_without_a_control(tmp_path: Path, mode: str) -> None:
    miniature = Miniature(tmp_path, mode)
    ended = miniature.run(*ONLY)
    assert ended.code == 3, ended.stderr
    assert set(ended.statuses().values()) == {"inconclusive"}
    assert {one["reason"][:18] for one in ended.document["scenarios"]} == {
        "The control failed"
    }
    assert ended.seconds < 15
    miniature.assert_gone()


def test_a_server_that_refuses_everything_passes_nothing_at_all(
    tmp_path: Path, network: str
) -> None:
    """The whole catalogue against good metadata and a 400 for everything else."""
    miniature = Miniature(tmp_path, "metadata-only")
    ended = miniature.run(network=network)
    assert ended.code == 3
    judged = {"passed", "failed", "warned", "error"}
    assert not judged & set(ended.statuses().values())
    assert "inconclusive" in ended.statuses().values()


@pytest.mark.parametrize("mode", ["limited", "unavailable", "hangs-later"])
def test_silence_after_the_control_proves_nothing(
    tmp_path: Path, network: str, mode: str
) -> None:
    """Nobody was contacted, and no code was issued: that is no defence yet."""
    miniature = Miniature(tmp_path, mode, after=1, seconds=0.3)
    ended = miniature.run(
        "as/client-id/private-address", "as/redirect-uri/near-miss", network=network
    )
    assert ended.code == 3
    statuses = set(ended.statuses().values())
    assert "inconclusive" in statuses
    assert statuses <= {"inconclusive", "not-run"}
    assert ("not-run" in statuses) is (network == "loopback")


def test_a_server_that_dies_leaves_results_and_last_words(
    tmp_path: Path, network: str
) -> None:
    miniature = Miniature(tmp_path, "dies")
    ended = miniature.run(
        "as/flow/public-client", "as/redirect-uri/near-miss", network=network
    )
    assert ended.code == 3
    statuses = ended.statuses()
    assert statuses.pop("as/flow/public-client") == "passed"
    assert set(statuses.values()) == {"inconclusive"}
    exits = [event for event in ended.events if event["event"] == "target-exited"]
    assert [event["code"] for event in exits] == [7]
    assert "I am melting" in exits[0]["last_output"][-1]
    assert "I am melting" in ended.stdout
    everything = (tmp_path / "out.ndjson").read_text() + ended.stdout + ended.stderr
    assert "abcdefghijklm" not in everything


def test_a_flood_of_output_is_cut(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "floods")
    ended = miniature.run("as/flow/public-client", "as/redirect-uri/near-miss")
    assert ended.code == 1
    assert (tmp_path / "out.ndjson").stat().st_size < 4 << 20
    lines = [event for event in ended.events if event["event"] == "target-output"]
    assert 100 < len(lines) <= 2000
    assert max(len(line["line"]) for line in lines) <= 4096
    miniature.assert_gone()


def test_a_server_that_says_yes_to_everything_fails(
    tmp_path: Path, network: str
) -> None:
    miniature = Miniature(tmp_path, "plain")
    ended = miniature.run("as/redirect-uri/*", "as/pkce/*", network=network)
    assert ended.code == 1
    statuses = ended.statuses()
    for name in ("as/redirect-uri/unlisted-host", "as/pkce/wrong-verifier"):
        found = {status for id_, status in statuses.items() if id_.startswith(name)}
        assert found == {"failed"}
    miniature.assert_gone()


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "plain")
    text = miniature.file.read_text().replace("{python}", "no-such-program")
    miniature.file.write_text(text)
    ended = miniature.run()
    assert ended.code == 3
    assert "no-such-program" in ended.stderr


def test_a_program_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "no-such-mode", ready_seconds=20)
    process_error = "KeyError: 'no_such_mode'"
    done = miniature.run_raw()
    assert done.returncode == 3
    assert process_error in done.stderr
    assert "The process ended with 1" in done.stderr


PRESTARTED = """\
schema = 1
name = "Elsewhere"
role = "authorization-server"
server.issuer = "http://127.0.0.1:{port}"
server.ready_seconds = 0.5
limits.seconds = 0.3
"""


def test_nobody_listens(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "plain")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    miniature.file.write_text(PRESTARTED.format(port=port))
    ended = miniature.run()
    assert ended.code == 3
    assert "error[not-ready]" in ended.stderr
    assert ended.seconds < 10


def test_a_server_that_runs_already_and_never_answers(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, "plain")
    with socket.create_server(("127.0.0.1", 0)) as sock:
        miniature.file.write_text(PRESTARTED.format(port=sock.getsockname()[1]))
        ended = miniature.run()
    assert ended.code == 3
    assert "error[not-ready]" in ended.stderr
    assert ended.seconds < 10
