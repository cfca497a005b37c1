"""What is wrong with the places of a scenario: addresses, names and their answers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from cimd_conformance.model import DnsFault, Place, Scenario, Turn

Complaint = tuple[list[str | int], str, str]

PUBLIC_WORDS = ("public", "public-v6", "nowhere", "nowhere-v6")
"""Addresses in `answers` that have a name: public-looking ones that are served, and
public-looking ones to which nothing leads."""
_CASE = re.compile(r"\{case\.[a-z0-9_-]+\}")


def places(scenario: Scenario) -> Iterator[Complaint]:
    """Yield what is wrong with the places."""
    names = [place.name for place in scenario.place]
    for number, place in enumerate(scenario.place):
        where: list[str | int] = ["place", number]
        if place.name in names[:number]:
            yield where, f"Two places have the name {place.name!r}.", ""
        yield from _address(where, place, names)
        for field, value, words in (
            ("dns", place.dns, DnsFault),
            ("turn", place.turn, Turn),
        ):
            if value and not _open(value) and value not in set(words):
                hint = "allowed: " + ", ".join(words)
                yield [*where, field], f"{value!r} is no {field}.", hint
        if isinstance(place.aliases, str) and not _open(place.aliases):
            yield [*where, "aliases"], "`aliases` is a whole number.", ""
        for text in _answers(place.answers):
            if text not in ("address", *PUBLIC_WORDS) and not _is_address(text):
                hint = "allowed: address, " + ", ".join(PUBLIC_WORDS) + ", an address"
                yield [*where, "answers"], f"{text!r} is no address.", hint


def _address(
    where: list[str | int], place: Place, names: list[str]
) -> Iterator[Complaint]:
    if place.address is not None and not _open(place.address):
        try:
            ipaddress.ip_network(place.address)
        except ValueError as error:
            yield [*where, "address"], f"This is no address or range: {error}.", ""
    if place.beside is None:
        return
    others = {"client", "evil", *names} - {place.name}
    if place.beside not in others:
        hint = "allowed: " + ", ".join(sorted(others))
        yield [*where, "beside"], f"There is no place {place.beside!r}.", hint
    if place.address is not None:
        yield where, "A place beside another has no address of its own.", ""


def _answers(answers: Any) -> Iterator[str]:
    """Yield every address of `answers`; what a row of the family gives is not there."""
    if isinstance(answers, str):
        if not _open(answers):
            yield answers
        return
    for answer in answers:
        yield from (text for text in answer if not _open(text))


def _open(value: object) -> bool:
    """Whether a row of the family gives the value: it is judged again with it."""
    return isinstance(value, str) and _CASE.fullmatch(value) is not None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
