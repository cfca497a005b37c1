"""Of several inner processes, nobody is read from once it is closed."""

import threading

import pytest

from cimd_conformance.model import HarnessError, Job
from cimd_conformance.outer._several import SeveralProcesses


class Endless:
    """An inner process that says nothing until it is killed."""

    def __init__(self):
        self.killed = threading.Event()
        self.story = []

    def events(self):
        self.killed.wait(10)
        self.story.append("read to the end")
        yield from ()

    def kill(self):
        self.killed.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.story.append("closed")
        self.kill()


class Garbled(Endless):
    """One that writes what is no event."""

    def events(self):
        raise HarnessError("inner-unreadable", "It wrote a line that is no event.")
        yield


def test_an_error_of_one_ends_the_reading_of_the_others_before_they_are_closed():
    endless, several = Endless(), SeveralProcesses(Job(parts=2))
    several._inners = [endless, Garbled()]
    with pytest.raises(HarnessError, match="no event"), several:
        list(several.events())
    assert endless.story == ["read to the end", "closed"]
