"""What processes inside the lab find in their environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cimd_testbed.net.lab._outside import HANDED_OVER

_PROXIED = (
    *("all", "cgi_http", "ftp", "grpc", "http", "https", "no", "npm_config"),
    *("npm_config_http", "npm_config_https", "npm_config_no", "pip", "rsync"),
    *("socks", "ws", "wss", "global_agent_http", "global_agent_https"),
)
_PROXIES = frozenset(f"{prefix}_proxy" for prefix in _PROXIED)
"""Compared without regard to case. By full name, since `TRUST_PROXY` and its like are
settings of targets."""

_WAYS_OUT = frozenset(
    {
        # agents, buses and daemons behind Unix sockets
        *("SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "GNOME_KEYRING_CONTROL"),
        *("DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR"),
        *("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "BUILDKIT_HOST"),
        *("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"),
        *("JOURNAL_STREAM", "INVOCATION_ID", "PULSE_SERVER", "WAYLAND_SOCKET"),
        # what bends name resolution
        *("HOSTALIASES", "LOCALDOMAIN", "RES_OPTIONS", "RESOLV_HOST_CONF"),
        *("NODE_USE_ENV_PROXY", "WSL_INTEROP", *HANDED_OVER),
    }
)

_FILE_VARIABLES = (
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    *("AWS_CA_BUNDLE", "NIX_SSL_CERT_FILE", "CARGO_HTTP_CAINFO", "PIP_CERT"),
    *("HTTPLIB2_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"),
)
"""These replace a program's list, so they name the whole bundle."""
_EXTRA_VARIABLES = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""These add to a program's list, so they name our CA alone."""


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without proxies, agents and the lab's own hand-over."""
    return {
        name: value
        for name, value in environ.items()
        if name not in _WAYS_OUT and name.lower() not in _PROXIES
    }


def trust_environment(ca_file: Path, bundle_file: Path) -> dict[str, str]:
    """Return what makes programs trust the CA.

    `bundle_file` is the system's bundle with the CA appended. Java and certifi's own
    bundle have no such variable.
    """
    return {
        **dict.fromkeys(_FILE_VARIABLES, str(bundle_file)),
        **dict.fromkeys(_EXTRA_VARIABLES, str(ca_file)),
    }
