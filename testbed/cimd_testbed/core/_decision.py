"""What a rule answers: accept, refuse, or free, always with the clause."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Verdict(enum.Enum):
    """The three answers that a specification can give."""

    ACCEPT = "accept"
    """The texts demand that this is accepted."""
    REFUSE = "refuse"
    """The texts demand that this is refused."""
    FREE = "free"
    """The texts leave it to the implementation, or contradict each other."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One rule applied to one input.

    `clause` is the id of a requirement in the catalogue; `reason` is one sentence
    for a log or an error page, and never repeats attacker-supplied values.
    """

    verdict: Verdict
    clause: str
    reason: str = ""

    @property
    def refused(self) -> bool:
        """Whether a server that takes every freedom must still refuse."""
        return self.verdict is Verdict.REFUSE


def accept(clause: str, reason: str = "") -> Decision:
    """Answer that the input has to be accepted."""
    return Decision(Verdict.ACCEPT, clause, reason)


def refuse(clause: str, reason: str) -> Decision:
    """Answer that the input has to be refused."""
    return Decision(Verdict.REFUSE, clause, reason)


def free(clause: str, reason: str) -> Decision:
    """Answer that the texts leave the choice to the implementation."""
    return Decision(Verdict.FREE, clause, reason)
