"""Make leaves: with trustme where it can, with `cryptography` where it cannot.

The only module that loads the crypto libraries; others import it when they first
sign something, so that `import cimd_certs` stays cheap.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cimd_certs._leaf import Leaf

ORGANIZATION = "cimd-conformance"


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when a certificate is valid, in seconds since the epoch."""

    not_before: float
    not_after: float

    @property
    def dates(self) -> tuple[datetime, datetime]:
        """The two moments as the libraries want them: UTC."""
        start = datetime.fromtimestamp(self.not_before, UTC)
        return start, start + timedelta(seconds=self.not_after - self.not_before)


def make_ca() -> trustme.CA:
    """Make a CA with an EC key."""
    return trustme.CA(
        organization_name=ORGANIZATION,
        organization_unit_name=f"local test CA {trustme.random_text()}",
        path_length=0,
    )


def load_ca(certificate: bytes, key: bytes) -> trustme.CA:
    """Load a CA from PEM; raises `ValueError` when it is none, or not a pair."""
    parsed = x509.load_pem_x509_certificate(certificate)
    private = serialization.load_pem_private_key(key, password=None)
    if parsed.public_key() != private.public_key():
        raise ValueError("The CA certificate and the key do not belong together.")
    return trustme.CA.from_pem(certificate, key)


def issue(ca: trustme.CA, identities: Sequence[str], validity: Validity) -> Leaf:
    """Issue a leaf; names that trustme refuses to encode are taken as they are."""
    not_before, not_after = validity.dates
    try:
        made = ca.issue_cert(
            *identities,
            organization_name=ORGANIZATION,
            not_before=not_before,
            not_after=not_after,
        )
    except UnicodeError:
        return _issue_verbatim(ca, identities, validity)
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
    return Leaf(chain, pkcs8(made.private_key_pem.bytes()))


def of_ca(ca: trustme.CA) -> Leaf:
    """Return a CA's certificate and key."""
    return Leaf(ca.cert_pem.bytes(), ca.private_key_pem.bytes())


def issue_from(
    issuer: Leaf,
    identities: Sequence[str],
    validity: Validity,
    *,
    clients: bool = False,
) -> Leaf:
    """Issue a leaf with any certificate's key, whether it may or not.

    The chain has the issuer too; with `clients` the leaf is for clients only.
    """
    parent = x509.load_pem_x509_certificate(issuer.certificate)
    parent_key = serialization.load_pem_private_key(issuer.key, None)
    assert isinstance(parent_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if clients else None
    builder = _builder(identities, validity, key.public_key(), usage)
    builder = builder.subject_name(_name("odd issuer")).issuer_name(parent.subject)
    made = _sign(builder, key, parent_key)
    return Leaf(made.certificate + issuer.certificate, made.key)


def issue_self_signed(identities: Sequence[str], validity: Validity) -> Leaf:
    """Make a leaf that is its own issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(identities, validity, key.public_key())
    subject = _name("self-signed")
    return _sign(builder.subject_name(subject).issuer_name(subject), key, key)


def pkcs8(key: bytes) -> bytes:
    """Re-encode a PEM key as PKCS #8, the one form that Java and .NET also read."""
    return _pem(serialization.load_pem_private_key(key, password=None))


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(unit: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        ]
    )


def _general_name(identity: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(identity))
    except ValueError:
        return x509.DNSName(identity)


def _builder(
    identities: Sequence[str],
    validity: Validity,
    key: ec.EllipticCurvePublicKey,
    usage: x509.ObjectIdentifier | None = None,
) -> x509.CertificateBuilder:
    not_before, not_after = validity.dates
    names = [_general_name(identity) for identity in identities]
    usages = [usage or ExtendedKeyUsageOID.SERVER_AUTH]
    return (
        x509.CertificateBuilder()
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issue_verbatim(
    ca: trustme.CA, identities: Sequence[str], validity: Validity
) -> Leaf:
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    issuer_key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    builder = (
        _builder(identities, validity, key.public_key())
        .subject_name(_name("verbatim name"))
        .issuer_name(issuer.subject)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                identifier.value
            ),
            critical=False,
        )
    )
    return _sign(builder, key, issuer_key)


def _sign(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> Leaf:
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Leaf(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))
