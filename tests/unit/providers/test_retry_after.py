"""How long a provider asks us to wait: seconds, milliseconds or a date; nonsense is left to our own delays."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyloom.providers.errors import MAX_RETRY_AFTER_SECONDS, retry_after

NAMES = st.sampled_from(["Retry-After", "retry-after", "RETRY-AFTER", "retry-after-ms", "Retry-After-Ms", "x-other"])


@given(st.dictionaries(NAMES, st.text(max_size=60)))
def test_whatever_the_headers_hold_the_wait_is_within_bounds(headers: dict[str, str]) -> None:
    seconds = retry_after(headers)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_SECONDS


@given(st.floats(min_value=0, max_value=MAX_RETRY_AFTER_SECONDS))
def test_seconds_and_milliseconds_are_taken_at_their_word(seconds: float) -> None:
    assert retry_after({"Retry-After": repr(seconds)}) == seconds
    assert retry_after({"retry-after-ms": repr(seconds)}) == pytest.approx(seconds / 1000)


@given(st.integers(min_value=-(10**6), max_value=10**9))
def test_a_date_is_waited_for_and_one_that_is_over_is_now(seconds: int) -> None:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    waited = retry_after({"Retry-After": format_datetime(end, usegmt=True)})
    assert waited == pytest.approx(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS), abs=2)


@given(st.one_of(st.floats(max_value=-0.001), st.sampled_from([float("nan"), float("inf"), float("-inf")])))
def test_what_is_no_number_of_seconds_names_no_wait(nonsense: float) -> None:
    assert retry_after({"Retry-After": repr(nonsense)}) is None
    assert retry_after({"retry-after-ms": repr(nonsense)}) is None


def test_milliseconds_go_before_seconds_and_nonsense_before_neither() -> None:
    assert retry_after({"retry-after-ms": "1500", "retry-after": "2"}) == 1.5
    assert retry_after({"retry-after-ms": "soon", "retry-after": "2"}) == 2
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({"retry-after": "Wed, 21 Oct 9999 99:28:00 GMT"}) is None
    assert retry_after({}) is None
