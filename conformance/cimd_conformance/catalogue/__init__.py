"""The catalogue: scenarios, requirements, attacks and profiles, loaded and checked."""

from cimd_conformance.catalogue._describe import describe_change
from cimd_conformance.catalogue._find import catalogue_dir
from cimd_conformance.catalogue._load import (
    Catalogue,
    Instance,
    control_id,
    expand_scenario,
    load_catalogue,
    load_scenario,
    select_instances,
)
from cimd_conformance.catalogue._locate import locate
from cimd_conformance.catalogue._placeholders import expand, placeholders, strings
from cimd_conformance.catalogue._requirements import (
    Attack,
    Profile,
    Requirement,
    load_attacks,
    load_profile,
    load_requirements,
    profile_names,
)
from cimd_conformance.catalogue._schema import file_schema, scenario_schema
from cimd_conformance.catalogue._toml import complain, convert, read_toml

__all__ = [
    "Attack",
    "Catalogue",
    "Instance",
    "Profile",
    "Requirement",
    "catalogue_dir",
    "complain",
    "control_id",
    "convert",
    "describe_change",
    "expand",
    "expand_scenario",
    "file_schema",
    "load_attacks",
    "load_catalogue",
    "load_profile",
    "load_requirements",
    "load_scenario",
    "locate",
    "placeholders",
    "profile_names",
    "read_toml",
    "scenario_schema",
    "select_instances",
    "strings",
]
