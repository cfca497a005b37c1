"""Families and variants: which instances there are, and what they are called."""

from __future__ import annotations

import msgspec
import pytest

from cimd_conformance.catalogue import (
    Instance,
    catalogue_dir,
    control_id,
    expand_scenario,
    load_catalogue,
)
from cimd_conformance.model import (
    Change,
    ConfigError,
    Expect,
    Message,
    Role,
    Scenario,
    Severity,
)


def scenario(**more: object) -> Scenario:
    values: dict[str, object] = {
        "id": "as/a/b",
        "title": "T {case.name}" if more.get("case") else "T",
        "role": Role.AUTHORIZATION_SERVER,
        "flow": "authorization-code",
        "severity": Severity.LOW,
        "expect": [Expect("code-single-use", outcome=["refused"])],
        **more,
    }
    return Scenario(**values)  # type: ignore[arg-type]


def instances(**more: object) -> list[Instance]:
    return list(expand_scenario(scenario(**more), "file.toml"))


def test_a_plain_scenario_is_one_instance_of_its_own_id() -> None:
    (only,) = instances()
    assert only.id == "as/a/b"
    assert only.variant == {"auth": "none"}
    assert only.control == "control/authorization-code[auth=none]"


def test_rows_and_variants_multiply_and_show_in_the_id() -> None:
    found = instances(
        case=[{"name": "x", "value": 1}, {"name": "y", "value": 2}],
        variants={"auth": ["none", "private_key_jwt"]},
        change=[Change(Message.TOKEN_REQUEST, ["n"], value="{case.value}")],
    )
    assert [one.id for one in found] == [
        "as/a/b[x,auth=none]",
        "as/a/b[x,auth=private_key_jwt]",
        "as/a/b[y,auth=none]",
        "as/a/b[y,auth=private_key_jwt]",
    ]
    assert [one.scenario.change[0].value for one in found] == [1, 1, 2, 2]
    assert found[0].scenario.title == "T x"
    assert not found[0].scenario.case
    assert found[1].variant == {
        "auth": "private_key_jwt",
        "alg": "ES256",
        "keys": "jwks",
    }


def test_a_further_value_changes_no_other_id() -> None:
    few = instances(variants={"auth": ["private_key_jwt"], "alg": ["ES256"]})
    many = instances(variants={"auth": ["private_key_jwt"], "alg": ["ES256", "RS256"]})
    assert {one.id for one in few} < {one.id for one in many}


def test_the_control_has_the_shape_of_the_scenario_but_for_what_it_says() -> None:
    (one,) = instances(
        variants={"auth": ["private_key_jwt"]},
        control={"auth": "none", "flow": "refresh"},
    )
    assert one.control_shape == ("refresh", {"auth": "none"})
    assert one.control == control_id("refresh", {"auth": "none"})


def test_two_instances_of_one_shape_share_a_control() -> None:
    one, other = instances(case=[{"name": "x"}, {"name": "y"}])
    assert one.control == other.control


def test_the_shipped_catalogue_loads_and_ids_are_unique() -> None:
    catalogue = load_catalogue()
    ids = [one.id for one in catalogue.instances]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 99
    files = {
        str(file.relative_to(catalogue_dir()))
        for file in catalogue_dir().rglob("*.toml")
        if not file.relative_to(catalogue_dir()).parts[0].startswith("_")
    }
    assert {one.file for one in catalogue.instances} == files
    assert len(files) == len(catalogue.scenarios())


def test_a_scenario_lies_in_the_folder_of_its_role() -> None:
    for one in load_catalogue().instances:
        assert one.file.startswith(f"{one.scenario.role.value}/"), one.file


def test_the_plan_describes_each_instance() -> None:
    for one in load_catalogue().instances:
        planned = one.planned()
        assert planned.requirements
        assert "{case." not in msgspec.json.encode(planned).decode(), one.id


def test_another_catalogue_can_be_named(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue_dir.cache_clear()
    monkeypatch.setenv("CIMD_CATALOGUE", str(tmp_path))
    with pytest.raises(ConfigError, match="no scenario catalogue"):
        catalogue_dir()
    monkeypatch.delenv("CIMD_CATALOGUE")
    assert (catalogue_dir() / "_requirements").is_dir()
