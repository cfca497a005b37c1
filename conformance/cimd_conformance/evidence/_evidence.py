"""Evidence from our own side: which place of which scenario was reached, how deep."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from cimd_conformance.evidence._redact import Redactor
from cimd_conformance.model import AnyEvent, ContactSeen, Exchange
from cimd_testbed.net import CANARY_PORTS, Contact, Depth, Headers, IPAddress, Response

STRAYS = 256
_PREFIX = re.compile(r"^(/i\d+)(?:/|$)")

DEPTH_WORDS = {
    Depth.DNS: "dns",
    Depth.TCP: "tcp",
    Depth.CLIENT_HELLO: "client-hello",
    Depth.TLS: "tls",
    Depth.HTTP: "http",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose a name, an address or a path is."""

    scenario: str
    place: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One contact of one place; `number` is its reference in the event stream."""

    number: int
    place: str
    depth: Depth
    what: str
    trouble: str | None = None
    """Why a handshake that had begun was not finished."""


def reached(address: IPAddress) -> IPAddress:
    """Return where the kernel takes a connection to an address.

    A mapped address arrives as the IPv4 address, no address at all as loopback, and a
    zone id only names the interface.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        address = IPv6Address(int(address))
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_unspecified:
        return IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
    return address


_ELSEWHERE = " (at another address)"
"""What a place is called where its name leads, and its own address is not."""
_AT_HOME = frozenset({ip_address("127.0.0.1"), ip_address("::1")})
"""Where a target also talks to itself: to its database, or to the resolver."""


@dataclass(slots=True)
class Evidence:
    """Attributes each contact of the target to the scenario that leased the place."""

    emit: Callable[[AnyEvent], None]
    now: Callable[[], float]
    """Seconds since the run started."""
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    told: dict[str, list[Exchange]] = field(default_factory=dict)
    """The exchanges of each scenario and control, redacted, until it is released."""
    strays: deque[Contact] = field(default_factory=lambda: deque(maxlen=STRAYS))
    """The latest contacts of nobody's place: of an issuer that a whole run shares, or
    on loopback, where a port alone does not say whose it is."""
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    """Of exchanges and contacts, unique in a run."""
    _names: dict[str, Claim | None] = field(default_factory=dict)
    """Whose a host is; None where several scenarios share it, as on loopback."""
    _hosts: dict[tuple[str, str], str] = field(default_factory=dict)
    """The place by scenario and host."""
    _addresses: dict[IPAddress, Claim] = field(default_factory=dict)
    _beside: set[Claim] = field(default_factory=set)
    """Places that share the address of another place."""
    _paths: dict[str, str] = field(default_factory=dict)
    _redactor: Redactor = field(default_factory=Redactor)

    def claim(
        self,
        scenario: str,
        place: str,
        *,
        host: str | None = None,
        address: IPAddress | None = None,
        prefix: str | None = None,
        beside: bool = False,
    ) -> None:
        """File a host name, an address or a path prefix under a scenario's place.

        With `beside` the address is another place's, and the name tells them apart.
        """
        owner = Claim(scenario, place)
        if beside:
            self._beside.add(owner)
            address = None
        if host:
            host = host.lower()
            before = self._names.get(host, owner)
            shared = before is None or before.scenario != scenario
            self._names[host] = None if shared else owner
            self._hosts[scenario, host] = place
        if address:
            self._addresses[reached(address)] = owner
        if prefix:
            self._paths[prefix] = scenario

    def release(self, scenario: str) -> None:
        """Forget a scenario that is over, before its addresses are leased again."""
        self.seen.pop(scenario, None)
        self._beside = {one for one in self._beside if one.scenario != scenario}
        self.told.pop(scenario, None)
        for address, owner in list(self._addresses.items()):
            if owner.scenario == scenario:
                del self._addresses[address]

    def _owner(self, contact: Contact) -> Claim | None:
        address = reached(contact.address) if contact.address else None
        if address in _AT_HOME and contact.port not in CANARY_PORTS:
            address = None
        by_address = self._addresses.get(address) if address else None
        host = (contact.name or "").lower()
        by_name = self._names.get(host)
        if by_address is not None:
            return by_name if by_name in self._beside else by_address
        if by_name is not None and contact.address is not None:
            by_name = self._elsewhere(by_name)
        found = _PREFIX.match(contact.target or "")
        if by_name is not None or not found:
            return by_name
        scenario = self._paths.get(found[1])
        if scenario is None:
            return None
        return Claim(scenario, self._hosts.get((scenario, host), "client"))

    def _elsewhere(self, owner: Claim) -> Claim:
        """Tell a name's own address from others that it also resolves to.

        A place with an address of its own is only reached at that address.
        """
        if owner not in self._addresses.values():
            return owner
        return Claim(owner.scenario, f"{owner.place}{_ELSEWHERE}")

    def on_contact(self, contact: Contact) -> None:
        """Take in a contact; those of our own parties are no evidence."""
        if contact.label is not None:
            return
        owner = self._owner(contact)
        if owner is None:
            self.strays.append(contact)
            return
        number = next(self.numbers)
        depth = DEPTH_WORDS[contact.depth]
        what = " ".join(
            str(part)
            for part in (
                *(depth, contact.name, contact.address, contact.port),
                contact.trouble,
            )
            if part is not None
        )
        self.seen.setdefault(owner.scenario, []).append(
            Seen(number, owner.place, contact.depth, what, contact.trouble)
        )
        self.emit(
            ContactSeen(
                self.now(),
                owner.scenario,
                number,
                owner.place,
                depth,
                str(contact.address) if contact.address else None,
                contact.port,
                contact.name,
                self._redactor.text(contact.target) if contact.target else None,
                contact.trouble,
            )
        )

    def navigated(self, scenario: str, place: str, number: int, url: str) -> None:
        """Note that the target sent the browser to a place."""
        self.seen.setdefault(scenario, []).append(
            Seen(number, place, Depth.HTTP, f"browser sent to {url}")
        )

    def touched(self, scenario: str, place: str) -> list[Seen]:
        """Return the contacts of a place from TCP on: a DNS query touches nothing."""
        return [
            seen
            for seen in self.seen.get(scenario, [])
            if seen.place == place and seen.depth >= Depth.TCP
        ]

    def asked(self, scenario: str, place: str) -> list[Seen]:
        """Return the HTTP requests that a place got, at its own address."""
        found = self.touched(scenario, place)
        return [seen for seen in found if seen.depth >= Depth.HTTP]

    def asked_anywhere(self, scenario: str, place: str) -> list[Seen]:
        """Return the HTTP requests that a place got, whatever its address then was."""
        return [
            *self.asked(scenario, place),
            *self.asked(scenario, f"{place}{_ELSEWHERE}"),
        ]

    def place_of(self, scenario: str, host: str) -> str | None:
        """Return the place of a scenario that has this host, or None."""
        return self._hosts.get((scenario, host.lower()))

    def exchange(
        self,
        scenario: str,
        redactor: Redactor,
        record: ExchangeRecord,
    ) -> int:
        """Emit one HTTP exchange, redacted; return its number."""
        number = next(self.numbers)
        request = redactor.message(
            f"{record.method} {record.url}", record.headers, record.body
        )
        response = None
        if record.response is not None:
            response = redactor.message(
                str(record.response.status),
                record.response.headers,
                record.response.body,
            )
        event = Exchange(
            self.now(),
            scenario,
            number,
            record.sender,
            record.receiver,
            record.message,
            request,
            response,
            record.changed,
        )
        self.told.setdefault(scenario, []).append(event)
        self.emit(event)
        return number


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """One exchange, raw; it is redacted before it leaves."""

    sender: str
    receiver: str
    message: str
    method: str
    url: str
    headers: Headers
    body: bytes
    response: Response | None
    changed: bool = False
