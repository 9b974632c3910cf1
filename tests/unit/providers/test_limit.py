"""How many calls at once: halved by a 429, raised by what goes well."""

from storyloom.providers.resilience.limit import Limit


def succeed(limit: Limit, times: int) -> None:
    for _ in range(times):
        limit.succeed(in_flight=limit.calls)


def test_a_429_halves_it_and_it_is_never_below_one() -> None:
    limit = Limit(16, 64, window=5)
    seen = []
    for second in range(0, 60, 10):
        limit.shrink(second)
        seen.append(limit.calls)
    assert seen == [8, 4, 2, 1, 1, 1]


def test_a_burst_of_429s_halves_it_once() -> None:
    limit = Limit(16, 64, window=5)
    for hundredth in range(400):
        limit.shrink(hundredth / 100)
    assert limit.calls == 8


def test_as_many_successes_as_it_allows_calls_raise_it_by_one() -> None:
    limit = Limit(4, 64)
    succeed(limit, 3)
    assert limit.calls == 4
    succeed(limit, 1)
    assert limit.calls == 5
    succeed(limit, 4)
    assert limit.calls == 5
    succeed(limit, 1)
    assert limit.calls == 6


def test_it_grows_up_to_its_maximum() -> None:
    limit = Limit(4, 6)
    succeed(limit, 1000)
    assert limit.calls == 6


def test_a_429_takes_back_what_was_counted_towards_the_next_step() -> None:
    limit = Limit(4, 64)
    succeed(limit, 3)
    limit.shrink(0)
    succeed(limit, 1)
    assert limit.calls == 2


def test_a_limit_that_nobody_comes_near_does_not_grow() -> None:
    limit = Limit(16, 64)
    for _ in range(1000):
        limit.succeed(in_flight=1)
    assert limit.calls == 16
