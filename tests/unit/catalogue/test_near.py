"""The table of near misses: each row is another string, and none is another host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cimd_conformance.catalogue import load_scenario
from cimd_conformance.catalogue._load import expand_scenario
from cimd_conformance.catalogue._near import NEAR_MISSES, Kind
from cimd_conformance.catalogue._placeholders import expand
from cimd_conformance.model import ConfigError
from cimd_testbed.core import split_url
from cimd_testbed.flaws._loose import COMPARISONS

WITH_PATH = (
    "https://client-1.cimd-lab.net/i1/callback",
    "https://localhost:4433/i1/callback",
    "http://127.0.0.1:8000/mcp",
)
WITHOUT_PATH = ("https://as.cimd-lab.net", "https://localhost:4433")
ABOUT_PATHS = (
    *("percent-encoded-letter", "dot-segments", "longer-name", "shorter-name"),
    *("parent-path", "upper-case-path"),
)
SCENARIO = """\
id = "as/test/near"
title = "Near"
role = "authorization-server"
flow = "authorization-code"
severity = "low"
flaws = ["some-flaw"]

[near]
{near}

[[change]]
in = "authorization_request"
at = ["redirect_uri"]
value = "{{case.value}}"

[[expect]]
requirement = "cimd-redirect-exact-match"
outcome = ["refused-without-redirect"]
"""


@pytest.mark.parametrize("row", NEAR_MISSES)
@pytest.mark.parametrize("url", WITH_PATH)
def test_a_near_miss_is_another_string(row: str, url: str) -> None:
    assert NEAR_MISSES[row].of(url) != url


@pytest.mark.parametrize("row", NEAR_MISSES)
@pytest.mark.parametrize("url", [*WITH_PATH, *WITHOUT_PATH])
def test_no_near_miss_leads_to_another_host(row: str, url: str) -> None:
    if url in WITHOUT_PATH and row in ABOUT_PATHS:
        with pytest.raises(ValueError, match="has no path"):
            NEAR_MISSES[row].of(url)
        return
    near = NEAR_MISSES[row].of(url)
    text = next(iter(near)) if not isinstance(near, str) else near
    host = (split_url(text.strip()).host or "").lower().replace("0x7f", "127")
    assert host == split_url(url).host


@pytest.mark.parametrize(
    "row", [row for row in NEAR_MISSES.values() if row.kind is not Kind.SHAPE]
)
def test_some_careless_comparison_takes_every_near_miss(row: object) -> None:
    assert isinstance(row, type(NEAR_MISSES["array"]))
    url = WITH_PATH[0]
    taken = [name for name, how in COMPARISONS.items() if how.alike(row.of(url), url)]
    assert taken
    assert ("normalised" in taken) or row.kind is Kind.OTHER


def test_no_careless_comparison_takes_a_stranger() -> None:
    for name, how in COMPARISONS.items():
        assert not how.alike("https://evil.cimd-evil.net/cb", WITH_PATH[0]), name
        assert how.alike(
            [WITH_PATH[0]] if name == "listed" else WITH_PATH[0], WITH_PATH[0]
        )


def _write(folder: Path, near: str) -> Path:
    file = folder / "near.toml"
    file.write_text(SCENARIO.format(near=near), "utf-8")
    return file


def test_a_family_has_an_instance_for_each_row(tmp_path: Path) -> None:
    near = 'of = "client.callback"\nkind = "other"\nleave_out = ["fragment"]'
    scenario = load_scenario(_write(tmp_path, near))
    instances = list(expand_scenario(scenario, "near.toml"))
    wanted = [
        row.name
        for row in NEAR_MISSES.values()
        if row.kind is Kind.OTHER and row.name != "fragment"
    ]
    assert [i.id for i in instances] == [f"as/test/near[{name}]" for name in wanted]
    known = {"client.callback": WITH_PATH[0]}
    seen = {expand(i.scenario.change[0].value, known) for i in instances}
    assert len(seen) == len(wanted)
    assert f"{WITH_PATH[0]}/extra" in seen


def test_a_near_miss_keeps_its_type() -> None:
    known = {"client.callback": WITH_PATH[0]}
    assert expand("{client.callback~array}", known) == [WITH_PATH[0]]
    assert json.loads(json.dumps(expand("{client.callback~object}", known)))


@pytest.mark.parametrize(
    ("near", "said"),
    [
        ('of = "client.callbak"', "'client.callbak' is no name."),
        ('of = "client.callback"\nkind = "far"', "'far' is no kind."),
        (
            'of = "client.callback"\nleave_out = ["slash"]',
            "'slash' is no near miss.",
        ),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, near: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_scenario(_write(tmp_path, near))
    assert said in caught.value.message


def test_an_unknown_row_in_a_placeholder_is_told(tmp_path: Path) -> None:
    file = _write(tmp_path, 'of = "client.callback"')
    text = file.read_text("utf-8").replace("{case.value}", "{client.callback~slash}")
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_scenario(file)
    assert "'slash' is no near miss." in caught.value.message
