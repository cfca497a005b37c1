"""How a request ends early.

```
Refused        a check refused; the OAuth error code and the decision
FetchError     something that a client names could not be fetched or used
```
"""

from __future__ import annotations

from cimd_testbed.core import Decision, refuse


class Refused(Exception):  # noqa: N818 - a decision, not a malfunction
    """A check refused the request."""

    def __init__(self, error: str, decision: Decision, status: int = 400) -> None:
        super().__init__(f"{error}: {decision.reason}")
        self.error = error
        self.decision = decision
        self.status = status


class FetchError(Exception):
    """A document, key set or picture could not be had.

    `answered` tells an unusable document from a failed fetch; `body` is what came.
    """

    def __init__(
        self, decision: Decision, *, answered: bool = False, body: bytes = b""
    ) -> None:
        super().__init__(decision.reason)
        self.decision = decision
        self.answered = answered
        self.body = body


def demand(decision: Decision, error: str, status: int = 400) -> None:
    """Raise `Refused` with an OAuth error code when the decision is to refuse."""
    if decision.refused:
        raise Refused(error, decision, status)


def demand_fetched(
    decision: Decision, *, answered: bool = False, body: bytes = b""
) -> None:
    """Raise `FetchError` when the decision is to refuse."""
    if decision.refused:
        raise FetchError(decision, answered=answered, body=body)


def refused(error: str, clause: str, reason: str, status: int = 400) -> Refused:
    """Make a `Refused` for what no check decides (a missing parameter)."""
    return Refused(error, refuse(clause, reason), status)
