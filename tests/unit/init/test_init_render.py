"""The file that is written: it loads, it means what was found, and it explains."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.init._draft import told
from cimd_conformance.init._fields import FIELDS
from cimd_conformance.init._render import render
from cimd_conformance.init._toml import toml_key, toml_value
from cimd_conformance.model import Remark, Role, TargetDescribed
from cimd_conformance.target import (
    Accommodation,
    Called,
    Client,
    Login,
    Resource,
    Server,
    TargetFile,
    Tokens,
    Tool,
    User,
    load_target,
)

ENV = {"PORT": "{port}", "odd name": 'a "quoted" \\ \x7f value'}
FILES = [
    TargetFile(
        1,
        "Mine \u2028 \x1b",
        Role.AUTHORIZATION_SERVER,
        server=Server(
            issuer="{origin}/",
            start=["node", "server.js"],
            env=ENV,
            port=3000,
            forwarded=True,
            cwd="..",
        ),
        login=Login(users=[User("alice", "secret")]),
        resource=Resource(uri="{origin}/mcp", scope="a b", shown_by="call"),
        client_document={"contacts": ["a@example.com"], "@context": ["x"], "n": 1},
        accommodation=[
            Accommodation(
                "assertion-audience",
                "So.\nIt is.",
                "{token_endpoint}",
                "pkjwt-aud-issuer-sole",
            ),
            Accommodation("no-resource", "Because."),
        ],
    ),
    TargetFile(
        1,
        "Tools",
        Role.TOOL_SERVER,
        server=Server(start=["tools"], env=ENV, ready="/healthz"),
        tokens=Tokens(judged_by="introspection"),
        tool=Tool(call=Called("w", {"text": "{marker}", "deep": {"a": [1, True]}})),
    ),
    TargetFile(
        1,
        "Client",
        Role.AGENT_HOST,
        client=Client(
            command=["python", "client.py"],
            env=ENV,
            protocols=["2026-07-28"],
            features=["refresh"],
            seconds=60.0,
        ),
    ),
    TargetFile(1, "Bare", Role.AUTHORIZATION_SERVER, server=Server(start=["x"])),
]


def described(file: TargetFile, *remarks: Remark, **more: Any) -> TargetDescribed:
    return TargetDescribed(
        0.0, told(file), list(remarks), **{"works": [], "fails": {}, **more}
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:4])
def test_what_is_written_is_what_was_found(tmp_path: Path, file: TargetFile) -> None:
    path = tmp_path / "target.toml"
    path.write_text(render(described(file), ["cimd-conformance", "init"]), "utf-8")
    assert load_target(path) == file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:4])
def test_every_line_of_a_comment_is_short(file: TargetFile) -> None:
    text = render(described(file, Remark("", "a word " * 60)), ["cimd-conformance"])
    long = [line for line in text.splitlines() if len(line) > 88 and line[0] == "#"]
    assert long == []


@pytest.mark.parametrize("file", FILES[:3], ids=lambda file: file.name[:4])
def test_commented_examples_are_good_once_the_mark_is_taken_away(
    tmp_path: Path, file: TargetFile
) -> None:
    """Whoever removes `# ` before an example has a file that loads."""
    examples = {
        one.example: (one.table, one.field)
        for one in FIELDS
        if one.example and file.role in one.roles
    }
    assert len(examples) > 5
    for example, (table, field) in examples.items():
        if field in ("locks", "prepare"):
            continue  # they name a file that has to be there
        value = told(file)
        value.setdefault(table, {}).update(tomllib.loads(example))
        path = tmp_path / "target.toml"
        text = render(
            TargetDescribed(0.0, value, [], [], {}), ["cimd-conformance", "init"]
        )
        path.write_text(text, "utf-8")
        assert load_target(path) == msgspec.convert(value, TargetFile)


def test_every_field_that_is_explained_exists() -> None:
    whole = {"client_document", "server.env", "client.env"}
    for one in FIELDS:
        if one.table in whole or not one.field:
            continue
        table = getattr(FILES[0], one.table)
        assert one.field in {each.encode_name for each in msgspec.structs.fields(table)}


def test_remarks_stand_before_their_fields() -> None:
    remarks = [
        Remark("server.issuer", "So it says."),
        Remark("server.env.PORT", "Of the port."),
        Remark("login.users", "Who?", todo=True, example="users = []"),
        Remark("", "All of it.", todo=True),
        Remark("client.quiet", "A field with no place."),
    ]
    lines = render(described(FILES[0], *remarks), ["init"]).splitlines()
    issuer = lines.index('issuer = "{origin}/"')
    assert lines[issuer - 1] == "# So it says."
    port = lines.index('PORT = "{port}"')
    assert lines[port - 1] == "# Of the port."
    assert "# TODO: Who?" in lines
    assert "# users = []" in lines
    assert lines.index("# TODO: All of it.") < lines.index("schema = 1")
    assert "# client.quiet: A field with no place." in lines


def test_what_a_target_says_cannot_become_toml() -> None:
    evil = Remark("server.issuer", 'x\nstart = ["rm"]\r\x85\u2028name = "evil"')
    text = render(described(FILES[0], evil), ["cimd-conformance", "init\nevil = 1"])
    assert tomllib.loads(text)["server"]["start"] == ["node", "server.js"]
    assert "evil" not in tomllib.loads(text)


JSON = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.text(), JSON)
def test_values_come_back_as_they_were(key: str, value: Any) -> None:
    assert tomllib.loads(f"{toml_key(key)} = {toml_value(value)}") == {key: value}


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_value([None])
    assert tomllib.loads(f"a = {toml_value('half ' + chr(0xD800))}") == {"a": "half ?"}
    assert tomllib.loads(f"a = {toml_value(1.5)}") == {"a": 1.5}
