"""Why a call ended without a result: the client's own decision, or what it met."""

from __future__ import annotations

from cimd_testbed.core import Decision, refuse


class Stopped(Exception):  # noqa: N818 - a decision, not a malfunction
    """The client does not go on; `decision` says under which clause."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


def demand(decision: Decision) -> None:
    """Raise `Stopped` when the decision is to refuse."""
    if decision.refused:
        raise Stopped(decision)


def stopped(clause: str, reason: str) -> Stopped:
    """Make the error for a decision that needs no rule."""
    return Stopped(refuse(clause, reason))
