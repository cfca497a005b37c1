"""One local certificate authority per run."""

from __future__ import annotations

import hmac
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cimd_certs._bad import BadCertificate, make_bad
from cimd_certs._identity import exact_identities, shared_identities
from cimd_certs._leaf import ALPN, Leaf, speak_old_tls, write_private

if TYPE_CHECKING:
    import trustme

CA_FILE = "ca.pem"
CA_KEY_FILE = "ca-key.pem"

_DAY = 86_400.0
_BACKDATED = 30 * _DAY
"""For targets whose clock is late."""
_LIFETIME = 760 * _DAY
"""With the above under 825 days, the most that Apple's platforms accept."""


class Authority:
    """A CA with an EC key, made once, that issues leaves on demand.

    `now` is the clock that validity periods are counted from.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        from cimd_certs import _signing  # noqa: PLC0415 - loads the crypto libraries

        self._now = now
        self._ca: trustme.CA = _signing.make_ca()
        self._trust: ssl.SSLContext | None = None
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._bad: dict[tuple[BadCertificate, str], ssl.SSLContext] = {}

    @classmethod
    def load(cls, directory: Path, now: Callable[[], float] = time.time) -> Self:
        """Read a CA that `write(directory, keep_key=True)` has left.

        Raises `OSError` when a file cannot be read, `ValueError` when it holds no CA.
        """
        from cimd_certs import _signing  # noqa: PLC0415 - loads the crypto libraries

        certificate = (directory / CA_FILE).read_bytes()
        key = (directory / CA_KEY_FILE).read_bytes()
        authority = cls(now)
        authority._ca = _signing.load_ca(certificate, key)
        return authority

    @property
    def ca_pem(self) -> bytes:
        """The CA's certificate."""
        return self._ca.cert_pem.bytes()

    def leaf(self, *names: str) -> Leaf:
        """Issue a leaf for exactly these DNS names and IP addresses."""
        return self._issue([item for name in names for item in exact_identities(name)])

    def context_for(self, name_or_ip: str) -> ssl.SSLContext:
        """Give the server context for a DNS name or the text of an IP address.

        Contexts are cached; siblings of one parent domain share a wildcard leaf.
        """
        identities = shared_identities(name_or_ip)
        context = self._contexts.get(identities)
        if context is None:
            context = self._contexts[identities] = self._issue(identities).context()
        return context

    def bad_context(self, kind: BadCertificate, name: str) -> ssl.SSLContext:
        """Give a server context whose certificate has one defect, otherwise right."""
        context = self._bad.get((kind, name))
        if context is None:
            context = make_bad(self._ca, kind, name, self._now()).context()
            self._bad[kind, name] = context
        return context

    def old_context(self, name: str) -> ssl.SSLContext:
        """Give a server context that speaks TLS 1.0 and 1.1 only (see `old_tls`)."""
        context = self.leaf(name).context()
        speak_old_tls(context)
        return context

    def trust(self) -> ssl.SSLContext:
        """Give the client context that trusts this CA and no other."""
        if self._trust is None:
            pem = self.ca_pem.decode("ascii")
            self._trust = ssl.create_default_context(cadata=pem)
            self._trust.set_alpn_protocols(ALPN)
        return self._trust

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes that this CA's key gives for a purpose: the same each time.

        What a target may remember beyond a run, as the keys of an issuer that it
        trusts, is made from it, so that a CA that was kept brings them back.
        """
        key = self._ca.private_key_pem.bytes()
        return hmac.digest(key, purpose.encode(), "sha256")

    def bundle(self, extra: bytes = b"") -> bytes:
        """Return this CA together with the PEM certificates in `extra`."""
        return self.ca_pem + extra

    def write(self, directory: Path, *, keep_key: bool = False) -> Path:
        """Write the CA into `directory` and return the path of its certificate.

        Its key is written (0600) only on request: a CA whose key is gone with the
        process cannot be misused by whoever finds it trusted later.
        """
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / CA_FILE
        path.write_bytes(self.ca_pem)
        path.chmod(0o644)
        if keep_key:
            from cimd_certs import _signing  # noqa: PLC0415 - already loaded

            key = _signing.pkcs8(self._ca.private_key_pem.bytes())
            write_private(directory / CA_KEY_FILE, key)
        return path

    def _issue(self, identities: list[str] | tuple[str, ...]) -> Leaf:
        from cimd_certs import _signing  # noqa: PLC0415 - already loaded

        now = self._now()
        validity = _signing.Validity(now - _BACKDATED, now + _LIFETIME)
        return _signing.issue(self._ca, identities, validity)
