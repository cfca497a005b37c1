"""Names of the testbed: one table for the lab's DNS and the embedded resolver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cimd_testbed.net._contacts import ContactLog, Depth, IPAddress

Answer = Callable[[int], list[IPAddress]]
"""Given the number of queries so far for (name, type), the addresses to answer."""


@dataclass(slots=True)
class Zone:
    """Which addresses a name has; names are compared in lower case.

    An unknown name does not exist. Every query of a target is recorded as a contact.
    """

    contacts: ContactLog
    _names: dict[str, Answer] = field(default_factory=dict)
    _asked: dict[tuple[str, int], int] = field(default_factory=dict)

    def point(self, name: str, *addresses: IPAddress) -> None:
        """Give a name its fixed addresses, replacing what it had."""
        found = list(addresses)
        self._names[name.lower()] = lambda _asked: found

    def script(self, name: str, answer: Answer) -> None:
        """Give a name an answer that depends on how often it was asked."""
        self._names[name.lower()] = answer

    def lookup(
        self, name: str, version: int, label: str | None = None
    ) -> list[IPAddress] | None:
        """Answer one query for the addresses of one IP version; None: no such name."""
        key = name.rstrip(".").lower()
        self.contacts.record(Depth.DNS, None, None, name=key, label=label)
        answer = self._names.get(key)
        if answer is None:
            return None
        asked = self._asked.get((key, version), 0)
        self._asked[key, version] = asked + 1
        return [found for found in answer(asked) if found.version == version]
