"""Values are remembered for seconds, and not without bound."""

import pytest

from engagement_hub.store.memory import ShortMemory


class Source:
    """Values to read, and how often each was read."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.reads: list[str] = []
        self.memory = ShortMemory[str](seconds=5, most=2, clock=lambda: self.seconds)

    def get(self, key: str, **arguments: float) -> str:
        def read() -> str:
            self.reads.append(key)
            return f"{key} at {self.seconds}"

        return self.memory.get(key, read, **arguments)


def test_a_value_is_read_again_when_it_is_too_old():
    source = Source()

    values = []
    for source.seconds in (0, 4.9, 5):
        values.append(source.get("a"))

    assert values == ["a at 0", "a at 0", "a at 5"]


def test_a_caller_may_want_a_younger_value():
    source = Source()
    source.get("a")
    source.seconds = 2

    assert source.get("a", seconds=1) == "a at 2"


def test_the_oldest_value_makes_room():
    source = Source()

    for key in ("a", "b", "c", "c", "a"):
        source.get(key)

    assert source.reads == ["a", "b", "c", "a"]


def test_a_failed_read_is_not_remembered():
    source = Source()

    def fail() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        source.memory.get("a", fail)

    assert source.get("a") == "a at 0.0"


def test_a_forgotten_value_is_read_again():
    source = Source()
    source.get("a")

    source.memory.forget("a")
    source.memory.forget("never known")
    source.get("a")

    assert source.reads == ["a", "a"]
