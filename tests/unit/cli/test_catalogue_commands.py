"""`list` and `show`, with a catalogue of two scenarios."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import pytest

from cimd_conformance import catalogue
from cimd_conformance.catalogue import Catalogue, Requirement, expand_scenario
from cimd_conformance.cli import run_cli
from cimd_conformance.model import Scenario
from cimd_conformance.prove import known_flaws
from cimd_conformance.reports.schemas import load_schema

_SCENARIOS = [
    {
        "id": "cimd/redirect-uri/unlisted-host",
        "title": "A callback that the document does not list is refused",
        "role": "authorization-server",
        "flow": "authorization-code",
        "severity": "critical",
        "why": "Whoever gets the code gets the account. " * 4,
        "flaws": ["redirect-uri-not-compared"],
        "attacks": ["authz-redirect-not-checked"],
        "needs": ["dns-control"],
        "place": [{"name": "evil", "answers": [["203.0.113.7"], ["127.0.0.1"]]}],
        "change": [
            {
                "in": "authorization_request",
                "at": ["redirect_uri"],
                "value": "{evil.origin}/callback",
            }
        ],
        "expect": [
            {
                "requirement": "cimd-redirect-exact-match",
                "outcome": ["refused-without-redirect"],
                "untouched": ["evil"],
            },
            {
                "requirement": "not-in-the-catalogue",
                "in": "as_metadata",
                "at": ["issuer"],
                "present": True,
            },
        ],
    },
    {
        "id": "tools/audience",
        "title": "A token for another resource is refused",
        "role": "tool-server",
        "flow": "call",
        "severity": "high",
        "variants": {"auth": ["none", "private_key_jwt"]},
        "step": [{"do": "use", "name": "first", "as": "other", "with": {"n": 1}}],
        "expect": [{"requirement": "audience", "outcome": ["refused"]}],
    },
]


@pytest.fixture(autouse=True)
def _fake_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import msgspec

    scenarios = [msgspec.convert(each, Scenario) for each in _SCENARIOS]
    instances = [
        instance
        for scenario in scenarios
        for instance in expand_scenario(scenario, "x.toml")
    ]
    requirement = Requirement(
        id="cimd-redirect-exact-match",
        role="authorization-server",
        level="MUST",
        source="draft-03 §4.2",
        requirement="The redirect URI is one of the document's.",
        priority="high",
        fix="Compare the strings.",
    )
    monkeypatch.setattr(catalogue, "load_catalogue", lambda: Catalogue(instances))
    monkeypatch.setattr(
        catalogue, "load_requirements", lambda: {requirement.id: requirement}
    )
    return iter(())


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run_cli(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_list_is_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "list")
    assert (code, err) == (0, "")
    assert "critical" in out
    assert "cimd/redirect-uri/unlisted-host" in out
    assert "tools/audience[auth=private_key_jwt]" in out
    assert "needs dns-control" in out
    assert out.endswith("3 scenarios\n")


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--role", "tool-server"], 2),
        (["--only", "tools/audience[auth=none]"], 1),
        (["--only", "tools/audience"], 2),
        (["--only", "cimd/*", "--only", "tools/*"], 3),
        (["--skip", "*"], 0),
    ],
)
def test_list_selects(
    capsys: pytest.CaptureFixture[str], arguments: list[str], ids: int
) -> None:
    code, out, _ = _run(capsys, "list", "--json", "-", *arguments)
    document = json.loads(out)
    assert code == 0
    assert len(document["scenarios"]) == ids
    jsonschema.validate(document, load_schema("list"))


def test_list_says_when_an_id_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "list", "--only", "tools/audeince")
    assert (code, out) == (2, "")
    assert "error[unknown-id]" in err
    assert "tools/audience" in err


def test_show_explains_a_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(
        capsys, "show", "--no-diagram", "cimd/redirect-uri/unlisted-host"
    )
    assert code == 0
    title = known_flaws()["redirect-uri-not-compared"].title
    for said in (
        "A callback that the document does not list is refused",
        "severity  critical",
        f"Flaws\n  redirect-uri-not-compared: {title}\n",
        "show cimd/redirect-uri/unlisted-host --flaw redirect-uri-not-compared",
        "A person logs in and consents to the client; the client redeems its code;",
        "Whoever gets the code gets the account.",
        "evil resolving to 203.0.113.7; then 127.0.0.1",
        'authorization_request redirect_uri = "{evil.origin}/callback"',
        "outcome refused-without-redirect",
        "never reached: evil",
        "clause cimd-redirect-exact-match (MUST, draft-03 §4.2): The redirect",
        "fix    Compare the strings.",
        "as_metadata issuer is there",
        "clause not-in-the-catalogue",
    ):
        assert said in out
    copied = "  see it fail: "
    assert all(
        len(line) <= 80 for line in out.splitlines() if not line.startswith(copied)
    )


def test_show_lists_the_instances_of_a_scenario(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = _run(capsys, "show", "--no-diagram", "tools/audience")
    assert code == 0
    assert "Instances\n  tools/audience[auth=none]\n" in out
    assert 'first: use as other with {"n": 1}' in out


def test_show_explains_one_instance(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "show", "--no-diagram", "tools/audience[auth=none]")
    assert code == 0
    assert out.startswith("tools/audience[auth=none]\n")
    assert "Instances" not in out


@pytest.mark.parametrize("wanted", ["redirect-uri/unlisted-host", "unlisted"])
def test_show_suggests_what_is_near(
    capsys: pytest.CaptureFixture[str], wanted: str
) -> None:
    code, out, err = _run(capsys, "show", wanted)
    assert (code, out) == (2, "")
    assert f"error[unknown-id]: There is no scenario '{wanted}'." in err
    assert "hint:   cimd/redirect-uri/unlisted-host" in err
