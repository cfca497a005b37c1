"""Read an HTML report as a browser would: the page, and what its script unpacks."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cimd_conformance.model import AnyEvent
from cimd_conformance.reports.html import HtmlWriter

_PACK = re.compile(r'id="pack-(\d+)">([^<]*)</script>')


def write(folder: Path, events: list[AnyEvent]) -> str:
    """Return the page of these events."""
    file = folder / "report.html"
    replay = "cimd-conformance demo --seed 7"
    writer = HtmlWriter(str(file), replay=replay)
    for event in events:
        writer.event(event)
    writer.finish()
    return file.read_text("utf-8")


def packs(page: str) -> dict[str, dict[str, str]]:
    """Return the HTML in each pack, by the number of the pack and the scenario."""
    return {number: json.loads(_inflated(text)) for number, text in _PACK.findall(page)}


def unpacked(page: str) -> dict[str, str]:
    """Return the packed HTML of each scenario that has some."""
    found = packs(page)
    tree = LexborHTMLParser(page)
    return {
        str(scenario.attributes["id"]): "".join(
            found[number].get(str(scenario.attributes["id"]), "")
            for place in scenario.css("[data-pack]")
            for number in str(place.attributes["data-pack"]).split()
        )
        for scenario in tree.css("details.scenario")
        if scenario.css("[data-pack]")
    }


def _inflated(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def parse(page: str) -> LexborHTMLParser:
    """Return the page as a tree, with what is packed where it belongs."""
    tree = LexborHTMLParser(page)
    for name, html in unpacked(page).items():
        place = one(tree, f'details[id="{name}"] [data-pack]')
        place.inner_html = html
    return tree


def one(tree: LexborHTMLParser | LexborNode, selector: str) -> LexborNode:
    """Return the only element of a selector."""
    found = tree.css(selector)
    assert len(found) == 1, (selector, len(found))
    return found[0]
