"""Names of the testbed: one table for the lab's DNS and the embedded resolver."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_testbed.net._contacts import ContactLog, Depth, IPAddress

Answer = Callable[[int], list[IPAddress]]
"""Given the number of queries so far for (name, type), the addresses to answer."""
Wildcard = Callable[[str], list[IPAddress]]
"""Given what stands before the suffix, without the dot, the addresses to answer."""


class Fault(enum.StrEnum):
    """What goes wrong with the answers about a name."""

    TRUNCATED = "truncated"
    """Over UDP only the first address comes, marked as cut; all come over TCP."""
    SERVER_FAILURE = "server-failure"
    """SERVFAIL."""
    SILENT = "silent"
    """No answer at all."""


@dataclass(slots=True)
class Zone:
    """Which addresses a name has; names are compared in lower case.

    An unknown name does not exist. Every query of a target is recorded as a contact.
    """

    contacts: ContactLog
    _names: dict[str, Answer] = field(default_factory=dict)
    _asked: dict[tuple[str, int], int] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)
    _delays: dict[str, float] = field(default_factory=dict)
    _faults: dict[str, Fault] = field(default_factory=dict)
    _wildcards: dict[str, Wildcard] = field(default_factory=dict)

    def point(self, name: str, *addresses: IPAddress) -> None:
        """Give a name its fixed addresses, replacing what it had."""
        found = list(addresses)
        self._names[name.lower()] = lambda _asked: found

    def script(self, name: str, answer: Answer) -> None:
        """Give a name an answer that depends on how often it was asked."""
        self._names[name.lower()] = answer

    def wildcard(self, suffix: str, answer: Wildcard) -> None:
        """Answer for every name below `suffix` that has no answer of its own."""
        self._wildcards[suffix.lower()] = answer

    def alias(self, name: str, canonical: str) -> None:
        """Make a name a CNAME of another, whose addresses it then has."""
        self._aliases[name.lower()] = canonical.lower()

    def delay(self, name: str, seconds: float) -> None:
        """Let every answer about a name wait."""
        self._delays[name.lower()] = seconds

    def fail(self, name: str, fault: Fault) -> None:
        """Let something go wrong with every answer about a name."""
        self._faults[name.lower()] = fault

    def seconds_for(self, name: str) -> float:
        """Return how long an answer about a name waits."""
        return self._delays.get(name.rstrip(".").lower(), 0.0)

    def fault_of(self, name: str) -> Fault | None:
        """Return what goes wrong with answers about a name, or None."""
        return self._faults.get(name.rstrip(".").lower())

    def chain(self, name: str) -> list[str]:
        """Return the name and what its aliases lead to; a circle ends unresolved."""
        names = [name.rstrip(".").lower()]
        while (after := self._aliases.get(names[-1])) is not None:
            names.append(after)
            if after in names[:-1]:
                break
        return names

    def lookup(
        self, name: str, version: int, label: str | None = None
    ) -> list[IPAddress] | None:
        """Answer one query for the addresses of one IP version; None: no such name."""
        asked_for, *_ = chain = self.chain(name)
        self.contacts.record(Depth.DNS, None, None, name=asked_for, label=label)
        key = chain[-1]
        answer = None if key in self._aliases else self._answer(key)
        if answer is None:
            return None
        asked = self._asked.get((key, version), 0)
        self._asked[key, version] = asked + 1
        return [found for found in answer(asked) if found.version == version]

    def _answer(self, name: str) -> Answer | None:
        """Return the answer of a name, or of the wildcard that it falls under."""
        if name in self._names:
            return self._names[name]
        below, dot, suffix = name.partition(".")
        while dot:
            if suffix in self._wildcards:
                found = self._wildcards[suffix](below)
                return lambda _asked: found
            label, dot, suffix = suffix.partition(".")
            below = f"{below}.{label}"
        return None
