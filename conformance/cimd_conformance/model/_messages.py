"""What scenarios change and judge: messages, the edits of them, the TLS of places."""

from __future__ import annotations

import enum

from cimd_conformance.model._words import Verb


class Op(enum.StrEnum):
    """The structured edits."""

    SET = "set"
    """Put a value at the path; for a parameter, in the place of the first one."""
    REMOVE = "remove"
    """Take away what is at the path."""
    APPEND = "append"
    """Add the value to the array at the path, or to the end of the string there; in a
    document without a path, to the end of the text."""
    PREPEND = "prepend"
    """The same at the beginning."""
    DUPLICATE = "duplicate"
    """Add a second member or parameter of the same name with the value."""
    PRECEDE = "precede"
    """Add a member of the same name with the value before the honest one."""
    RENAME = "rename"
    """Give the member or parameter at the path another name."""
    RAW = "raw"
    """Replace the whole serialised message by this text."""
    BYTES = "bytes"
    """Replace the whole serialised message by these bytes, written in hexadecimal."""
    PAD = "pad"
    """Add a member at the path whose value is this many characters long; in a document
    without a path, this many spaces at the end."""
    FIT = "fit"
    """Add a member at the path of such a length that the document has this many
    bytes."""
    REPEAT = "repeat"
    """Put an array at the path, `{ of = value, times = n }`; a header is sent n
    times."""
    JSON = "json"
    """Put this text at the path as it is, valid JSON or not."""
    NEST = "nest"
    """Put this many arrays at the path, one in the other."""
    ENCODE = "encode"
    """Send the document in this character encoding."""


class TlsFault(enum.StrEnum):
    """In which one way the TLS of a place is not in order."""

    EXPIRED = "expired"
    """Its certificate ended a month ago."""
    NOT_YET_VALID = "not-yet-valid"
    """Its certificate begins in twenty years."""
    WRONG_NAME = "wrong-name"
    """Its certificate is for another name."""
    ADDRESS_ONLY = "address-only"
    """Its certificate is for its address, and not for its name."""
    SELF_SIGNED = "self-signed"
    """Its certificate is its own issuer."""
    UNKNOWN_CA = "unknown-ca"
    """The issuer of its certificate is a CA that nobody trusts."""
    ISSUED_BY_LEAF = "issued-by-leaf"
    """The issuer of its certificate is trusted, and no CA."""
    FOR_CLIENTS = "for-clients"
    """Its certificate is for clients only."""
    OLD_PROTOCOL = "old-protocol"
    """It speaks TLS 1.0 and 1.1 only (power `old-tls`)."""
    SILENT = "silent"
    """It takes the connection and says nothing."""


class Message(enum.StrEnum):
    """The named messages of the flows of an authorization server."""

    FLOW = "flow"
    """A flow variable, wherever it stands: client_id, redirect_uri, scope, resource."""
    CLIENT_DOCUMENT_REQUEST = "client_document_request"
    """The target's fetches of the document: `count`, and of the last one `method`,
    `target`, `headers`, who `ended` it (`complete`, `by-target`, `by-us` when our
    patience ended, `abandoned`), after how many `seconds` and `bytes`."""
    CLIENT_DOCUMENT = "client_document"
    CLIENT_DOCUMENT_RESPONSE = "client_document_response"
    JWKS_REQUEST = "jwks_request"
    """The target's fetches of the key set, as above."""
    JWKS = "jwks"
    JWKS_RESPONSE = "jwks_response"
    LOGO_RESPONSE = "logo_response"
    LOGO_REQUEST = "logo_request"
    """The target's fetches of the logo, as above."""
    AUTHORIZATION_REQUEST = "authorization_request"
    PAGE = "page"
    """The last answer that the browser got: `status`, `headers`, `body`, `text`, and
    `told` (the text without what is different in each request)."""
    PAGES = "pages"
    """All that the browser was shown: `links` (where they lead, and what is loaded),
    `handlers` (of events), whether it was `asked` to consent, and whether a code
    came `unasked`."""
    CONSENT_PAGE = "consent_page"
    COOKIES = "cookies"
    """Those that came with the answer to the button: `set`, their names, and `weak`,
    what protection each lacks."""
    CONSENT_REQUEST = "consent_request"
    AUTHORIZATION_RESPONSE = "authorization_response"
    TOKEN_REQUEST = "token_request"  # noqa: S105 - the name of a message
    TOKEN_RESPONSE = "token_response"  # noqa: S105 - the name of a message
    TOKEN_RESPONSE_HEADERS = "token_response_headers"  # noqa: S105 - likewise
    CLIENT_ASSERTION = "client_assertion"
    REFRESH_REQUEST = "refresh_request"
    REFRESH_RESPONSE = "refresh_response"
    REVOCATION_REQUEST = "revocation_request"
    REVOCATION_RESPONSE = "revocation_response"
    INTROSPECTION_REQUEST = "introspection_request"
    INTROSPECTION_RESPONSE = "introspection_response"
    ACCESS_TOKEN = "access_token"  # noqa: S105 - the name of a message
    REDIRECT = "redirect"
    """Where the browser takes the authorization response: `uri`, the redirect URI. With
    a change the true one then gets an error, so that a client need not wait."""
    REGISTRATION_REQUEST = "registration_request"
    """The JSON of a client's dynamic registration, and as `fits` whether its
    `application_type` is that of its redirect URIs."""
    REGISTRATION_RESPONSE = "registration_response"
    """Status, headers and JSON of the answer to it."""
    AS_METADATA = "as_metadata"
    AS_METADATA_RESPONSE = "as_metadata_response"
    CHALLENGE = "challenge"
    """The parameters of the 401's `WWW-Authenticate: Bearer`."""
    SCOPE_CHALLENGE = "scope_challenge"
    """The parameters of the 403's `WWW-Authenticate: Bearer`."""
    PRM = "prm"
    """The protected resource metadata."""
    PRM_RESPONSE = "prm_response"
    """Its status and headers."""
    PRM_REQUEST = "prm_request"
    MCP_REQUEST = "mcp_request"
    MCP_RESPONSE = "mcp_response"
    """Status, headers and JSON of the MCP endpoint's answer to a good token."""
    UPSTREAM_REQUEST = "upstream_request"
    """What a tool server asked of the API behind it: whether our token was in it."""
    CALLBACK_PAGE = "callback_page"
    """What the client shows in the browser at its redirect URI."""
    TRAFFIC = "traffic"
    """What a client did as a whole: discovery in order, tokens in wrong places."""


_TO_TOOLS = frozenset(
    {Message.ACCESS_TOKEN, Message.MCP_REQUEST, Message.INTROSPECTION_RESPONSE}
)

STEP_MESSAGES: dict[Verb, frozenset[Message]] = {
    Verb.METADATA: frozenset({Message.AS_METADATA}),
    Verb.AUTHORIZE: frozenset(
        {
            Message.FLOW,
            Message.CLIENT_DOCUMENT,
            Message.CLIENT_DOCUMENT_RESPONSE,
            Message.LOGO_RESPONSE,
            Message.AUTHORIZATION_REQUEST,
            Message.CONSENT_REQUEST,
        }
    ),
    Verb.REDEEM: frozenset(
        {
            Message.TOKEN_REQUEST,
            Message.CLIENT_ASSERTION,
            Message.JWKS,
            Message.JWKS_RESPONSE,
        }
    ),
    Verb.REFRESH: frozenset({Message.REFRESH_REQUEST}),
    Verb.REVOKE: frozenset({Message.REVOCATION_REQUEST}),
    Verb.INTROSPECT: frozenset({Message.INTROSPECTION_REQUEST}),
    Verb.CONNECT: frozenset(
        {
            Message.FLOW,
            Message.CHALLENGE,
            Message.SCOPE_CHALLENGE,
            Message.PRM,
            Message.PRM_RESPONSE,
            Message.AS_METADATA,
            Message.AS_METADATA_RESPONSE,
            Message.REGISTRATION_RESPONSE,
            Message.AUTHORIZATION_RESPONSE,
            Message.REDIRECT,
            Message.TOKEN_RESPONSE,
            Message.REFRESH_RESPONSE,
            Message.MCP_RESPONSE,
            *_TO_TOOLS,
        }
    ),
    Verb.LIST: _TO_TOOLS,
    Verb.CALL: _TO_TOOLS,
    Verb.STREAM: _TO_TOOLS,
    Verb.DISCONNECT: _TO_TOOLS,
    Verb.DISCOVER: frozenset({Message.MCP_REQUEST, Message.PRM_REQUEST}),
}
"""The step that sends each message: steps before it must go as in the control."""
