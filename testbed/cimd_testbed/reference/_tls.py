"""What is wrong with a handshake, and how one would look away."""

from __future__ import annotations

import functools
import ssl
import warnings

from cimd_testbed.core import TlsProblem


@functools.cache
def unverified() -> ssl.SSLContext:
    """Return what connects to anything: only ever used when a check says so."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


_PROBLEMS = {
    9: TlsProblem.NOT_YET_VALID,
    10: TlsProblem.EXPIRED,
    **dict.fromkeys((18, 19, 20, 21), TlsProblem.UNKNOWN_ISSUER),
    **dict.fromkeys((24, 26, 79), TlsProblem.UNFIT),
    **dict.fromkeys((62, 64), TlsProblem.OTHER_NAME),
}
"""By the verification error of OpenSSL (X509_V_ERR_…)."""


def problem_of(error: OSError) -> TlsProblem:
    """Say what was wrong with a handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _PROBLEMS.get(error.verify_code, TlsProblem.OTHER)
    return TlsProblem.NO_AGREEMENT
