"""Which values of a target file are secrets, so that no report ever shows them."""

from __future__ import annotations

import re

from cimd_conformance.target._model import TargetFile

_TELLING = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|SALT|PEPPER|COOKIE|SESSION|_KEY|"
    r"KEY$|^KEY|_PW$|DSN|DATABASE_URL|CONNECTION",
    re.IGNORECASE,
)
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_~.\-]{20,}")
_SHORTEST = 6
_NO_SECRETS = frozenset(
    {"password", "passwort", "secret", "changeme", "admin", "letmein", "default"}
)
"""What everybody would guess: it hides nothing, and taking it out hurts every text."""


def secrets_of(target: TargetFile) -> tuple[tuple[str, str], ...]:
    """Return the secrets of a target file, each with its kind."""
    found = [("password", user.password) for user in target.login.users]
    found.append(("client-secret", target.resource.client_secret))
    services = (service.env for service in target.service)
    for environment in (target.server.env, target.client.env, *services):
        found += [
            ("env", value)
            for name, value in environment.items()
            if "{" not in value and (_TELLING.search(name) or _RANDOM.fullmatch(value))
        ]
    return tuple((kind, value) for kind, value in found if _is_secret(value))


def _is_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and value.lower() not in _NO_SECRETS
