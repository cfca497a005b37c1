"""The search for what a legitimate flow needs, against servers that are functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from cimd_conformance.init._bench import Bench
from cimd_conformance.init._draft import Candidate, Draft, Shape, Trial
from cimd_conformance.init._search import TRIALS, Search, failed
from cimd_conformance.model import Role
from cimd_conformance.target import Server, TargetFile

SHAPE = Shape("authorization-code", (("auth", "none"),))
OTHER = Shape("authorization-code", (("auth", "private_key_jwt"),))
Judge = Callable[[frozenset[str]], tuple[int, str]]
"""From the members of a document to how many steps go well, and what is said then."""


class FakeBench:
    """Judges by the members of the client document; three steps are all."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.tried: list[frozenset[str]] = []

    async def trial(self, file: TargetFile, shape: Shape | None) -> Trial:
        members = frozenset(file.client_document)
        self.tried.append(members)
        steps, said = self.judge(members)
        step = "" if steps == 3 else f"step {steps}"
        return Trial(shape or SHAPE, steps == 3, steps, step, f"at {steps}", said)

    async def close(self) -> None:
        self.tried.clear()


def propose(draft: Draft, trial: Trial) -> Iterable[Candidate]:
    """Offer the members a to e, those first that are asked for."""
    names = sorted("abcde", key=lambda name: f"want {name}" not in trial.said)
    for name in names:
        document = {**draft.file.client_document, name: True}
        if document != draft.file.client_document:
            file = msgspec.structs.replace(draft.file, client_document=document)
            yield Candidate(file, name, (), f"want {name}" in trial.said)


def search_of(judge: Judge) -> tuple[Search, FakeBench, list[str]]:
    bench, said = FakeBench(judge), list[str]()
    search = Search(
        cast("Any", bench), lambda topic, text: said.append(f"{topic} {text}"), propose
    )
    assert isinstance(bench, FakeBench)
    return search, bench, said


DRAFT = Draft(
    TargetFile(1, "Mine", Role.AUTHORIZATION_SERVER, server=Server(start=["x"]))
)


def members(draft: Draft) -> set[str]:
    return set(draft.file.client_document)


async def test_what_works_is_left_alone() -> None:
    search, bench, _ = search_of(lambda _members: (3, ""))
    assert await search.make_work(DRAFT, SHAPE) == DRAFT
    assert len(bench.tried) == 1
    assert search.works == [SHAPE.id]


async def test_what_is_asked_for_is_given_one_after_the_other() -> None:
    def judge(there: frozenset[str]) -> tuple[int, str]:
        for name in "dbe":
            if name not in there:
                return 0, f"want {name}"
        return 3, ""

    search, bench, said = search_of(judge)
    assert members(await search.make_work(DRAFT, SHAPE)) == set("dbe")
    assert len(bench.tried) == 4
    assert said[-2:] == ["tries e: works", f"control {SHAPE.id}: works"]


async def test_only_what_helps_is_kept() -> None:
    search, _, _ = search_of(lambda there: (3 if "c" in there else 0, "no"))
    assert members(await search.make_work(DRAFT, SHAPE)) == {"c"}


async def test_getting_further_is_built_upon() -> None:
    def judge(there: frozenset[str]) -> tuple[int, str]:
        if "b" not in there:
            return 0, "no"
        return (3, "") if "a" in there else (1, "no")

    search, _, _ = search_of(judge)
    assert members(await search.make_work(DRAFT, SHAPE)) == {"a", "b"}


async def test_other_words_are_kept_in_mind_until_nothing_else_helps() -> None:
    """Two differences are needed, and the first one alone only changes the words."""

    def judge(there: frozenset[str]) -> tuple[int, str]:
        if there == {"b", "d"}:
            return 3, ""
        return 0, "something else" if there == {"b"} else "no"

    search, _, said = search_of(judge)
    assert members(await search.make_work(DRAFT, SHAPE)) == {"b", "d"}
    assert "tries b, d: works" in said


async def test_what_cannot_work_ends_and_is_not_tried_for_the_next_shape() -> None:
    search, bench, _ = search_of(lambda there: (0, "no " + "o" * len(there)))
    draft = await search.make_work(DRAFT, SHAPE)
    assert draft == DRAFT
    first = len(bench.tried)
    assert first <= TRIALS + 2
    search, bench, _ = search_of(lambda _there: (0, "no"))
    await search.make_work(DRAFT, SHAPE)
    first = len(bench.tried)
    await search.make_work(DRAFT, OTHER)
    assert len(bench.tried) == first + 1
    assert set(search.fails) == {SHAPE.id, OTHER.id}
    (todo,) = failed(DRAFT, search.fails).todos
    assert SHAPE.id in todo.text
    assert OTHER.id in todo.text


async def test_words_of_chance_are_no_other_words() -> None:
    count = itertools.count(1)
    search, bench, _ = search_of(
        lambda _there: (0, f"not found: client i{next(count)}")
    )
    await search.make_work(DRAFT, SHAPE)
    assert len(bench.tried) == 6
    await search.make_work(DRAFT, OTHER)
    assert len(bench.tried) == 7
    assert len(failed(DRAFT, search.fails).todos) == 1


async def test_a_confirmation_counts_what_works_with_the_final_file() -> None:
    works = {"now": True}
    search, _, said = search_of(lambda _there: (3 if works["now"] else 1, "no"))
    draft = await search.make_work(DRAFT, SHAPE)
    works["now"] = False
    await search.confirm(draft, [SHAPE, OTHER])
    assert search.works == []
    assert set(search.fails) == {SHAPE.id, OTHER.id}
    assert said[-1] == "confirms 0 of 2 flows work with a fresh start"


def test_the_fake_is_called_as_the_bench_is() -> None:
    for name in ("trial", "close"):
        real, fake = getattr(Bench, name), getattr(FakeBench, name)
        assert (
            real.__code__.co_varnames[: real.__code__.co_argcount]
            == (fake.__code__.co_varnames[: fake.__code__.co_argcount])
        )
