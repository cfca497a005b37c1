"""Names of variables: read from source and last words, given a probable value."""

from __future__ import annotations

import pytest

from cimd_conformance.init._names import (
    client_value,
    missing_names,
    missing_options,
    names_in,
    server_value,
    trusts_another,
)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('os.environ["PUBLIC_URL"] + env.get("PORT", "1")', ["PUBLIC_URL", "PORT"]),
        ("os.getenv('BASE_URL')", ["BASE_URL"]),
        ('if v := os.Getenv("ISSUER"); v == "" {', ["ISSUER"]),
        ('std::env::var("LISTEN_PORT")', ["LISTEN_PORT"]),
        ("listen(process.env.PORT ?? 3000)", ["PORT"]),
        ("const { PORT, FORMAT = 'jwt' } = process.env;", ["PORT", "FORMAT"]),
        ("const { PORT } = options; env['lower'] = 1", []),
        ('ENV.fetch("PORT") == ENV["PORT"]', ["PORT"]),
        ('headers["X_REQUEST"]', []),
        ("url: ${BASE_URL:-http://localhost}\nport: ${PORT}", ["BASE_URL", "PORT"]),
    ],
)
def test_names_that_a_source_reads(source: str, names: list[str]) -> None:
    assert names_in(source) == names


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (["Traceback …", "KeyError: 'PUBLIC_URL'"], ["PUBLIC_URL"]),
        (["Error: PORT is required"], ["PORT"]),
        (["fatal: missing BASE_URL, JWKS_URI"], ["BASE_URL", "JWKS_URI"]),
        (["the environment variable ISSUER_URL is not set"], ["ISSUER_URL"]),
        (["public_url", "  Field required [type=missing]"], ["PUBLIC_URL"]),
        (["listening with LOG_LEVEL=debug"], []),
        ([], []),
    ],
)
def test_names_that_last_words_ask_for(output: list[str], names: list[str]) -> None:
    assert missing_names(output) == names


def test_options_that_last_words_ask_for() -> None:
    argparse = "server.py: error: the following arguments are required: --port, --base"
    assert missing_options(["usage: server.py [--help]", argparse]) == [
        "--port",
        "--base",
    ]
    assert missing_options(["Error: Missing option '--issuer-url'."]) == [
        "--issuer-url"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "{port}"),
        ("HTTP_PORT", "{port}"),
        ("port", "{port}"),
        ("DATABASE_PORT", None),
        ("PUBLIC_URL", "{origin}"),
        ("MCP_SERVER_URL", "{origin}"),
        ("issuer-url", "{origin}"),
        ("RESOURCE_SERVER_URL", "{origin}/mcp"),
        ("RESOURCE_SECRET", None),
        ("HOST", "127.0.0.1"),
        ("UPSTREAM_AUTHORIZE", "{upstream.authorize}"),
        ("IDP_TOKEN_URL", "{upstream.token}"),
        ("UPSTREAM_JWKS", "{upstream.jwks}"),
        ("UPSTREAM_ISSUER", "{upstream.issuer}"),
        ("UPSTREAM_AUDIENCE", None),
        ("DATA_DIR", "{state}"),
        ("LOG_LEVEL", None),
        ("DATABASE_URL", None),
    ],
)
def test_values_for_an_authorization_server(name: str, value: str | None) -> None:
    assert server_value(name, trusts=False) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "{issuer}"),
        ("AUTH_SERVER_URL", "{issuer}"),
        ("JWKS_URI", "{jwks_uri}"),
        ("INTROSPECTION_ENDPOINT", "{introspection_endpoint}"),
        ("INTROSPECTION_CLIENT_ID", "{introspection_client}"),
        ("INTROSPECTION_SECRET", "{introspection_secret}"),
        ("PUBLIC_URL", "{origin}"),
        ("AUDIENCE", "{origin}/mcp"),
    ],
)
def test_values_for_a_tool_server(name: str, value: str) -> None:
    assert server_value(name, trusts=True) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIENT_ID", "{client_id}"),
        ("CLIENT_METADATA_URL", "{client_id}"),
        ("REDIRECT_URI", "{redirect_uri}"),
        ("CALLBACK_PORT", "{callback_port}"),
        ("MCP_SERVER_URL", "{server_url}"),
        ("CA_FILE", "{ca_file}"),
        ("HOME", None),
    ],
)
def test_values_for_a_client(name: str, value: str | None) -> None:
    assert client_value(name) == value


def test_a_proxy_is_not_taken_for_a_tool_server() -> None:
    assert trusts_another(["PORT", "JWKS_URI"])
    assert trusts_another(["INTROSPECTION_URL"])
    assert not trusts_another(["PORT", "ISSUER", "UPSTREAM_JWKS"])
