"""Why an instance is not to be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cimd_conformance.catalogue import Instance, Profile
from cimd_conformance.model import Status, matches

ALWAYS_MISSING = {
    "every-address": "no kernel makes a TCP connection there, so nobody can see one",
}
"""Why a power is missing wherever it is."""


@dataclass(frozen=True, slots=True)
class Excuses:
    """What there is to excuse an instance with."""

    powers: frozenset[str]
    profile: Profile
    disabled: Mapping[str, str]
    """Globs that the target file disables, each with the reason."""
    missing_feature: Callable[[Instance], str | None]
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why a power is missing."""

    def of(self, instance: Instance) -> tuple[Status, str] | None:
        """Return why an instance is not to be run, None when it is."""
        for pattern, reason in self.disabled.items():
            if matches(instance.id, pattern):
                return Status.NOT_RUN, f"Disabled by the target file: {reason}"
        missing = sorted(instance.scenario.powers - self.powers)
        if missing:
            why = {**ALWAYS_MISSING, **self.missing}
            told = [f"{one} ({why[one]})" if one in why else one for one in missing]
            return Status.NOT_RUN, f"Needs the power {', '.join(told)}."
        wanted = {expect.requirement for expect in instance.scenario.expect}
        if not wanted & set(self.profile.levels):
            reason = f"The profile {self.profile.id} does not demand it."
            return Status.NOT_APPLICABLE, reason
        feature = self.missing_feature(instance)
        if feature is not None:
            return Status.NOT_APPLICABLE, f"The target does not announce {feature}."
        return None
