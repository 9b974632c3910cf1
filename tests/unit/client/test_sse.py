"""How server-sent events are read, held to WHATWG HTML 9.2.6."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import pairwise

import pytest
from httpx_sse import ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st

from client.sse import MAX_EVENT_BYTES, BadStream, read_events

LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
FIELD = st.sampled_from(["data", "event", "id", ":", "retry", "unknown"])
LINE = st.one_of(st.just(""), st.builds("{}: {}".format, FIELD, TEXT), st.builds("{}:{}".format, FIELD, TEXT), FIELD)
STREAM = st.lists(st.builds("{}{}".format, LINE, LINE_ENDS), max_size=30).map("".join)


Event = tuple[str, str, str]
"""Its name, its data, and the last id so far."""


async def pour(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def listen(pieces: Iterable[bytes]) -> list[ServerSentEvent]:
    return [event async for event in read_events(pour(pieces))]


def read(*pieces: bytes) -> list[Event]:
    return [(event.event, event.data, event.id) for event in asyncio.run(listen(pieces))]


@given(STREAM, st.lists(st.integers(0, 400), max_size=12))
def test_where_the_bytes_are_cut_makes_no_difference(stream: str, cuts: list[int]) -> None:
    whole = stream.encode()
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert read(*pieces) == read(whole)


@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), max_size=5), LINE_ENDS)
def test_what_was_written_is_what_is_read(events: list[tuple[str, list[str]]], end: str) -> None:
    blocks = [f"event: {name}{end}" + "".join(f"data: {line}{end}" for line in data) + end for name, data in events]
    expected = [(name or "message", "\n".join(data)) for name, data in events]
    assert [(name, data) for name, data, _ in read("".join(blocks).encode())] == expected


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("data: a\ndata: b\n\n", [("message", "a\nb", "")]),
        ("data\n\n", [("message", "", "")]),
        ("data:a\n\ndata:  b\n\n", [("message", "a", ""), ("message", " b", "")]),
        (": heartbeat\n\n", []),
        ("data: unfinished\n", []),
        ("\ufeffdata: after a byte order mark\n\n", [("message", "after a byte order mark", "")]),
        ("id: 7\ndata: a\n\ndata: b\n\n", [("message", "a", "7"), ("message", "b", "7")]),
        ("id: 7\ndata: a\n\nid\ndata: b\n\n", [("message", "a", "7"), ("message", "b", "")]),
        ("id: 7\0\ndata: a\n\n", [("message", "a", "")]),
    ],
)
def test_the_standards_corners_hold(stream: str, events: list[Event]) -> None:
    assert read(stream.encode()) == events


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("event: asset\n\ndata: a\n\n", [("asset", "", ""), ("message", "a", "")]),
        ("id: 7\ndata: a\n\n: heartbeat\n\n", [("message", "a", "7"), ("message", "", "7")]),
    ],
)
def test_an_event_without_data_is_an_empty_one_that_a_browser_would_not_see(stream: str, events: list[Event]) -> None:
    """The library's way; JSON is never empty, so that a story's stream passes over it."""
    assert read(stream.encode()) == events


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_the_standards_line_ends_end_a_line(sign: str) -> None:
    """Python's own splitlines knows eight more, and JSON may hold them as they are."""
    assert read(f'id: 1\ndata: "a{sign}b"\n\n'.encode()) == [("message", f'"a{sign}b"', "1")]


@pytest.mark.parametrize(
    ("value", "milliseconds"), [("2000", 2000), ("soon", None), ("²", None), ("", None), ("9" * 5000, None)]
)
async def test_the_wait_before_reconnecting_is_a_number_or_nothing(value: str, milliseconds: int | None) -> None:
    [event] = await listen([f"retry: {value}\ndata: a\n\n".encode()])
    assert event.retry == milliseconds


async def test_an_event_is_given_as_soon_as_it_is_complete() -> None:
    events = read_events(pour([b"id: 1\ndata: a\n", b"\n", b"dat"]))
    assert (await anext(events)).data == "a"
    await events.aclose()


@pytest.mark.parametrize("stream", [b"data: " + b"x" * (MAX_EVENT_BYTES + 1), (b"data: " + b"x" * 1000 + b"\n") * 1100])
async def test_an_endless_event_is_refused(stream: bytes) -> None:
    with pytest.raises(BadStream, match="longer than"):
        await listen([stream])


async def test_a_large_chunk_may_hold_any_number_of_events() -> None:
    """A compressed one, from a proxy in between."""
    event = b"data: " + b"x" * 1000 + b"\n\n"
    assert len(await listen([event * 3000])) == 3000


async def test_a_large_event_in_crumbs_is_read_in_one_piece() -> None:
    """Each byte is looked at a few times, however it is cut: what is quadratic takes minutes here."""
    event = b"data: " + b"x" * (MAX_EVENT_BYTES - 5000) + b"\n\n"
    [read_] = await listen(event[start : start + 16] for start in range(0, len(event), 16))
    assert len(read_.data) == MAX_EVENT_BYTES - 5000
