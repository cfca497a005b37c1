"""Put several decisions about one input together."""

from __future__ import annotations

from collections.abc import Iterable

from cimd_testbed.core._decision import Decision, Verdict, accept


def strictest(decisions: Iterable[Decision], clause: str) -> Decision:
    """Return the first refusal, else the first freedom, else accept under `clause`.

    Stops at the first refusal, so a rule may rely on those before it.
    """
    freedom: Decision | None = None
    for decision in decisions:
        if decision.verdict is Verdict.REFUSE:
            return decision
        if decision.verdict is Verdict.FREE and freedom is None:
            freedom = decision
    return freedom or accept(clause)
