"""Services, restarts, an end of its own, another user, a gentle pace: for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from suite_support import Ended, Miniature

from cimd_testbed.net.lab import lab_available

FLOW = "as/flow/public-client"
HARMLESS = "as/redirect-uri/unlisted-host"
DEADLY = "as/redirect-uri/near-miss"
DEADLY_TWICE = (f"{DEADLY}[longer-path]", f"{DEADLY}[added-query]")
EXCLUSIVE = "as/fetch/silent-name-server"


def run(
    folder: Path, mode: str, *only: str, network: str = "loopback", **more: str
) -> Ended:
    miniature = Miniature(folder, mode, seconds=10.0, ready_seconds=20.0, **more)
    return miniature.run(*only, network=network)


def python(code: str) -> str:
    """Return a TOML list that runs Python code."""
    return f'["{{python}}", "-c", {json.dumps(code)}]'


# --- the end, and starting again ----------------------------------------------------


def test_a_target_that_dies_is_started_again(tmp_path: Path) -> None:
    only = (FLOW, *DEADLY_TWICE, HARMLESS)
    ended = run(tmp_path, "dies", *only, server='restart = "crash"')
    statuses = ended.statuses()
    deaths = [e for e in ended.events if e["event"] == "target-exited"]
    killers = [name for name in statuses if name.startswith(DEADLY)]
    assert len(deaths) == len(killers) == 2
    assert statuses[FLOW] == "passed"
    assert statuses[HARMLESS] == "failed"
    reasons = {one["id"]: one["reason"] for one in ended.document["scenarios"]}
    for name in killers:
        assert statuses[name] == "inconclusive"
        assert reasons[name] == "The target ended with exit code 7."
    again = [one["id"] for one in ended.document["controls"]]
    assert any(name.endswith("+2") for name in again)


def test_without_that_the_run_is_over(tmp_path: Path) -> None:
    ended = run(tmp_path, "dies", FLOW, *DEADLY_TWICE, HARMLESS)
    deaths = [e for e in ended.events if e["event"] == "target-exited"]
    assert len(deaths) == 1


@pytest.mark.lab
@pytest.mark.parametrize(("restart", "starts"), [("exclusive", 2), ("crash", 1)])
def test_an_exclusive_scenario_meets_a_fresh_target(
    tmp_path: Path, restart: str, starts: int
) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    log = tmp_path / "starts"
    ended = run(
        *(tmp_path, "plain", FLOW, EXCLUSIVE),
        network="lab",
        server=f'restart = "{restart}"',
        env=f"STARTS = {json.dumps(str(log))}",
    )
    assert log.read_text() == "started\n" * starts
    assert ended.statuses()[FLOW] == "passed"
    assert ended.statuses()[EXCLUSIVE] != "not-run"
    assert not [e for e in ended.events if e["event"] == "target-exited"]


def test_a_target_can_have_its_own_end(tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    code = (
        "import os, pathlib, signal;"
        f"pathlib.Path({str(stopped)!r}).write_text('yes');"
        f"pid = pathlib.Path({str(tmp_path / 'pid')!r}).read_text();"
        "os.kill(int(pid), signal.SIGKILL)"
    )
    ended = run(tmp_path, "plain", FLOW, server=f"stop = {python(code)}")
    assert ended.statuses() == {FLOW: "passed"}
    assert stopped.read_text() == "yes"


# --- services -----------------------------------------------------------------------

LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("the database says hello", flush=True)
while True:
    server.accept()[0].close()
"""
SERVICE = """
[[service]]
name = "database"
setup = [{setup}]
start = ["{{python}}", "-c", {listen}, "{{database.port}}"]
{more}
"""


def with_service(folder: Path, more: str = "", listen: str = LISTEN) -> Miniature:
    env = 'DATABASE = "{database.port}"'
    miniature = Miniature(
        folder, "needs-database", seconds=10.0, ready_seconds=20.0, env=env
    )
    marked = str(folder / "prepared")
    setup = python(f"open({marked!r}, 'w').write('yes')")
    table = SERVICE.format(setup=setup, listen=json.dumps(listen), more=more)
    miniature.file.write_text(miniature.file.read_text("utf-8") + table, "utf-8")
    return miniature


@pytest.mark.parametrize("more", ["", 'ready = "says hel+o"'], ids=["port", "output"])
def test_a_service_is_there_before_the_target(tmp_path: Path, more: str) -> None:
    ended = with_service(tmp_path, more).run(FLOW)
    assert ended.statuses() == {FLOW: "passed"}
    assert (tmp_path / "prepared").read_text() == "yes"


@pytest.mark.lab
def test_a_service_in_the_lab(tmp_path: Path) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    ended = with_service(tmp_path).run(FLOW, network="lab")
    assert ended.statuses() == {FLOW: "passed"}


@pytest.mark.parametrize(
    ("listen", "more", "what"),
    [
        ("print('no disk'); raise SystemExit(3)", "", "it ended with 3"),
        (
            LISTEN,
            'ready = "never said"\nready_seconds = 0.5',
            "it was not ready in",
        ),
    ],
)
def test_a_service_that_does_not_come_up(
    tmp_path: Path, listen: str, more: str, what: str
) -> None:
    ended = with_service(tmp_path, more, listen).run(FLOW)
    assert ended.code == 3
    assert "error[service-not-ready]" in ended.stderr
    assert f"The service 'database' did not come up: {what}" in ended.stderr


# --- another user -------------------------------------------------------------------


@pytest.mark.lab
def test_a_program_that_refuses_to_be_root(tmp_path: Path) -> None:
    if reason := lab_available():
        pytest.skip(reason)
    miniature = Miniature(
        tmp_path, "plain", seconds=10.0, ready_seconds=20.0, server="user = 1234"
    )
    text = miniature.file.read_text("utf-8")
    seen = tmp_path / "seen"
    shell = f'["sh", "-c", "id -u > {seen}; touch {{state}}/x && exec $0 $@", '
    miniature.file.write_text(text.replace("start = [", f"start = {shell}", 1), "utf-8")
    ended = miniature.run(FLOW, network="lab")
    assert ended.statuses() == {FLOW: "passed"}
    assert seen.read_text() == "1234\n"


# --- gently -------------------------------------------------------------------------


def test_a_target_that_asks_for_patience_is_asked_again(tmp_path: Path) -> None:
    ended = run_limited(tmp_path, 'RETRY_AFTER = "1"')
    assert ended.statuses() == {FLOW: "passed"}


def test_a_target_that_asks_for_too_much_patience_is_not(tmp_path: Path) -> None:
    ended = run_limited(tmp_path, 'RETRY_AFTER = "3600"')
    assert ended.statuses() == {FLOW: "inconclusive"}
    assert ended.seconds < 20


def run_limited(folder: Path, env: str) -> Ended:
    miniature = Miniature(
        folder, "limited-once", after=1, seconds=10.0, ready_seconds=20.0
    )
    text = miniature.file.read_text("utf-8")
    text = text.replace("[server.env]\n", f"[server.env]\n{env}\n")
    text += "retry_after = 2\n"
    miniature.file.write_text(text, "utf-8")
    return miniature.run(FLOW)
