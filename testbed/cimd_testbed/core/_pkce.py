"""PKCE (RFC 7636) as OAuth 2.1 and MCP demand it: always, and S256 only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from cimd_testbed.core._decision import Decision, accept, refuse

_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def s256_challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def pkce_required(challenge: str | None, public: bool) -> Decision:
    """Demand a challenge of every client (OAuth 2.1-13 section 7.5.2)."""
    clause = "pkce-required-public" if public else "pkce-required-confidential"
    if not challenge:
        return refuse(clause, "The request has no code_challenge.")
    return accept(clause)


def pkce_method(challenge: str | None, method: str | None) -> Decision:
    """Accept S256 alone; a missing method means plain (RFC 7636 section 4.3)."""
    clause = "pkce-plain-refused"
    if challenge is None and method is None:
        return accept(clause)
    if method != "S256":
        return refuse(clause, "The code_challenge_method has to be S256.")
    return accept(clause)


def pkce_challenge(challenge: str | None) -> Decision:
    """Bound the challenge to its syntax (RFC 7636 section 4.2)."""
    clause = "pkce-verifier-format"
    if challenge and not _UNRESERVED.fullmatch(challenge):
        return refuse(clause, "The code_challenge is malformed.")
    return accept(clause)


def pkce_verifier(
    challenge: str | None, method: str | None, verifier: str | None
) -> Decision:
    """Compare the verifier with the challenge (RFC 7636 section 4.6).

    A verifier without a challenge is refused too: somebody took the challenge out of
    the request (RFC 9700 section 2.1.1).
    """
    if not challenge:
        if verifier:
            return refuse(
                "pkce-downgrade-no-challenge", "No code_challenge was sent before."
            )
        return accept("pkce-downgrade-no-challenge")
    if not verifier:
        return refuse("pkce-missing-verifier", "The code_verifier is missing.")
    if not _UNRESERVED.fullmatch(verifier):
        return refuse("pkce-verifier-format", "The code_verifier is malformed.")
    derived = s256_challenge(verifier) if method == "S256" else verifier
    if not hmac.compare_digest(derived.encode(), challenge.encode()):
        return refuse("pkce-wrong-verifier", "The code_verifier is wrong.")
    return accept("pkce-wrong-verifier")
