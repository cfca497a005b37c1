"""Which values of a target file are secrets."""

from __future__ import annotations

import msgspec
import pytest

from cimd_conformance.target import TargetFile, secrets_of


def target(**members: object) -> TargetFile:
    least = {"schema": 1, "name": "T", "role": "authorization-server"}
    return msgspec.convert({**least, **members}, TargetFile)


def test_passwords_and_the_introspection_secret() -> None:
    users = [{"username": "alice", "password": name} for name in ("horse-7", "other-8")]
    described = target(
        login={"users": users}, resource={"client_secret": "battery-staple"}
    )
    assert secrets_of(described) == (
        ("password", "horse-7"),
        ("password", "other-8"),
        ("client-secret", "battery-staple"),
    )


@pytest.mark.parametrize(
    "name",
    [
        *("APP_SECRET", "jwtToken", "DB_PASSWORD", "SIGNING_KEY", "KEY", "COOKIE_SALT"),
        *("DATABASE_URL", "session.secret", "PGPASSWORD"),
    ],
)
def test_variables_whose_name_tells(name: str) -> None:
    assert secrets_of(target(server={"env": {name: "sesame"}})) == (("env", "sesame"),)
    assert secrets_of(target(client={"env": {name: "sesame"}})) == (("env", "sesame"),)


def test_a_variable_whose_value_tells() -> None:
    value = "c0ffee00c0ffee00c0ffee00"
    assert secrets_of(target(server={"env": {"X": value}})) == (("env", value),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "{port}"),
        ("KEY_FILE", "{state}/key.pem"),
        ("NODE_ENV", "production"),
        ("LOG_LEVEL", "debug"),
        ("APP_SECRET", "short"),
        ("DB_PASSWORD", "password"),
        ("PUBLIC_NAME", "The authorization server"),
    ],
)
def test_what_is_no_secret(name: str, value: str) -> None:
    assert secrets_of(target(server={"env": {name: value}})) == ()


def test_a_variable_of_a_service() -> None:
    service = {"name": "db", "start": ["db"], "env": {"PGPASSWORD": "tr0ub4dor"}}
    assert secrets_of(target(service=[service])) == (("env", "tr0ub4dor"),)
