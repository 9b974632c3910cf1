"""Who is next."""

import random
from collections import Counter

import pytest

from storyloom.runtime.priority import ROUND, Line
from storyloom.story.assets import Priority

URGENT, HIGH, NORMAL = Priority.URGENT, Priority.HIGH, Priority.NORMAL


def line_of(**waiting: int) -> Line[str]:
    line: Line[str] = Line()
    for name, number in waiting.items():
        for at in range(number):
            line.join(f"{name} {at}", Priority(name))
    return line


def take(line: Line[str], times: int) -> Counter[str]:
    return Counter(line.next().split()[0] for _ in range(times))


def test_one_priority_is_served_in_its_order() -> None:
    line = line_of(normal=5)
    assert [line.next() for _ in range(5)] == [f"normal {at}" for at in range(5)]
    assert len(line) == 0
    with pytest.raises(IndexError):
        line.next()


def test_the_urgent_go_first() -> None:
    line = line_of(normal=5, high=5)
    line.join("urgent late", URGENT)
    assert line.next() == "urgent late"
    assert line.next() == "high 0"


def test_one_of_four_turns_is_for_the_lowest() -> None:
    assert take(line_of(urgent=1000, normal=1000), 400) == {"urgent": 300, "normal": 100}
    assert take(line_of(high=1000, normal=1000), 400) == {"high": 300, "normal": 100}
    assert take(line_of(urgent=1000, high=1000, normal=1000), 400) == {"urgent": 300, "normal": 100}


def test_the_middle_is_not_starved_between_the_others() -> None:
    line = line_of(high=100)
    for at in range(1000):
        line.join(f"urgent {at}", URGENT)
        line.join(f"normal {at}", NORMAL)
    assert take(line, 400) == {"urgent": 250, "normal": 100, "high": 50}


def test_the_share_is_unused_where_nobody_is_below() -> None:
    assert take(line_of(urgent=100), 100) == {"urgent": 100}


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_overtaken_for_ever(seed: int) -> None:
    """Whoever joins with n others before them is gone after ROUND times n turns, however many urgent ones come."""
    chance = random.Random(seed)
    line: Line[str] = Line()
    turn, latest = 0, {}
    for number in range(600):
        name = f"{chance.choice((URGENT, URGENT, URGENT, HIGH, NORMAL))} {number}"
        latest[name] = turn + ROUND * (len(line) + 1)
        line.join(name, Priority(name.split(maxsplit=1)[0]))
        if chance.random() < 0.9:
            turn += 1
            assert turn <= latest.pop(line.next())
    while len(line):
        turn += 1
        assert turn <= latest.pop(line.next())
    assert not latest


def test_who_leaves_is_not_served() -> None:
    line: Line[str] = Line()
    places = [line.join(name, NORMAL) for name in "abc"]
    assert line.leave(places[1]) == "b"
    assert line.leave(places[1]) is None
    assert [line.next(), line.next()] == ["a", "c"]
