"""A mistake in a target file: where it is, what is wrong, what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimd_conformance.model import ConfigError
from cimd_conformance.target import load_target

GOOD = """\
schema = 1
name = "Mine"
role = "authorization-server"

[server]
issuer = "{origin}/"
start = ["{python}", "server.py", "--port", "{port}"]
ready_seconds = 20

[server.env]
CA = "{ca_file}"

[login]
driver = "form"
users = [{ username = "alice", password = "secret" }]

[resource]
uri = "{origin}/mcp"
shown_by = "call"

[[accommodation]]
what = "assertion-audience"
value = "{token_endpoint}"
because = "It accepts nothing else."
requirement = "pkjwt-aud-issuer-sole"

[limits]
jobs = 4
grace = 0.3
"""


def complaint(folder: Path, text: str) -> tuple[int, str, str]:
    """Return line, message and hint of the complaint about a text."""
    file = folder / "target.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_target(file)
    place, _, what = caught.value.message.partition(": ")
    path, _, line = place.rpartition(":")
    assert path == str(file)
    assert "\n" not in what
    return int(line), what, caught.value.hint


def test_the_good_one_is_good(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(GOOD, "utf-8")
    assert load_target(file).name == "Mine"


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ("schema = 1\n", "", 1, "`schema`", ""),
        ("schema = 1", "schema = 2", 1, "Schema 2", "allowed: 1"),
        ("schema = 1", 'schema = "1"', 1, "Expected `int`", ""),
        ('"authorization-server"', '"as"', 3, "'as'", "allowed: authorization-server"),
        ('name = "Mine"', 'nmae = "Mine"', 2, "nmae", "allowed: schema, name"),
        ("[server]", "[sever]", 5, "sever", "server"),
        ("issuer = ", "isuer = ", 6, "isuer", "allowed: issuer"),
        ('"{origin}/"', '"{orgin}/"', 6, "{orgin}", "ca_file"),
        ('"{origin}/"', '"127.0.0.1:8000"', 6, "127.0.0.1:8000", "http"),
        ('"{origin}/"', '"ftp://localhost"', 6, "ftp", "http"),
        ('"{port}"]', '"{prot}"]', 7, "{prot}", "port"),
        ('start = ["{python}"', 'start = "x" # ["', 7, "Expected `array`", ""),
        ('"{ca_file}"', '"{cafile}"', 11, "{cafile}", "ca_file"),
        ('"{ca_file}"', "5", 10, "Expected `str`", ""),
        ("ready_seconds = 20", "ready_seconds = 0", 8, "out of range", "allowed: 0.1"),
        ("ready_seconds = 20", "ready_seconds = nan", 8, "out of range", "allowed"),
        ("ready_seconds = 20", 'ready = "health"', 8, "'health'", "slash"),
        ("ready_seconds = 20", 'locks = ["no.lock"]', 8, "no.lock", "relative"),
        ("ready_seconds = 20", 'prepare = [["pip", "{dir}"]]', 8, "{dir}", "cache"),
        ("ready_seconds = 20", 'metadata = "{x}"', 8, "{x}", "origin"),
        ('"form"', '"browser"', 14, "'browser'", "allowed: form"),
        ("password =", "passwd =", 15, "passwd", "allowed: username, password"),
        ('"call"', '"magic"', 19, "'magic'", "allowed: jwks, introspection, call"),
        ('"{origin}/mcp"', '"{orgin}/mcp"', 18, "{orgin}", "origin"),
        ('"assertion-audience"', '"audience"', 22, "'audience'", "no-resource"),
        ('"{token_endpoint}"', '"{tokens}"', 23, "{tokens}", "token_endpoint"),
        ("because =", "why =", 24, "why", "because"),
        ('aud-issuer-sole"', 'aud-issuer"', 25, "pkjwt-aud-issuer", "Did you mean"),
        ("jobs = 4", "jobs = 0", 28, "0 is out of range", "allowed: 1 to 256"),
        ("jobs = 4", "jobs = -1", 28, "-1 is out of range", "allowed: 1 to 256"),
        ("jobs = 4", "jobs = 2.5", 28, "Expected `int`", ""),
        ("grace = 0.3", "grace = inf", 29, "inf is out of range", "allowed: 0 to"),
        ("grace = 0.3", "seconds = 0", 29, "0", "allowed: 0.1 to 600"),
        ("[limits]", "[limits", 27, "This is not TOML", ""),
        ('name = "Mine"', 'name = "Mine', 2, "This is not TOML", ""),
        ("ready_seconds = 20", 'restart = "often"', 8, "'often'", "never, crash"),
        ("ready_seconds = 20", 'clock = "mine"', 8, "'mine'", "auto, libfaketime"),
        ("ready_seconds = 20", "port = 70000", 8, "70000", "0 to 65535"),
        ("ready_seconds = 20", 'stop = ["{databas.port}"]', 8, "databas.port", ""),
        ("grace = 0.3", "pace = -1", 29, "-1", "0 to 600"),
        (
            'start = ["{python}", "server.py", "--port", "{port}"]\n',
            "",
            6,
            "issuer",
            "",
        ),
    ],
)
def test_complaints_name_line_fault_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, what: str, hint: str
) -> None:
    assert GOOD.count(old) == 1
    found = complaint(tmp_path, GOOD.replace(old, new))
    assert what in found[1]
    assert hint in found[2]
    assert found[0] == line


SERVICE = """
[[service]]
name = "database"
start = ["postgres", "-p", "{database.port}"]
setup = [["initdb", "{state}/db"]]
ready = "ready to accept"
env = { PORT = "{database.port}" }
"""


def test_a_service_is_described(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    server = 'stop = ["stop", "{database.port}"]\nready_seconds = 20'
    text = GOOD.replace("ready_seconds = 20", server) + SERVICE
    file.write_text(text, "utf-8")
    (service,) = load_target(file).service
    assert service.name == "database"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"database"', '"Data Base"', "no name for a service"),
        ('start = ["postgres", "-p", "{database.port}"]', "start = []", "a command"),
        ('"{state}/db"', '"{cash.port}"', "{cash.port}"),
        ('"ready to accept"', '"(ready"', "is no pattern"),
        ("env = {", "ready_seconds = 0\nenv = {", "out of range"),
        ("env =", "environment =", "environment"),
    ],
)
def test_mistakes_about_a_service(
    tmp_path: Path, old: str, new: str, what: str
) -> None:
    assert SERVICE.count(old) == 1
    line, message, _ = complaint(tmp_path, GOOD + SERVICE.replace(old, new))
    assert what in message
    assert line >= 30


def test_two_services_of_one_name(tmp_path: Path) -> None:
    _, message, _ = complaint(tmp_path, GOOD + SERVICE + SERVICE)
    assert message == "Two services are called 'database'."


def test_a_server_that_runs_already(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    start = 'start = ["{python}", "server.py", "--port", "{port}"]\n'
    file.write_text(GOOD.replace(start, "port = 8080\n"), "utf-8")
    assert load_target(file).runs_already
    file.write_text(GOOD, "utf-8")
    assert not load_target(file).runs_already
