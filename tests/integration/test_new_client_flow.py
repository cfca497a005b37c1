"""What `new-client` writes is taken by the reference authorization server as it is."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from cimd_conformance.cli import run_cli
from cimd_testbed import Testbed

FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def _authorize(bed: Testbed, client_id: str, redirect_uri: str) -> dict[str, str]:
    """Get a code, and return the token request that redeems it."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "resource": bed.resource,
        "scope": "mcp:read",
    }
    browser = bed.browser()
    landing = await browser.visit(f"{bed.issuer}/authorize?{urlencode(query)}")
    await browser.client.close()
    assert landing.location is not None, landing.page and landing.page.text
    assert landing.location.startswith(f"{redirect_uri}?")
    return {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(landing.location).query)["code"][0],
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "code_verifier": verifier,
    }


def _assertion(bed: Testbed, file: Path, client_id: str) -> str:
    jwk = json.loads(file.read_text())
    key = (ECKey if jwk["kty"] == "EC" else RSAKey).import_key(jwk)
    header = {
        "alg": jwk["alg"],
        "kid": jwk["kid"],
        "typ": "client-authentication+jwt",
    }
    now = int(time.time())
    claims = {
        **dict.fromkeys(("iss", "sub"), client_id),
        "aud": bed.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": "1",
    }
    return jwt.encode(header, claims, key, algorithms=[jwk["alg"]])


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (["--auth", "none"], None),
        (["--alg", "ES256"], "private-es256.jwk"),
        (["--alg", "RS256", "--inline"], "private-rs256.jwk"),
        (["--alg", "ES256", "--alg", "RS256"], "private-es256.jwk"),
        (["--alg", "ES256", "--alg", "RS256", "--inline"], "private-rs256.jwk"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
async def test_a_new_client_gets_a_token(
    tmp_path: Path, options: list[str], key: str | None
) -> None:
    async with Testbed() as bed:
        url = f"{bed.document_host.origin}/client.json"
        arguments = ["new-client", "--out", str(tmp_path), "--url", url, *options]
        assert run_cli(arguments) == 0
        bed.document_host.folder = tmp_path
        form = await _authorize(bed, url, "http://127.0.0.1:8749/callback")
        if key is not None:
            form["client_assertion_type"] = JWT_BEARER
            form["client_assertion"] = _assertion(bed, tmp_path / key, url)
        http = bed.http()
        body = urlencode(form).encode()
        answer = await http.request("POST", f"{bed.issuer}/token", FORM, body)
        await http.close()
    assert answer.status == 200, answer.text
    assert json.loads(answer.body)["scope"] == "mcp:read"


async def test_a_confidential_client_needs_its_key(tmp_path: Path) -> None:
    async with Testbed() as bed:
        url = f"{bed.document_host.origin}/client.json"
        assert run_cli(["new-client", "--out", str(tmp_path), "--url", url]) == 0
        bed.document_host.folder = tmp_path
        form = await _authorize(bed, url, "http://127.0.0.1:8749/callback")
        http = bed.http()
        body = urlencode(form).encode()
        answer = await http.request("POST", f"{bed.issuer}/token", FORM, body)
        await http.close()
    assert answer.status in (400, 401)
    assert json.loads(answer.body)["error"] == "invalid_client"
