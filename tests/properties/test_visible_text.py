"""Whatever a target says, the terminal gets printable characters only."""

from __future__ import annotations

import unicodedata
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from cimd_conformance.reports.text import visible

_ANY = st.text(st.characters(exclude_categories=[]))


@given(_ANY)
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    categories = {unicodedata.category(character) for character in visible(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


@given(_ANY)
def test_what_is_left_fits_into_xml(text: str) -> None:
    element = ET.Element("a", b=visible(text))
    element.text = visible(text)
    read = ET.fromstring(ET.tostring(element))
    assert read.attrib["b"] == (read.text or "") == visible(text)


@given(_ANY)
def test_visible_text_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)
