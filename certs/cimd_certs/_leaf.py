"""A leaf certificate with its key."""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path

ALPN = ("http/1.1",)
"""The testbed speaks HTTP/1.1 only, and says so."""


def write_private(path: Path, data: bytes) -> None:
    """Write a file that nobody but its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)


def old_tls() -> bool:
    """Whether this runtime can still offer TLS 1.1 to somebody."""
    return ssl.HAS_TLSv1_1


def speak_old_tls(context: ssl.SSLContext) -> None:
    """Let a server context speak TLS 1.0 and 1.1, and nothing newer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # their signatures are SHA-1


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate chain and its private key, both PEM; the key is PKCS #8."""

    certificate: bytes
    key: bytes = field(repr=False)

    def context(self) -> ssl.SSLContext:
        """Make a server context that presents this leaf."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(ALPN)
        # The ssl module loads keys from files only (python/cpython#60691).
        handle, pair = tempfile.mkstemp(prefix="cimd-certs-")  # its owner's alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.key + self.certificate)
            context.load_cert_chain(pair)
        finally:
            Path(pair).unlink()
        return context

    def write(self, directory: Path, stem: str) -> tuple[Path, Path]:
        """Write `stem.pem` (0644) and `stem-key.pem` (0600), and return both paths."""
        certificate, key = directory / f"{stem}.pem", directory / f"{stem}-key.pem"
        certificate.write_bytes(self.certificate)
        certificate.chmod(0o644)
        write_private(key, self.key)
        return certificate, key
