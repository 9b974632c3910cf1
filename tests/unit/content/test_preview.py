"""Prose out of JSON that is still being written."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.content.preview import HOPELESS_CHARACTERS, Preview, cut_to_sentences, read_paragraphs
from tests.unit.content.fox_author import FoxAuthor

steadily = settings(max_examples=60, deadline=None, derandomize=True)


PARAGRAPHS = st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=4)


@steadily
@given(PARAGRAPHS, st.booleans(), st.data())
def test_however_far_it_is_written_only_true_prose_is_read(
    paragraphs: list[str], ascii_only: bool, data: st.DataObject
) -> None:
    text = json.dumps({"paragraphs": paragraphs, "alt_text": '", "paragraphs": ["no"]'}, ensure_ascii=ascii_only)
    end = data.draw(st.integers(0, len(text)))
    read = read_paragraphs(text[:end])
    assert "".join(paragraphs).startswith("".join(read))
    assert all(whole == piece for whole, piece in zip(paragraphs, read[:-1], strict=False))


@steadily
@given(PARAGRAPHS, st.booleans())
def test_what_is_finished_is_read_whole(paragraphs: list[str], ascii_only: bool) -> None:
    text = json.dumps({"alt_text": "x", "paragraphs": paragraphs}, ensure_ascii=ascii_only, indent=1)
    assert read_paragraphs(text) == tuple(paragraphs)


@steadily
@given(st.text(max_size=80))
def test_anything_may_be_read(text: str) -> None:
    read_paragraphs(text)
    read_paragraphs(f'{{"paragraphs": [{text}')


def test_half_a_smile_is_not_shown() -> None:
    assert read_paragraphs('{"paragraphs": ["Hi \\ud83d') == ("Hi ",)
    assert read_paragraphs('{"paragraphs": ["Hi \\ud83d\\ude0') == ("Hi ",)
    assert read_paragraphs('{"paragraphs": ["Hi \\ud83d\\ude00') == ("Hi 😀",)
    assert read_paragraphs('{"paragraphs": ["Hi \ud83d') == ("Hi ",)


def test_only_the_scenes_own_paragraphs_are_read() -> None:
    """Not those of something within it, or of a text that speaks of paragraphs."""
    assert read_paragraphs('{"alt_text": "\\"paragraphs\\": [\\"no\\"]", "paragraphs": ["Ye') == ("Ye",)
    assert read_paragraphs('{"before": {"paragraphs": ["no"]}, "paragraphs": ["Ye') == ("Ye",)


@pytest.mark.parametrize(
    "text", ["", "[", "7", "null", '{"paragraphs": "one"', '{"paragraphs": [7, {"a": "b"}', "[" * 5000]
)
def test_json_of_another_shape_has_no_paragraphs(text: str) -> None:
    assert read_paragraphs(text) == ()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("The fox ran. It sto", "The fox ran."),
        ("“Come!” said the f", "“Come!”"),
        ("The fox", ""),
        ("It cost 3.50 and", ""),
        ("One.\n\nTwo!", "One.\n\nTwo!"),
        ("(She waited.) Then", "(She waited.)"),
    ],
)
def test_words_are_shown_by_whole_sentences(text: str, whole: str) -> None:
    assert cut_to_sentences(text) == whole


async def test_an_answer_without_end_is_looked_at_ever_more_seldom_and_in_the_end_no_more() -> None:
    """Each look reads all of it: one a word would take longer than the answer."""
    reported: list[int] = []

    async def report(progress: int, text: str | None = None) -> None:
        reported.append(progress)

    preview = Preview(FoxAuthor({}), report, wanted=10_000)
    partial = '{"paragraphs": ["'
    looks, before = 0, -1
    while len(partial) < 2 * HOPELESS_CHARACTERS:
        partial += "and the fox ran on. "
        await preview(partial)
        looks += preview._next_look != before
        before = preview._next_look
    assert looks < 400
    assert len(partial) > 1.9 * preview._next_look
    assert reported == sorted(reported)
