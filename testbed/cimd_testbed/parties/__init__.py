"""Scriptable parties: what the testbed plays. They have no defences."""

from cimd_testbed.parties._authorization_server import (
    REGISTERED,
    IssuedTokens,
    PlayedAuthorizationServer,
)
from cimd_testbed.parties._browser import Browser, Landing, OnExchange
from cimd_testbed.parties._cookies import CookieJar
from cimd_testbed.parties._delivery import (
    Delivery,
    Ending,
    MovedPace,
    Pace,
    Piece,
    RealPace,
    compressed,
    deliver,
    endless_body,
    endless_head,
    in_chunks,
    silence,
    slow_body,
    slow_head,
)
from cimd_testbed.parties._doors import Doors
from cimd_testbed.parties._forms import (
    Credentials,
    Submission,
    fill_form,
    meta_refresh,
)
from cimd_testbed.parties._keys import (
    SigningKey,
    b64url,
    b64url_decode,
    lasting_key,
    new_key,
    read_jwt,
    sign_jwt,
)
from cimd_testbed.parties._mcp_server import (
    STATEFUL,
    STATELESS,
    TOOL,
    EditTree,
    McpServer,
    Tree,
    response_of,
    send_honestly,
)
from cimd_testbed.parties._opener import (
    MARKER,
    PIPE_VARIABLE,
    OpenedUrls,
    install_openers,
)
from cimd_testbed.parties._token_issuer import TokenIssuer
from cimd_testbed.parties._upstream import Upstream
from cimd_testbed.parties._upstream_api import Gate, UpstreamApi
from cimd_testbed.parties._web import Responder, Web

__all__ = [
    "MARKER",
    "PIPE_VARIABLE",
    "REGISTERED",
    "STATEFUL",
    "STATELESS",
    "TOOL",
    "Browser",
    "CookieJar",
    "Credentials",
    "Delivery",
    "Doors",
    "EditTree",
    "Ending",
    "Gate",
    "IssuedTokens",
    "Landing",
    "McpServer",
    "MovedPace",
    "OnExchange",
    "OpenedUrls",
    "Pace",
    "Piece",
    "PlayedAuthorizationServer",
    "RealPace",
    "Responder",
    "SigningKey",
    "Submission",
    "TokenIssuer",
    "Tree",
    "Upstream",
    "UpstreamApi",
    "Web",
    "b64url",
    "b64url_decode",
    "compressed",
    "deliver",
    "endless_body",
    "endless_head",
    "fill_form",
    "in_chunks",
    "install_openers",
    "lasting_key",
    "meta_refresh",
    "new_key",
    "read_jwt",
    "response_of",
    "send_honestly",
    "sign_jwt",
    "silence",
    "slow_body",
    "slow_head",
]
