"""A client that runs already, and is told by a request to a hook of its own.

The hook gets the errand as JSON and answers when the client is done: 2xx when the tool
was called, anything else when not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from cimd_conformance.engine._process import Placed, demand_local, free_port
from cimd_conformance.flows.agent_host import Ended, Ending, Errand
from cimd_testbed.net import HttpClient, HttpError, Limits, SystemDialer, SystemResolver

_JSON = (("Content-Type", "application/json"),)


@dataclass(slots=True)
class ProgramDriver:
    """Tells a running program where to connect."""

    placed: Placed

    async def connect(self, errand: Errand) -> Ended:
        """Send the errand and wait for the answer."""
        client = self.placed.target.client
        hook = self.placed.fill(client.hook)
        demand_local(hook, "hook")
        port = str(free_port())
        uris = [
            self.placed.fill(uri, callback_port=port) for uri in client.redirect_uris
        ]
        told = {
            "server_url": errand.server_url,
            "scenario": client.scenario or errand.scenario,
            "protocol": errand.protocol,
            **errand.context,
        }
        if client.document == "testbed":
            told |= {"client_id": errand.publish(uris), "redirect_uri": uris[0]}
        http = HttpClient(
            SystemDialer(),
            SystemResolver(),
            self.placed.around.authority.trust(),
            Limits(seconds=client.seconds),
        )
        try:
            body = json.dumps(told).encode()
            response = await http.request("POST", hook, _JSON, body)
        except TimeoutError:
            detail = f"the hook did not answer within {client.seconds:g} s"
            return Ended(Ending.HUNG, good=False, detail=detail)
        except (HttpError, OSError) as error:
            detail = f"the hook failed: {type(error).__name__} {error}"
            return Ended(Ending.CRASHED, good=False, detail=detail)
        finally:
            await http.close()
        good = 200 <= response.status < 300
        return Ended(Ending.EXITED, good, f"the hook answered HTTP {response.status}")
