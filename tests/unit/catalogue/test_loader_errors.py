"""A mistake in a scenario file: where it is, what is wrong, what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cimd_conformance.catalogue import load_catalogue, load_scenario
from cimd_conformance.model import ConfigError

GOOD = """\
id = "as/test/one"
title = "One"
role = "authorization-server"
flow = "authorization-code"
severity = "low"
flaws = ["some-flaw"]

[[change]]
in = "authorization_request"
at = ["redirect_uri"]
value = "{evil.callback}"

[[expect]]
requirement = "cimd-redirect-exact-match"
outcome = ["refused-without-redirect"]
untouched = ["evil"]
"""
STEPS = """
[[step]]
do = "authorize"

[[step]]
do = "redeem"
name = "again"
"""


def complaint(folder: Path, text: str) -> tuple[int, str, str, str]:
    """Return line, message, hint and code of the complaint about a text."""
    file = folder / "one.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    error = caught.value
    place, _, what = error.message.partition(": ")
    path, _, line = place.rpartition(":")
    assert path == str(file)
    assert "\n" not in error.message
    return int(line), what, error.hint, error.code


PLACE = """
[[place]]
name = "inward"
address = "10.0.0.0/8"
"""


@pytest.mark.parametrize(
    ("old", "new", "what", "hint"),
    [
        ('"10.0.0.0/8"', '"10.0.0.1/8"', "host bits set", ""),
        ('"10.0.0.0/8"', '"inside"', "no address or range", ""),
        ('"10.0.0.0/8"', '"{case.address}"', "", ""),
        ("address", 'dns = "lost"\naddress', "'lost' is no dns", "server-failure"),
        ("address", 'turn = "time"\naddress', "'time' is no turn", "query, fetch"),
        ("address", 'answers = [["home"]]\naddress', "'home' is no address", "nowhere"),
        ("address", 'answers = "home"\naddress', "'home' is no address", "address"),
        ("address", 'aliases = "many"\naddress', "whole number", ""),
        ("address", 'beside = "client"\naddress', "no address of its own", ""),
        ('address = "10.0.0.0/8"', 'beside = "x"', "no place 'x'", "client, evil"),
        ("[[place]]", PLACE + "\n[[place]]", "Two places", ""),
    ],
)
def test_mistakes_in_places(
    tmp_path: Path, old: str, new: str, what: str, hint: str
) -> None:
    text = GOOD.replace("flaws", 'needs = ["canary"]\nflaws')
    if not what:
        row = '[[case]]\nname = "a"\naddress = "10.0.0.1"\n'
        text = text.replace("[[change]]", row + "\n[[change]]")
        (tmp_path / "one.toml").write_text(text + PLACE.replace(old, new), "utf-8")
        assert load_scenario(tmp_path / "one.toml").place[0].address == "{case.address}"
        return
    _, told, hinted, _ = complaint(tmp_path, text + PLACE.replace(old, new))
    assert what in told
    assert hint in hinted


@pytest.mark.parametrize("field", ['called = "intranet"', 'dns = "no-such-name"'])
def test_names_of_others_need_a_power(tmp_path: Path, field: str) -> None:
    text = f'{GOOD}\n[[place]]\nname = "inward"\n{field}\n'
    assert "needs a power of the lab" in complaint(tmp_path, text)[1]


def test_the_good_one_is_good(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(GOOD + STEPS, "utf-8")
    assert load_scenario(file).id == "as/test/one"


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "hint"),
    [
        ('title = "One"', 'titel = "One"', 2, "titel", "title"),
        ('title = "One"', "title = 5", 2, "Expected `str`", ""),
        ('title = "One"\n', "", 1, "`title`", ""),
        ('"low"', '"lowish"', 5, "lowish", "allowed: critical, high, medium, low"),
        ('"authorization-server"', '"server"', 3, "server", "tool-server"),
        ('in = "auth', 'in = "outh', 9, "outhorization_request", "token_request"),
        ('at = ["redirect_uri"]', 'op = "replace"', 10, "replace", "allowed: set"),
        ("at = [", "att = [", 10, "att", "allowed: in, at, op, value, step"),
        ('"authorization-code"', '"device"', 4, "'device'", "allowed: authorization"),
        ('"refused-without-redirect"', '"rejected"', 15, "'rejected'", "refused"),
        ("cimd-redirect-exact-match", "cimd-nothing", 14, "cimd-nothing", ""),
        ('["evil"]', '["evli"]', 13, "'evli'", "evil"),
        ("{evil.callback}", "{evil.calback}", 11, "{evil.calback}", "evil.callback"),
        ("{evil.callback}", "{nobody.origin}", 11, "{nobody.origin}", "evil.origin"),
        ('flaws = ["some-flaw"]', "flaws = []", 6, "at least one flaw", ""),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nattacks = ["none-such"]',
            7,
            "none-such",
            "",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nneeds = ["money"]',
            7,
            "'money'",
            "allowed: public-address",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nfeatures = ["par"]',
            7,
            "'par'",
            "allowed: refresh",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nisolation = "solitary"',
            7,
            "'solitary'",
            "allowed: concurrent, waiting, exclusive",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nvariants = { auth = ["mtls"] }',
            7,
            "'mtls'",
            "private_key_jwt",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\nvariants = { auth = [] }',
            7,
            "needs values",
            "",
        ),
        (
            'flaws = ["some-flaw"]',
            'flaws = ["x"]\ncontrol = { auth = "mtls" }',
            7,
            "'mtls'",
            "allowed: none",
        ),
        ('id = "as/test/one"', 'id = "as/test/[one]"', 1, "no id", "lower-case"),
        (
            'outcome = ["refused-without-redirect"]\nuntouched = ["evil"]',
            "",
            13,
            "",
            "",
        ),
    ],
)
def test_complaints_name_line_fault_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, what: str, hint: str
) -> None:
    assert GOOD.count(old) == 1
    found = complaint(tmp_path, GOOD.replace(old, new))
    assert found[0] == line
    assert what in found[1]
    assert hint in found[2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id = \n", 1),
        (GOOD.replace('title = "One"', 'title = "One'), 2),
        (GOOD + '\n[[expect]\nx = "y"\n', 18),
        (GOOD.replace('title = "One"', 'id = "twice"'), 2),
    ],
)
def test_what_is_not_toml(tmp_path: Path, text: str, line: int) -> None:
    found = complaint(tmp_path, text)
    assert found[0] == line
    assert found[1].startswith("This is not TOML")
    assert found[3] == "toml-syntax"


def test_an_empty_file_has_a_line(tmp_path: Path) -> None:
    assert complaint(tmp_path, "")[0] == 1


def test_what_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_bytes(b'id = "\xff"')
    with pytest.raises(ConfigError, match=":1: The file is not UTF-8"):
        load_scenario(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load_scenario(tmp_path / "none.toml")
    assert caught.value.code == "file-unreadable"


def test_no_expectation_at_all(tmp_path: Path) -> None:
    found = complaint(tmp_path, GOOD.partition("[[expect]]")[0])
    assert "expect" in found[1]


@pytest.mark.parametrize(
    ("addition", "what", "hint"),
    [
        ('[[step]]\ndo = "dance"\n', "dance", "allowed: metadata, authorize"),
        ('[[step]]\ndo = "redeem"\nname = "again"\n', "same name", ""),
        ('[[step]]\ndo = "use"\nas = "evil"\n', "'evil'", "allowed: client, other"),
        (
            '[[step]]\ndo = "race"\nwith = { times = 5 }\n',
            "'times'",
            "allowed: codes, count, do",
        ),
        (
            '[[change]]\nin = "token_request"\nat = ["x"]\nvalue = "1"\nstep = "no"\n',
            "'no'",
            "allowed: again",
        ),
        (
            (
                '[[expect]]\nrequirement = "code-single-use"\n'
                'outcome = ["refused"]\nstep = "no"\n'
            ),
            "'no'",
            "allowed: again",
        ),
    ],
)
def test_steps(tmp_path: Path, addition: str, what: str, hint: str) -> None:
    found = complaint(tmp_path, GOOD + STEPS + "\n" + addition)
    assert found[0] > GOOD.count("\n") + STEPS.count("\n")
    assert what in found[1]
    assert hint in found[2]


def test_a_step_is_unknown_also_without_steps(tmp_path: Path) -> None:
    found = complaint(tmp_path, GOOD.replace('at = ["', 'step = "x"\nat = ["'))
    assert "No step is named 'x'" in found[1]
    assert "named steps" in found[2]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ('in = "token_response"\nat = ["x"]\nvalue = 1', "The target sends"),
        ('in = "as_metadata"\nat = ["x"]\nvalue = 1', "The target sends"),
        ('in = "flow"\nat = ["scope"]\nop = "remove"', "'remove'"),
        ('in = "flow"\nat = ["scope"]\nvalue = "x"\nstep = "again"', "no step"),
        ('in = "client_assertion"\nat = ["claims"]\nop = "duplicate"', "'duplicate'"),
        ('in = "client_document_response"\nop = "raw"\nvalue = "x"', "'raw'"),
        ('in = "client_document"\nat = ["a", "b"]\nop = "duplicate"', "outermost"),
        ('in = "client_document"\nop = "remove"', "needs a place"),
        ('in = "client_document"\nop = "bytes"\nvalue = "xyz"', "hexadecimal"),
        (
            'in = "client_document"\nat = ["x"]\nop = "pad"\nvalue = "a"',
            "takes a number",
        ),
        (
            'in = "client_document"\nat = ["x"]\nop = "pad"\nvalue = -1',
            "takes a number",
        ),
        ('in = "client_document"\nat = ["x"]\nop = "repeat"\nvalue = 3', "`repeat`"),
        ('in = "client_document"\nop = "encode"\nvalue = "morse"', "encoding"),
        ('in = "client_document"\nop = "fit"\nvalue = 9', "outermost"),
        ('in = "jwks"\nat = ["a", "b"]\nop = "precede"\nvalue = 9', "outermost"),
        ('in = "token_request"\nat = ["x"]\nop = "json"\nvalue = "1"', "'json'"),
        ('in = "jwks_response"\nat = ["x"]\nop = "nest"\nvalue = 9', "'nest'"),
    ],
)
def test_changes_that_could_never_be_made(
    tmp_path: Path, change: str, what: str
) -> None:
    found = complaint(tmp_path, f"{GOOD}{STEPS}\n[[change]]\n{change}\n")
    assert found[0] > GOOD.count("\n")
    assert what in found[1]


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/callback",
        "HTTPS://EXAMPLE.COM",
        "https://example.com:443/{client.path}",
        "https://user@example.com/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[2001:db8::1]/",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://localhost.example.com/",
        "https://{client.host}.example.com/",
        "https://{client.host}@example.com/",
        "{client.origin}.example.com/callback",
        "{client.origin}@example.com/callback",
        "{client.origin}:1@example.com/callback",
        "{issuer}.example.com",
        "//example.com/x",
        "\\\\\\\\example.com/x",
        "https:example.com/x",
        "https:/example.com/x",
        "https:\\\\\\\\example.com/x",
        "see https://example.com for more",
        "ftp://example.com/x",
        "68747470733a2f2f6578616d706c652e636f6d2f",  # the same in hexadecimal
    ],
)
def test_the_law_names_nothing_foreign(tmp_path: Path, value: str) -> None:
    found = complaint(tmp_path, GOOD.replace("{evil.callback}", value))
    assert found[0] == 11
    assert "not the testbed's own" in found[1]
    assert "{place.origin}" in found[2]


@pytest.mark.parametrize(
    "value",
    [
        "{client.origin}{client.path}/x/../callback",
        "HTTPS://{client.host}{client.path}/callback",
        "https://user@{client.host}{client.path}/client.json",
        "https://{client.host}:8443/callback",
        "http://127.0.0.1:51337/callback",
        "http://localhost/callback",
        "http://[::1]:8080/",
        "{evil.origin}?next={client.origin}#x",
        "{issuer}/token",
        "javascript:alert(document.domain)//",
        "com.example.app:/callback",
        "urn:ietf:wg:oauth:2.0:oob",
        "just words",
    ],
)
def test_the_law_leaves_our_own_alone(tmp_path: Path, value: str) -> None:
    file = tmp_path / "one.toml"
    file.write_text(GOOD.replace("{evil.callback}", value), "utf-8")
    load_scenario(file)


def test_the_law_allows_the_world_in_the_lab(tmp_path: Path) -> None:
    text = GOOD.replace("{evil.callback}", "https://example.com/")
    file = tmp_path / "one.toml"
    file.write_text(text.replace("flaws", 'needs = ["dns-control"]\nflaws'), "utf-8")
    load_scenario(file)


@pytest.mark.parametrize(
    "where",
    [
        'in = "client_document"\nat = ["client_uri"]\nvalue = ["https://example.com"]',
        'in = "client_document"\nat = ["a"]\nvalue = { b = "https://example.com" }',
        'in = "client_document"\nat = ["a"]\nvalue = { "https://example.com" = 1 }',
        'in = "client_document"\nop = "raw"\nvalue = \'{"a": "https://example.com"}\'',
    ],
)
def test_the_law_looks_into_every_value(tmp_path: Path, where: str) -> None:
    found = complaint(tmp_path, f"{GOOD}\n[[change]]\n{where}\n")
    assert "not the testbed's own" in found[1]


def test_the_law_covers_steps_rows_and_places(tmp_path: Path) -> None:
    step = '\n[[step]]\ndo = "advance"\nwith = { seconds = "https://example.com" }\n'
    assert "not the testbed's own" in complaint(tmp_path, GOOD + step)[1]
    row = '\n[[case]]\nname = "a"\nvalue = "https://example.com"\n'
    assert "not the testbed's own" in complaint(tmp_path, GOOD + row)[1]
    place = '\n[[place]]\nname = "inward"\naddress = "10.0.0.0/8"\n'
    found = complaint(tmp_path, GOOD + place)
    assert found[0] == GOOD.count("\n") + 2
    assert "needs a power" in found[1]
    assert "canary" in found[2]


FAMILY = GOOD.replace("{evil.callback}", "{case.value}") + (
    '\n[[case]]\nname = "a"\nvalue = "{evil.callback}"\n'
    '\n[[case]]\nname = "b"\nvalue = "{evil.origin}/b"\n'
)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('name = "b"', 'name = "a"', "Two rows"),
        ('name = "b"\n', "", "needs a `name`"),
        ('name = "b"', 'name = "b,c"', "needs a `name`"),
        ('value = "{evil.origin}/b"\n', "", "lacks value"),
        ("{case.value}", "{case.valeu}", "{case.valeu}"),
        ("{evil.origin}/b", "{evli.origin}/b", "{evli.origin}"),
    ],
)
def test_rows_of_a_family(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert FAMILY.count(old) == 1
    assert what in complaint(tmp_path, FAMILY.replace(old, new))[1]


def _catalogue_complaint(folder: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_catalogue(folder)
    return caught.value


def test_a_row_is_judged_with_its_own_values(tmp_path: Path) -> None:
    text = FAMILY.replace("cimd-redirect-exact-match", "{case.clause}")
    for name in "ab":
        text = text.replace(f'name = "{name}"', f'name = "{name}"\nclause = "{name}"')
    (tmp_path / "family.toml").write_text(text, "utf-8")
    assert "'a' is not in the catalogue" in _catalogue_complaint(tmp_path).message


def test_a_placeholder_for_the_requirement_needs_a_family(tmp_path: Path) -> None:
    text = GOOD.replace("cimd-redirect-exact-match", "{case.clause}")
    assert "{case.clause}" in complaint(tmp_path, text)[1]


def test_an_id_belongs_to_one_file(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(GOOD, "utf-8")
    error = _catalogue_complaint(tmp_path)
    assert error.code == "duplicate-id"
    assert error.message.startswith(f"{tmp_path / 'b.toml'}:1: ")
    assert str(tmp_path / "a.toml") in error.message


def test_other_files_are_not_scenarios(tmp_path: Path) -> None:
    for name in ("_drafts/one.toml", "README.md", "scenario.schema.json", "a/b.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("not = [toml", "utf-8")
    (tmp_path / "a" / "one.toml").write_text(GOOD, "utf-8")
    (instance,) = load_catalogue(tmp_path).instances
    assert (instance.id, instance.file) == ("as/test/one", "a/one.toml")
