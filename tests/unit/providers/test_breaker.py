"""When a provider counts as unavailable, and who finds out that it is back."""

import random

import pytest

from storyloom.providers.resilience.breaker import JITTER, Admission, Breaker, State

PAUSES = (5.0, 10.0, 20.0)


def make_breaker(failures: int = 3, within: float = 60) -> Breaker:
    return Breaker(failures=failures, within=within, pauses=PAUSES, rng=random.Random(7))


def state_of(breaker: Breaker) -> State:
    return breaker.state


def fail(breaker: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        breaker.end(breaker.admit(now), now, unavailable=True)


def test_failures_in_a_row_open_it() -> None:
    breaker = make_breaker()
    fail(breaker, 2)
    assert state_of(breaker) is State.CLOSED
    fail(breaker, 1)
    assert state_of(breaker) is State.OPEN
    assert 5 <= breaker.closed_for(0) <= 5 * (1 + JITTER)


def test_a_success_between_them_starts_the_count_anew() -> None:
    breaker = make_breaker()
    fail(breaker, 2)
    breaker.end(breaker.admit(0), 0, unavailable=False)
    fail(breaker, 2)
    assert state_of(breaker) is State.CLOSED


def test_a_call_that_says_nothing_neither_counts_nor_clears() -> None:
    breaker = make_breaker()
    fail(breaker, 2)
    breaker.end(breaker.admit(0), 0, unavailable=None)
    assert state_of(breaker) is State.CLOSED
    fail(breaker, 1)
    assert state_of(breaker) is State.OPEN


def test_failures_that_lie_far_apart_do_not_open_it() -> None:
    breaker = make_breaker(within=60)
    for minute in range(10):
        fail(breaker, 1, now=minute * 31.0)
    assert state_of(breaker) is State.CLOSED


def test_nobody_is_let_in_while_it_is_open() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    with pytest.raises(RuntimeError):
        breaker.admit(4.9)


def test_after_the_pause_exactly_one_is_let_in() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    now = breaker.closed_for(0)
    assert breaker.admit(now).probe
    assert state_of(breaker) is State.HALF_OPEN
    assert breaker.closed_for(now + 30) > 0
    with pytest.raises(RuntimeError):
        breaker.admit(now + 30)


def test_one_that_is_not_answered_does_not_keep_the_next_from_asking() -> None:
    """A provider that hangs and is back would be found only when the call that hangs times out."""
    breaker = make_breaker()
    fail(breaker, 3)
    hanging = breaker.admit(100)
    assert breaker.closed_for(100) == 2 * 20
    later = breaker.admit(140)
    assert later.probe
    assert breaker.closed_for(140) > 0
    breaker.end(later, 141, unavailable=False)
    assert state_of(breaker) is State.CLOSED
    breaker.end(hanging, 200, unavailable=True)
    assert state_of(breaker) is State.CLOSED


def test_of_several_that_hang_the_failure_of_one_says_nothing_of_the_others() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    hanging, later = breaker.admit(100), breaker.admit(140)
    breaker.end(hanging, 145, unavailable=True)
    assert state_of(breaker) is State.HALF_OPEN
    breaker.end(later, 150, unavailable=False)
    assert state_of(breaker) is State.CLOSED


def test_the_one_that_succeeds_closes_it() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    breaker.end(breaker.admit(100), 100, unavailable=False)
    assert state_of(breaker) is State.CLOSED
    assert not breaker.admit(100).probe


def test_the_one_that_fails_opens_it_for_longer_up_to_the_longest_pause() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    now = 0.0
    for pause in (10, 20, 20, 20):
        now += 1000
        breaker.end(breaker.admit(now), now, unavailable=True)
        assert pause <= breaker.closed_for(now) <= pause * (1 + JITTER)


def test_after_it_was_closed_the_pauses_begin_with_the_shortest() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    breaker.end(breaker.admit(100), 100, unavailable=True)
    breaker.end(breaker.admit(200), 200, unavailable=False)
    fail(breaker, 3, now=200)
    assert breaker.closed_for(200) <= 5 * (1 + JITTER)


def test_the_one_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    breaker = make_breaker()
    fail(breaker, 3)
    breaker.end(breaker.admit(100), 100, unavailable=None)
    assert state_of(breaker) is State.OPEN
    assert breaker.closed_for(100) == 0
    assert breaker.admit(100).probe


@pytest.mark.parametrize("unavailable", [True, False])
def test_a_call_of_the_time_before_has_no_say(unavailable: bool) -> None:
    breaker = make_breaker()
    early = [breaker.admit(0) for _ in range(10)]
    fail(breaker, 3)
    until = breaker.closed_for(0)
    for admission in early[:5]:
        breaker.end(admission, 1, unavailable=unavailable)
    assert state_of(breaker) is State.OPEN
    assert breaker.closed_for(0) == until
    breaker.end(breaker.admit(100), 100, unavailable=False)
    for admission in early[5:]:
        breaker.end(admission, 101, unavailable=True)
    assert state_of(breaker) is State.CLOSED


def test_an_exhausted_allowance_opens_it_at_once_for_a_pause_of_its_own() -> None:
    breaker = make_breaker()
    breaker.open_for(breaker.admit(0), 0, 60)
    assert 60 <= breaker.closed_for(0) <= 60 * (1 + JITTER)
    assert breaker.admit(100).probe


def test_a_late_word_about_the_allowance_does_not_make_the_pause_longer() -> None:
    breaker = make_breaker()
    late = breaker.admit(0)
    breaker.open_for(breaker.admit(0), 0, 60)
    breaker.open_for(late, 50, 60)
    assert breaker.closed_for(50) <= 60 * (1 + JITTER) - 50


def test_an_admission_knows_before_which_change_it_came() -> None:
    breaker = make_breaker()
    assert breaker.admit(0) == Admission(changes=0, probe=False)
    fail(breaker, 3)
    assert breaker.admit(100) == Admission(changes=1, probe=True)
