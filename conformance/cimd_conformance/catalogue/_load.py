"""Load the scenarios and expand families and variants into instances."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from cimd_conformance.catalogue._describe import describe_change
from cimd_conformance.catalogue._find import catalogue_dir
from cimd_conformance.catalogue._locate import locate
from cimd_conformance.catalogue._near import rows_of
from cimd_conformance.catalogue._placeholders import expand
from cimd_conformance.catalogue._rules import complaints
from cimd_conformance.catalogue._toml import complain, read_toml
from cimd_conformance.model import PlannedInstance, Role, Scenario, selected

VARIANT_DEFAULTS: dict[Role, dict[str, str]] = {
    Role.AUTHORIZATION_SERVER: {"auth": "none", "alg": "ES256", "keys": "jwks"},
    Role.TOOL_SERVER: {"protocol": "2025-11-25"},
    Role.AGENT_HOST: {"auth": "none", "protocol": "2025-11-25"},
}
"""The shape of a legitimate flow for which a scenario declares no variants."""


class Instance(msgspec.Struct, frozen=True):
    """One scenario with its case and variant chosen."""

    id: str
    scenario: Scenario
    variant: dict[str, str]
    file: str

    @property
    def control(self) -> str:
        """The id of the control that it rests on."""
        return control_id(*self.control_shape)

    @property
    def control_shape(self) -> tuple[str, dict[str, str]]:
        """The flow and the variant of the control."""
        changed = dict(self.scenario.control)
        flow = changed.pop("flow", self.scenario.flow)
        return flow, _variant(self.scenario.role, {**self.variant, **changed})

    def planned(self) -> PlannedInstance:
        """Describe the instance for the plan of a run and for `list`."""
        scenario = self.scenario
        return PlannedInstance(
            self.id,
            scenario.title,
            scenario.role,
            scenario.severity,
            list(dict.fromkeys(expect.requirement for expect in scenario.expect)),
            scenario.attacks,
            scenario.flaws,
            scenario.needs,
            self.control,
            [describe_change(change) for change in scenario.change],
        )


class Catalogue(msgspec.Struct, frozen=True):
    """Everything that can be run."""

    instances: list[Instance]

    def scenarios(self) -> list[Scenario]:
        """Return the scenarios, each once, before expansion of nothing."""
        return list({i.scenario.id: i.scenario for i in self.instances}.values())


def select_instances(
    instances: list[Instance], roles: list[Role], only: list[str], skip: list[str]
) -> list[Instance]:
    """Return the instances of some roles that globs choose."""
    return [
        instance
        for instance in instances
        if instance.scenario.role in roles and selected(instance.id, only, skip)
    ]


def control_id(flow: str, variant: dict[str, str]) -> str:
    """Name the control of a flow and a variant."""
    parts = [f"{key}={value}" for key, value in sorted(variant.items())]
    return f"control/{flow}[{','.join(parts)}]"


def load_catalogue(
    folder: Path | None = None, roles: Iterable[Role] = Role
) -> Catalogue:
    """Read every scenario file, or those in the folders of some roles.

    Raises `ConfigError` for the first mistake.
    """
    root, others = folder or catalogue_dir(), set(Role) - set(roles)
    instances: list[Instance] = []
    seen: dict[str, Path] = {}
    for file in sorted(root.rglob("*.toml")):
        inside = file.relative_to(root)
        if inside.parts[0].startswith("_") or inside.parts[0] in others:
            continue
        scenario, text = _read(file)
        if scenario.id in seen:
            what = f"The id {scenario.id!r} is also in {seen[scenario.id]}."
            raise complain("duplicate-id", file, 1, what)
        seen[scenario.id] = file
        found = list(expand_scenario(scenario, str(inside)))
        if rows_of(scenario):
            for instance in found:
                _complain(instance.scenario, file, text)
        instances.extend(found)
    return Catalogue(instances)


def load_scenario(file: Path) -> Scenario:
    """Read one file; raises `ConfigError` with the line of the first mistake."""
    return _read(file)[0]


def _read(file: Path) -> tuple[Scenario, str]:
    scenario, text = read_toml(file, Scenario)
    _complain(scenario, file, text)
    return scenario, text


def _complain(scenario: Scenario, file: Path, text: str) -> None:
    for where, what, hint in complaints(scenario):
        raise complain("scenario", file, locate(text, where), what, hint)


def expand_scenario(scenario: Scenario, file: str) -> Iterator[Instance]:
    """Yield an instance for each row of the family and each variant.

    The id shows the row's `name` and every declared variant, so that adding a variant
    value never changes the id of another instance.
    """
    names = list(scenario.variants)
    for row in rows_of(scenario) or [{}]:
        for values in itertools.product(*(scenario.variants[n] for n in names)):
            chosen = dict(zip(names, values, strict=True))
            shown = [str(row["name"])] if "name" in row else []
            shown += [f"{name}={value}" for name, value in chosen.items()]
            suffix = f"[{','.join(shown)}]" if shown else ""
            known = {f"case.{key}": value for key, value in row.items()}
            yield Instance(
                scenario.id + suffix,
                _fill(scenario, known, row.get("change", [])) if known else scenario,
                _variant(scenario.role, chosen),
                file,
            )


def _variant(role: Role, chosen: dict[str, str]) -> dict[str, str]:
    variant = {**VARIANT_DEFAULTS[role], **chosen}
    if variant.get("auth") == "none":
        return {k: v for k, v in variant.items() if k not in ("alg", "keys")}
    return variant


def _fill(scenario: Scenario, known: dict[str, Any], changes: list[Any]) -> Scenario:
    """Return the scenario of one row, with the row's own changes after the others."""
    data = msgspec.to_builtins(scenario)
    data["change"] = [*data.get("change", []), *changes]
    for part in ("title", "place", "change", "expect", "step"):
        if part in data:
            data[part] = expand(data[part], known)
    data.pop("case", None)
    data.pop("near", None)
    return msgspec.convert(data, Scenario)
