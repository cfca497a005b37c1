"""Attended mode, with a program in place of the person."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

CLIENT = Path(__file__).parents[1] / "miniatures" / "odd_client.py"
TARGET = """\
schema = 1
name = "Attended client"
role = "agent-host"

[client]
drive = "attended"
document = "target"
seconds = 30.0
quiet = 0.5

[limits]
jobs = 8
"""
VISIT = """\
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[1])
urllib.request.urlopen(sys.argv[2], context=trust, timeout=10).read()
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def lines_of(file):
    """Return what the target "printed" so far."""
    if not file.exists():
        return []
    events = [json.loads(line) for line in file.read_text().splitlines() if line]
    return [event["line"] for event in events if event["event"] == "target-output"]


def wait_for(file, pattern, process):
    """Return every match of a pattern as soon as there is one."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        found = re.findall(pattern, "\n".join(lines_of(file)))
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(lines_of(file))


def on_page(page):
    """Return what the page's script asks for."""
    with urllib.request.urlopen(f"{page}state", timeout=5) as answer:
        return json.loads(answer.read())["errands"]


def act(folder, ca, url):
    """Do what a person does: connect, log in, look at the result."""
    browser = folder / "browser"
    script = folder / "visit.py"
    script.write_text(VISIT)
    browser.write_text(
        f'#!/bin/sh\n{sys.executable} {script} {ca} "$1" >/dev/null 2>&1 &\n'
    )
    browser.chmod(0o755)
    redirect = f"http://127.0.0.1:{free_port()}/callback"
    env = {
        **os.environ,
        "BROWSER": str(browser),
        "CA_FILE": ca,
        "CLIENT_ID": "https://client.example/client.json",
        "REDIRECT_URI": redirect,
    }
    subprocess.run([sys.executable, str(CLIENT), "yes-man", url], env=env, check=False)


def test_a_person_connects_a_client_to_each_url(tmp_path):
    target, events = tmp_path / "target.toml", tmp_path / "events.ndjson"
    target.write_text(TARGET)
    only = ("--only", "agent/response/state", "--only", "agent/response/iss-absent")
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "cimd_conformance", "run", str(target), "-q"),
            *("--network", "loopback", "--ndjson", str(events), *only),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        [page] = wait_for(events, r"open (http://127\.0\.0\.1:\d+/)", run)
        [ca] = wait_for(events, r"trust the CA (\S+)", run)
        done = set()
        while run.poll() is None:
            waiting = wait_for(events, r"connect to (\S+)", run)
            fresh = [url for url in waiting if url not in done]
            if fresh:
                assert set(fresh) <= {one["url"] for one in on_page(page)}
            for url in fresh:
                done.add(url)
                act(tmp_path, ca, url)
            if len(done) == 3:
                break
            time.sleep(0.05)
        code = run.wait(timeout=30)
    finally:
        run.kill()
        run.wait()
    finished = {
        event["id"]: event["status"]
        for event in map(json.loads, events.read_text().splitlines())
        if event["event"] == "scenario-finished"
    }
    assert finished == {
        "agent/response/state": "warned",
        "agent/response/iss-absent": "passed",
    }
    assert code == 0
