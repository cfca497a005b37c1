"""Authorization requests that wait for their response.

The handler of the callback only hands a response over. The flow that waits judges it,
and says what the person in the browser gets to read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from cimd_testbed.net import Params
from cimd_testbed.reference.agent_host._checks import AgentHostChecks


@dataclass(slots=True)
class Pending:
    """One request: everything that its response is compared with.

    The issuer is that of validated metadata, recorded before the browser leaves.
    """

    redirect_uri: str
    state: str
    verifier: str
    issuer: str
    announces_iss: bool
    response: asyncio.Future[Params] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    page: asyncio.Future[str] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


@dataclass(slots=True)
class PendingRequests:
    """The requests that wait, in the order in which they were sent."""

    checks: AgentHostChecks
    waiting: list[Pending] = field(default_factory=list)

    def add(self, pending: Pending) -> None:
        """Wait for the response to a request."""
        self.waiting.append(pending)

    def remove(self, pending: Pending) -> None:
        """Forget a request; whoever still waits for its page gets none."""
        if pending in self.waiting:
            self.waiting.remove(pending)
        if not pending.page.done():
            pending.page.set_result("The authorization was given up.")

    async def deliver(self, arrived: str, params: Params) -> str | None:
        """Hand a response to the request it is for; return the page's text.

        Only a request that was sent with this redirect URI can be meant. Its `state`
        tells which one, where several wait; the flow compares it again.
        """
        state = next((value for name, value in params if name == "state"), None)
        place = self.checks.callback_place
        here = [p for p in self.waiting if not place(p.redirect_uri, arrived).refused]
        meant = [p for p in here if p.state == state] or here[:1]
        if not meant or meant[0].response.done():
            return None
        meant[0].response.set_result(params)
        return await meant[0].page
