"""What a flaw is, and how one is put into a role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from cimd_testbed.core import Decision, accept

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ChecksT = TypeVar("ChecksT", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One check of one reference role, replaced by a function that is wrong.

    The function is pure like the check itself, takes the same arguments, and never
    looks at the values of a scenario.
    """

    id: str
    role: str
    check: str
    title: str
    replacement: Callable[..., Any]


def flawed(checks: ChecksT, flaw: Flaw) -> ChecksT:
    """Return the checks with the one that the flaw replaces."""
    return replace(checks, **{flaw.check: flaw.replacement})


def tolerate(decision: Decision, *clauses: str) -> Decision:
    """Accept what was refused: under the named clauses, or under any."""
    if decision.refused and (not clauses or decision.clause in clauses):
        return accept(decision.clause)
    return decision


REGISTERED: list[Flaw] = []


@dataclass(frozen=True, slots=True)
class Registrar:
    """Collects the flaws of one role: `@flaw(id, check, title)` on each function."""

    role: str

    def __call__(
        self, flaw_id: str, check: str, title: str
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the decorated function as a flaw."""

        def register(replacement: Callable[..., Any]) -> Callable[..., Any]:
            REGISTERED.append(Flaw(flaw_id, self.role, check, title, replacement))
            return replacement

        return register


authorization_server = Registrar("authorization-server")
tool_server = Registrar("tool-server")
agent_host = Registrar("agent-host")
