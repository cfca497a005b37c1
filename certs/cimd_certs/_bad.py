"""Certificates that a careful client must refuse, each for exactly one reason."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from cimd_certs._identity import exact_identities
from cimd_certs._leaf import Leaf

if TYPE_CHECKING:
    import trustme

_DAY = 86_400.0


class BadCertificate(StrEnum):
    """What is wrong with a certificate; everything else about it is right."""

    EXPIRED = "expired"
    """Its validity ended a month ago."""
    NOT_YET_VALID = "not-yet-valid"
    """Its validity begins in twenty years, beyond any shifted clock."""
    WRONG_NAME = "wrong-name"
    """It is for another name."""
    SELF_SIGNED = "self-signed"
    """It is its own issuer."""
    UNKNOWN_CA = "unknown-ca"
    """Its issuer is a CA that nobody trusts."""
    ISSUED_BY_LEAF = "issued-by-leaf"
    """Its issuer is a trusted certificate that is no CA's."""
    FOR_CLIENTS = "for-clients"
    """It is for clients only."""


def make_bad(ca: trustme.CA, kind: BadCertificate, name: str, now: float) -> Leaf:
    """Make a leaf for `name` with one defect."""
    from cimd_certs import _signing  # noqa: PLC0415 - loads the crypto libraries

    names = exact_identities(name)
    good = _signing.Validity(now - 30 * _DAY, now + 700 * _DAY)
    match kind:
        case BadCertificate.EXPIRED:
            past = _signing.Validity(now - 90 * _DAY, now - 30 * _DAY)
            return _signing.issue(ca, names, past)
        case BadCertificate.NOT_YET_VALID:
            future = _signing.Validity(now + 7300 * _DAY, now + 8000 * _DAY)
            return _signing.issue(ca, names, future)
        case BadCertificate.WRONG_NAME:
            return _signing.issue(ca, ("another-name.invalid",), good)
        case BadCertificate.SELF_SIGNED:
            return _signing.issue_self_signed(names, good)
        case BadCertificate.UNKNOWN_CA:
            return _signing.issue(_signing.make_ca(), names, good)
        case BadCertificate.ISSUED_BY_LEAF:
            issuer = _signing.issue(ca, ("another-name.invalid",), good)
            return _signing.issue_from(issuer, names, good)
        case BadCertificate.FOR_CLIENTS:
            return _signing.issue_from(_signing.of_ca(ca), names, good, clients=True)
