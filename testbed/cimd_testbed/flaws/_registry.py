"""Every flaw by its id; importing the modules registers what they define."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cimd_testbed.flaws import (  # noqa: F401 - imported for what they register
    _address_blocks,
    _addresses,
    _agent_discovery,
    _agent_registration,
    _agent_requests,
    _agent_responses,
    _authorization,
    _caching,
    _client_auth,
    _client_id,
    _consent,
    _destinations,
    _discovery,
    _documents,
    _failures,
    _fetching,
    _json,
    _loose,
    _provider,
    _resource_server,
    _tokens,
    _tool_forms,
    _tool_server,
)
from cimd_testbed.flaws._flaw import REGISTERED, Flaw

FLAWS: Mapping[str, Flaw] = MappingProxyType({flaw.id: flaw for flaw in REGISTERED})
"""Every flaw by its id."""

assert len(FLAWS) == len(REGISTERED), "every flaw has an id of its own"
