"""The page about the lab and the container recipe name the origins of the code."""

from __future__ import annotations

from pathlib import Path

from cimd_conformance.engine import (
    _external,
    _parties,
    _process,
    _tool_server,
    _tool_world,
)
from cimd_conformance.target import load_target

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "lab.md"
RECIPE = ROOT / "examples" / "containers"


def test_the_page_names_every_origin() -> None:
    page = PAGE.read_text("utf-8")
    upstream = _external.Upstream(f"https://{_parties.UPSTREAM_HOST}", lambda: 0.0)
    issuer = _tool_world.TokenIssuer(f"https://{_tool_world.ISSUER_HOST}")
    origins = [f"https://{_process.HOST}", f"https://{_tool_server.HOST}"]
    for origin in (*origins, upstream.issuer, issuer.issuer):
        assert f"`{origin}`" in page


def test_the_recipe_fits_the_names() -> None:
    recipe = (RECIPE / "compose.yaml").read_text("utf-8")
    upstream = _external.Upstream(f"https://{_parties.UPSTREAM_HOST}", lambda: 0.0)
    for url in (f"https://{_process.HOST}", *upstream.placeholders().values()):
        assert f": {url}\n" in recipe or f": {url} #" in recipe
    target = load_target(RECIPE / "target.toml")
    assert target.runs_already
    assert f"PORT: {target.server.port} " in recipe
