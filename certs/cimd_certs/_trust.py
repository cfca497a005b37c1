"""How each runtime is told to trust the local CA."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

_STORE_PASSWORD = "changeit"  # noqa: S105 - Java's customary one; it guards no secret


@dataclass(frozen=True, slots=True)
class TrustHint:
    """What to set, and what to run first, so that one runtime trusts a CA file."""

    runtime: str
    environment: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    """To be run once, before the target starts."""
    note: str = ""

    def shell(self) -> str:
        """Return the hint as lines of shell, ready to be copied."""
        lines = [f"# {self.runtime}: {self.note}" if self.note else f"# {self.runtime}"]
        if self.command:
            lines.append(shlex.join(self.command))
        lines += [f"export {key}={shlex.quote(text)}" for key, text in self.environment]
        return "\n".join(lines)


def trust_hints(ca_file: Path) -> list[TrustHint]:
    """Return a hint per runtime, for the CA certificate in `ca_file`.

    Where a variable replaces the public roots instead of adding to them, the note
    says so: a target under test needs no others.
    """
    ca = str(ca_file)
    return [
        TrustHint("Python ssl", (("SSL_CERT_FILE", ca),), note="replaces the roots"),
        TrustHint(
            "requests", (("REQUESTS_CA_BUNDLE", ca),), note="replaces certifi's roots"
        ),
        TrustHint("httpx", (("SSL_CERT_FILE", ca),), note="replaces certifi's roots"),
        TrustHint(
            "Node",
            (("NODE_EXTRA_CA_CERTS", ca),),
            note="adds to the roots, read once when the process starts",
        ),
        _java(ca_file),
        TrustHint(
            "Go",
            (("SSL_CERT_FILE", ca),),
            note="Linux and BSD only; on macOS and Windows Go asks the system's store",
        ),
        TrustHint("curl", (("CURL_CA_BUNDLE", ca),), note="replaces the roots"),
        TrustHint(
            ".NET",
            (("SSL_CERT_FILE", ca),),
            note="Linux only; on macOS and Windows .NET asks the system's store",
        ),
    ]


def _java(ca_file: Path) -> TrustHint:
    store = str(ca_file.with_name("truststore.p12"))
    # The JVM reads quotes in JAVA_TOOL_OPTIONS as a shell does.
    options = [
        f"-Djavax.net.ssl.trustStore={shlex.quote(store)}",
        f"-Djavax.net.ssl.trustStorePassword={_STORE_PASSWORD}",
    ]
    command = (
        *("keytool", "-importcert", "-noprompt", "-alias", "cimd-conformance"),
        *("-file", str(ca_file), "-keystore", store, "-storetype", "PKCS12"),
        *("-storepass", _STORE_PASSWORD),
    )
    return TrustHint(
        "Java",
        (("JAVA_TOOL_OPTIONS", " ".join(options)),),
        command,
        note="a trust store of its own, in place of the JDK's",
    )
