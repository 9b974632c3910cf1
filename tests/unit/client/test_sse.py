"""The parser of server-sent events, held to WHATWG HTML 9.2.6."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.sse import LIMIT, BadStream, Parser, ServerEvent

LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
FIELD = st.sampled_from(["data", "event", "id", ":", "retry", "unknown"])
LINE = st.one_of(st.just(""), st.builds("{}: {}".format, FIELD, TEXT), st.builds("{}:{}".format, FIELD, TEXT), FIELD)
STREAM = st.lists(st.builds("{}{}".format, LINE, LINE_ENDS), max_size=30).map("".join)


def read(stream: str) -> list[ServerEvent]:
    return Parser().feed(stream.encode())


@given(STREAM, st.lists(st.integers(0, 400), max_size=12))
def test_where_the_bytes_are_cut_makes_no_difference(stream: str, cuts: list[int]) -> None:
    whole, parser = stream.encode(), Parser()
    places = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    pieces = [whole[start:end] for start, end in pairwise(places)]
    events = [event for piece in pieces for event in parser.feed(piece)]
    assert events == read(stream)


@given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=3)), max_size=5), LINE_ENDS)
def test_what_was_written_is_what_is_read(events: list[tuple[str, list[str]]], end: str) -> None:
    blocks = [f"event: {name}{end}" + "".join(f"data: {line}{end}" for line in data) + end for name, data in events]
    expected = [(name or "message", "\n".join(data)) for name, data in events]
    assert [(event.event, event.data) for event in read("".join(blocks))] == expected


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("data: a\ndata: b\n\n", [ServerEvent("message", "a\nb")]),
        ("data\n\n", [ServerEvent("message", "")]),
        ("data:a\n\ndata:  b\n\n", [ServerEvent("message", "a"), ServerEvent("message", " b")]),
        ("event: asset\n\ndata: a\n\n", [ServerEvent("message", "a")]),
        (": heartbeat\n\n", []),
        ("data: unfinished\n", []),
        ("\ufeffdata: after a byte order mark\n\n", [ServerEvent("message", "after a byte order mark")]),
        ("id: 7\ndata: a\n\ndata: b\n\n", [ServerEvent("message", "a", "7"), ServerEvent("message", "b", "7")]),
        ("id: 7\ndata: a\n\nid\ndata: b\n\n", [ServerEvent("message", "a", "7"), ServerEvent("message", "b", "")]),
        ("id: 7\0\ndata: a\n\n", [ServerEvent("message", "a", "")]),
    ],
)
def test_the_standards_corners_hold(stream: str, events: list[ServerEvent]) -> None:
    assert read(stream) == events


@pytest.mark.parametrize(("value", "seconds"), [("2000", 2.0), ("soon", None), ("-1", None), ("²", None)])
def test_the_wait_before_reconnecting_is_digits_or_nothing(value: str, seconds: float | None) -> None:
    parser = Parser()
    parser.feed(f"retry: {value}\n\n".encode())
    assert parser.retry == seconds


@pytest.mark.parametrize("stream", [b"data: " + b"x" * (LIMIT + 1), (b"data: " + b"x" * 1000 + b"\n") * 1100])
def test_an_endless_event_is_refused(stream: bytes) -> None:
    with pytest.raises(BadStream, match="longer than"):
        Parser().feed(stream)
