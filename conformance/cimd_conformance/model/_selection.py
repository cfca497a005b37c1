"""Which scenario instances `--only` and `--skip` leave in."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def selected(
    instance_id: str, only: Sequence[str] = (), skip: Sequence[str] = ()
) -> bool:
    """Whether an instance is selected: by one of `only`, and by none of `skip`."""
    if only and not any(matches(instance_id, pattern) for pattern in only):
        return False
    return not any(matches(instance_id, pattern) for pattern in skip)


def matches(instance_id: str, pattern: str) -> bool:
    """Whether a pattern stands for an id: itself, its scenario's, or a glob of them.

    `*` and `?` are wild; `[` is itself, because ids end like `[auth=none]`.
    """
    scenario_id = instance_id.partition("[")[0]
    if pattern in (instance_id, scenario_id):
        return True
    glob = pattern.replace("[", "[[]")
    return fnmatchcase(instance_id, glob) or fnmatchcase(scenario_id, glob)
