"""Who is next."""

import random
from collections import Counter

import pytest

from storyloom.runtime.priority import POPS_PER_ROUND, PriorityQueue
from storyloom.story.assets import Priority

URGENT, HIGH, NORMAL = Priority.URGENT, Priority.HIGH, Priority.NORMAL


def line_of(**waiting: int) -> PriorityQueue[str]:
    line: PriorityQueue[str] = PriorityQueue()
    for name, number in waiting.items():
        for at in range(number):
            line.push(f"{name} {at}", Priority(name))
    return line


def take(line: PriorityQueue[str], times: int) -> Counter[str]:
    return Counter(line.pop().split()[0] for _ in range(times))


def test_one_priority_is_served_in_its_order() -> None:
    line = line_of(normal=5)
    assert [line.pop() for _ in range(5)] == [f"normal {at}" for at in range(5)]
    assert len(line) == 0
    with pytest.raises(IndexError):
        line.pop()


def test_the_urgent_go_first() -> None:
    line = line_of(normal=5, high=5)
    line.push("urgent late", URGENT)
    assert line.pop() == "urgent late"
    assert line.pop() == "high 0"


def test_one_of_four_turns_is_for_the_lowest() -> None:
    assert take(line_of(urgent=1000, normal=1000), 400) == {"urgent": 300, "normal": 100}
    assert take(line_of(high=1000, normal=1000), 400) == {"high": 300, "normal": 100}
    assert take(line_of(urgent=1000, high=1000, normal=1000), 400) == {"urgent": 300, "normal": 100}


def test_the_middle_is_not_starved_between_the_others() -> None:
    line = line_of(high=100)
    for at in range(1000):
        line.push(f"urgent {at}", URGENT)
        line.push(f"normal {at}", NORMAL)
    assert take(line, 400) == {"urgent": 250, "normal": 100, "high": 50}


def test_the_share_is_unused_where_nobody_is_below() -> None:
    assert take(line_of(urgent=100), 100) == {"urgent": 100}


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_overtaken_for_ever(seed: int) -> None:
    """Whoever joins with n others before them comes within POPS_PER_ROUND times n pops, however many urgent come."""
    chance = random.Random(seed)
    line: PriorityQueue[str] = PriorityQueue()
    turn, latest = 0, {}
    for number in range(600):
        name = f"{chance.choice((URGENT, URGENT, URGENT, HIGH, NORMAL))} {number}"
        latest[name] = turn + POPS_PER_ROUND * (len(line) + 1)
        line.push(name, Priority(name.split(maxsplit=1)[0]))
        if chance.random() < 0.9:
            turn += 1
            assert turn <= latest.pop(line.pop())
    while len(line):
        turn += 1
        assert turn <= latest.pop(line.pop())
    assert not latest


def test_who_leaves_is_not_served() -> None:
    line: PriorityQueue[str] = PriorityQueue()
    places = [line.push(name, NORMAL) for name in "abc"]
    assert line.remove(places[1]) == "b"
    assert line.remove(places[1]) is None
    assert [line.pop(), line.pop()] == ["a", "c"]
