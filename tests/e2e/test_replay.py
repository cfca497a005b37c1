"""`replay` for real: the same target again, everything shown, and kept open."""

from __future__ import annotations

import json
import re
import shlex
import signal
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from suite_support import MODULE, Miniature

from cimd_testbed.net.lab import lab_available

WRONG = "as/pkce/wrong-verifier[another]"
RIGHT = "as/flow/public-client"


def replay(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, "replay", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
        check=False,
    )


@pytest.fixture
def yes_man(tmp_path: Path) -> Miniature:
    """Run the server that says yes to everything, and keep its results."""
    miniature = Miniature(tmp_path, "plain")
    assert miniature.run(WRONG, RIGHT).code == 1
    return miniature


@pytest.mark.parametrize("name", ["out.json", "out.ndjson"])
def test_a_failure_fails_again_with_every_message(
    yes_man: Miniature, name: str
) -> None:
    done = replay(yes_man.folder, WRONG, name)
    assert done.returncode == 1, done.stderr
    for said in (
        "passed  control/authorization-code[auth=none]\n",
        "browser → target  authorization_request\n> GET http://127.0.0.1:",
        "\n< Location: https://localhost:",
        "client → target  token_request  changed\n> POST http://127.0.0.1:",
        "\n> grant_type=authorization_code&code=‹code-1›&",
        "✗ here it fails: completed",
        "\nfailed then, failed now.\n",
    ):
        assert said in done.stdout
    yes_man.assert_gone()


def test_what_passed_passes_again(yes_man: Miniature) -> None:
    done = replay(yes_man.folder, RIGHT, "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("passed then, passed now.\n")
    yes_man.assert_gone()


@contextmanager
def kept_open(folder: Path, *words: str) -> Iterator[dict[str, str]]:
    """Replay and leave everything open; gives the facts that are printed."""
    process = subprocess.Popen(
        [*MODULE, "replay", *words, "--keep-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    assert process.stdout is not None
    facts: dict[str, str] = {}
    try:
        for line in process.stdout:
            if line.startswith("open until Ctrl-C"):
                break
        for line in process.stdout:
            name, value = re.split(r"\s{2,}", line.strip(), maxsplit=1)
            facts[name] = value
            if name in ("enter", "try", "CA"):
                break
        yield facts
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
        facts["rest"], facts["code"] = rest, str(process.returncode)
    finally:
        process.kill()
        process.wait()


def test_on_loopback_the_target_and_the_client_stay_up(yes_man: Miniature) -> None:
    with kept_open(yes_man.folder, WRONG, "out.json") as facts:
        where = f"{facts['issuer']}/.well-known/oauth-authorization-server"
        with urllib.request.urlopen(where, timeout=5) as answer:
            assert json.load(answer)["issuer"] == facts["issuer"]
        trust = ssl.create_default_context(cafile=facts["CA"])
        url = facts["client_id"]
        with urllib.request.urlopen(url, timeout=5, context=trust) as answer:
            assert json.load(answer)["client_id"] == facts["client_id"]
    assert facts["code"] == "1"
    assert facts["rest"].endswith("failed then, failed now.\n")
    assert not Path(facts["CA"]).exists()
    yes_man.assert_gone()


def test_the_embedded_reference_is_reached_through_a_proxy(tmp_path: Path) -> None:
    made = subprocess.run(
        [*MODULE, "demo", "--only", RIGHT, "--json", "out.json"],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert made.returncode == 0
    with kept_open(tmp_path, RIGHT, "out.json") as facts:
        found = re.search(r"--proxy http://(\S+):(\d+) --cacert (\S+)", facts["try"])
        assert found is not None
        trust = ssl.create_default_context(cafile=found[3])
        for name in ("client_id", "issuer"):
            url = urlsplit(facts[name])
            door = HTTPSConnection(found[1], int(found[2]), context=trust, timeout=5)
            door.set_tunnel(url.netloc, 443)
            door.request("GET", url.path or "/.well-known/oauth-authorization-server")
            answer = json.load(door.getresponse())
            assert answer[name] == facts[name]
            door.close()
        stranger = HTTPSConnection(found[1], int(found[2]), context=trust, timeout=5)
        stranger.set_tunnel("example.com", 443)
        with pytest.raises(OSError, match="502"):
            stranger.request("GET", "/")
    assert facts["code"] == "0"


@pytest.mark.lab
def test_in_the_lab_a_person_enters(tmp_path: Path) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    miniature = Miniature(tmp_path, "plain")
    assert miniature.run(WRONG, network="lab").code == 1
    with kept_open(tmp_path, WRONG, "out.json") as facts:
        command = shlex.split(facts["enter"].removesuffix(" -- bash"))
        fetch = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).status)"
        script = ["python3", "-c", fetch, facts["client_id"]]
        inside = subprocess.run(
            [*command, "--", *script], capture_output=True, text=True, check=False
        )
        assert inside.stdout == "200\n", inside.stderr
    assert facts["code"] == "1"
    miniature.assert_gone()


def test_what_was_not_run_is_not_kept_open(yes_man: Miniature) -> None:
    yes_man.file.write_text(
        yes_man.file.read_text() + f'\n[disable]\n"{WRONG}" = "known"\n'
    )
    done = replay(yes_man.folder, WRONG, "out.json", "--keep-open")
    assert done.returncode == 5
    assert "failed then, not-run now" in done.stdout
    assert "open until" not in done.stdout
