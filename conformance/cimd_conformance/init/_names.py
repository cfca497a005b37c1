"""What a program's variables and options are called, and what belongs into them.

Pure: names are read from source text or from a program's last words, and each name is
given a value by what it means in most programs. A guess is tried before it is believed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

_READ = (
    # os.environ["X"], env.get("X"), os.getenv("X"), os.Getenv("X"), env::var("X")
    re.compile(r"""(?i:env\w*|environ|var)\s*(?:\.\s*\w+)?\s*[\[(]\s*["'](\w+)["']"""),
    re.compile(r"\b(?:process\.env|Bun\.env)\.(\w+)"),
    re.compile(r"\$\{(\w+)(?::?[-?][^}]*)?\}"),  # in a configuration file
)
_TAKEN_APART = re.compile(r"\{([^{}]*)\}\s*=\s*process\.env\b")
_NAME = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
_SHOUTED = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b(?:PORT|ISSUER|ORIGIN)\b")
_COMPLAINS = re.compile(
    r"KeyError|required|missing|not set|unset|must be set|must set|undefined|"
    r"not defined|not found|no value|is empty|please set|expected",
    re.IGNORECASE,
)
_FIELD = re.compile(r"^\s*([a-z][a-z0-9_]{2,63})\s*$")
_FIELD_REQUIRED = re.compile(r"^\s+Field required\b")
_OPTION_LINE = re.compile(r"required|missing|must", re.IGNORECASE)
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]*)")

_OTHERS = r"(?:DB|DATABASE|REDIS|SMTP|MAIL|POSTGRES\w*|PG|MYSQL|MONGO|METRICS|DEBUG)"
_IDP = r"(?:UPSTREAM|IDP|IDENTITY|PROVIDER|SSO)"
_SELF = r"(?:PUBLIC|BASE|EXTERNAL|ROOT|SERVER|APP|SITE|SELF|MCP|SERVICE|HOST|AUTH)"
_END = r"(?:_(?:URL|URI|ENDPOINT))?$"

_UPSTREAM = (
    (rf"{_IDP}.*AUTHORI[SZ]", "{upstream.authorize}"),
    (rf"{_IDP}.*TOKEN{_END}", "{upstream.token}"),
    (rf"{_IDP}.*(?:JWKS|KEYS)", "{upstream.jwks}"),
    (rf"{_IDP}_?(?:ISSUER|URL|BASE_URL)", "{upstream.issuer}"),
)
_TRUSTED = (
    (r"JWKS", "{jwks_uri}"),
    (r"INTROSPECT\w*?_(?:CLIENT|USER|ID)(?:_ID|NAME)?$", "{introspection_client}"),
    (r"INTROSPECT\w*_(?:SECRET|PASSWORD)$", "{introspection_secret}"),
    (rf"INTROSPECT\w*{_END}", "{introspection_endpoint}"),
    (r"ISSUER", "{issuer}"),
    (r"AUTH\w*_(?:SERVER|BASE|SERVICE)\w*(?:URL|URI|S)?$|AUTHORITY$", "{issuer}"),
)
_OWN = (
    (rf"^(?!{_OTHERS}).*PORT$", "{port}"),
    (r"(?:RESOURCE(?:_SERVER)?|AUDIENCE)(?:_URL|_URI|_ID\w*)?$", "{origin}/mcp"),
    (r"(?:PUBLIC|EXTERNAL|ALLOWED|VIRTUAL)_?(?:HOST(?:NAME)?S?|DOMAIN)$", "{host}"),
    (r"(?:BIND|LISTEN)_?(?:HOST|ADDR(?:ESS)?)$|^HOST$", "127.0.0.1"),
    (r"^ISSUER\w*|AUTH\w*_ISSUER\w*", "{origin}"),
    (r"^(?:STATE|DATA|STORAGE)(?:_(?:DIR\w*|PATH|HOME|FOLDER))?$", "{state}"),
    (rf"^(?:\w+_)?{_SELF}_?(?:SERVER_)?(?:URL|URI|ORIGIN)$", "{origin}"),
    (r"^(?:ORIGIN|URL|BASE)$", "{origin}"),
)
_CLIENT = (
    (r"CLIENT_ID$|CLIENT_(?:ID_)?METADATA\w*(?:URL|URI)$", "{client_id}"),
    (r"(?:REDIRECT|CALLBACK)\w*(?:URL|URI)$", "{redirect_uri}"),
    (r"^(?:REDIRECT_|CALLBACK_|OAUTH_)?PORT$", "{callback_port}"),
    (r"PROTOCOL(?:_VERSION)?$", "{protocol}"),
    (r"(?:SERVER|MCP|RESOURCE)_?(?:SERVER_)?(?:URL|URI)$", "{server_url}"),
    (r"^CALLS$", "{calls}"),
    (r"^PAUSE$", "{pause}"),
    (r"^TOOL(?:_NAME)?$", "{tool}"),
    (r"SSL_CERT_FILE$|CA_BUNDLE$|CURL_CA_BUNDLE$", "{bundle_file}"),
    (r"CA_(?:FILE|CERTS?)$|EXTRA_CA_CERTS$", "{ca_file}"),
)

PORT_NAMES = ("PORT", "HTTP_PORT", "SERVER_PORT", "LISTEN_PORT", "APP_PORT", "MCP_PORT")
"""What the port is called in many programs, tried where nothing tells the name."""

URL_NAMES = (
    *("PUBLIC_URL", "BASE_URL", "ISSUER", "ISSUER_URL", "SERVER_URL", "EXTERNAL_URL"),
    *("ORIGIN", "ROOT_URL", "APP_URL", "AUTH_BASE_URL", "MCP_SERVER_URL"),
    *("RESOURCE_SERVER_URL", "RESOURCE_URL", "RESOURCE"),
)
"""What a program's own URL is called, likewise."""


def names_in(source: str) -> list[str]:
    """Return the variables that a program's text reads, in order of appearance."""
    found: dict[int, str] = {}
    for pattern in _READ:
        found |= {hit.start(): hit[1] for hit in pattern.finditer(source)}
    for hit in _TAKEN_APART.finditer(source):
        for name in re.finditer(r"(?:^|,)\s*(\w+)", hit[1]):
            found[hit.start() + name.start()] = name[1]
    names = (found[position] for position in sorted(found))
    return list(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))


def missing_names(output: Iterable[str]) -> list[str]:
    """Return the variables that a program's last words ask for."""
    return list(dict.fromkeys(_missing(list(output))))


def _missing(lines: list[str]) -> Iterator[str]:
    for line, following in itertools.zip_longest(lines, lines[1:], fillvalue=""):
        if _COMPLAINS.search(line):
            yield from _SHOUTED.findall(line)
            key = re.search(r"KeyError: '([A-Z][A-Z0-9_]+)'", line)
            if key:
                yield key[1]
        field = _FIELD.match(line)
        if field and _FIELD_REQUIRED.match(following):  # how pydantic says it
            yield field[1].upper()


def missing_options(output: Iterable[str]) -> list[str]:
    """Return the options of the command line that a program's last words ask for."""
    lines = (line for line in output if _OPTION_LINE.search(line))
    return list(dict.fromkeys(name for line in lines for name in _OPTION.findall(line)))


def trusts_another(names: Iterable[str]) -> bool:
    """Whether variables are those of a tool server, which trusts somebody's tokens.

    An authorization server publishes its keys, and is not told where others are; one
    that proxies is, but calls that provider something.
    """
    own = [name for name in names if not re.search(_IDP, name)]
    return any(re.search(r"JWKS|INTROSPECT", name) for name in own)


def server_value(name: str, *, trusts: bool) -> str | None:
    """Return what a server's variable probably wants, with placeholders.

    `trusts` says that it is a tool server: an issuer is somebody else then.
    """
    if re.search(_IDP, name):
        return _first(name, _UPSTREAM)
    return _first(name, (*(_TRUSTED if trusts else ()), *_OWN))


def asked_value(name: str, *, trusts: bool) -> str | None:
    """Return the same for a variable that the program cannot do without.

    Its own URL is the likeliest one to be called after the program.
    """
    url = re.search(r"_(?:URL|URI|ORIGIN)$", name) and not re.search(_OTHERS, name)
    return server_value(name, trusts=trusts) or ("{origin}" if url else None)


def client_value(name: str) -> str | None:
    """Return what a client's variable probably wants, with placeholders."""
    return _first(name, _CLIENT)


def _first(name: str, rules: Iterable[tuple[str, str]]) -> str | None:
    upper = name.upper().replace("-", "_")
    return next((value for rule, value in rules if re.search(rule, upper)), None)
