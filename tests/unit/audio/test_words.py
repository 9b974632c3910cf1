"""From characters to words: every word of the text once, in order, and time never runs back."""

from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audio.words import by_paragraph, shift, time_words
from storyloom.providers.ports import Alignment
from storyloom.story.results import Word

ANY_TEXT = st.text(max_size=60) | st.text(
    st.sampled_from("aB9.,—“\u00a0\u2003\u2028\u3000\x1c \n\t\x85🦊\u0301-日"), max_size=60
)


def make_alignment(text: str, dice: Random, *, longest: int = 1) -> Alignment:
    """A provider's honest answer: the text in pieces of 1 to ``longest`` characters, time going on as it likes."""
    pieces: list[str] = []
    while sum(map(len, pieces)) < len(text):
        at = sum(map(len, pieces))
        pieces.append(text[at : at + dice.randint(1, longest)])
    edges = list(accumulate((dice.choice([0.0, 0.04, dice.random()]) for _ in pieces), initial=0.0))
    return Alignment(tuple(pieces), tuple(edges[:-1]), tuple(edges[1:]))


def assert_sound(text: str, words: tuple[Word, ...]) -> None:
    assert [word.txt for word in words] == text.split()
    assert all(word.start <= word.end for word in words)
    assert all(before.end <= after.start for before, after in pairwise(words))


@given(ANY_TEXT, st.randoms(use_true_random=False))
def test_every_word_of_any_text_is_timed_once_and_in_order(text: str, dice: Random) -> None:
    assert_sound(text, time_words(text, make_alignment(text, dice, longest=3)))


@given(ANY_TEXT, ANY_TEXT, st.randoms(use_true_random=False))
def test_words_read_otherwise_than_written_still_time_every_written_word(text: str, other: str, dice: Random) -> None:
    said = make_alignment(other, dice)
    words = time_words(text, said)
    assert_sound(text, words)
    assert all(0 <= word.start <= word.end <= round(max(said.ends, default=0), 3) for word in words)


@given(ANY_TEXT, st.randoms(use_true_random=False))
def test_a_word_lasts_from_its_first_character_to_its_last(text: str, dice: Random) -> None:
    said = make_alignment(text, dice)
    at = 0
    for word in time_words(text, said):
        at = text.index(word.txt, at)
        assert word.start == round(said.starts[at], 3)
        assert word.end == round(said.ends[at + len(word.txt) - 1], 3)
        at += len(word.txt)


def spoken(*words: tuple[str, float, float]) -> Alignment:
    """Whole words as single items, with spaces between."""
    items = [item for txt, start, end in words for item in ((txt, start, end), (" ", end, end))]
    characters, starts, ends = zip(*items, strict=True)
    return Alignment(characters, starts, ends)


def test_a_number_read_out_keeps_its_place() -> None:
    said = spoken(("Mira", 0, 1), ("had", 1, 2), ("twenty", 2, 3), ("one", 3, 4), ("foxes.", 4, 5))
    assert time_words("Mira had 21 foxes.", said) == (
        Word(txt="Mira", start=0, end=1),
        Word(txt="had", start=1, end=2),
        Word(txt="21", start=2, end=4),
        Word(txt="foxes.", start=4, end=5),
    )


def test_a_word_that_was_not_read_stands_between_its_neighbours() -> None:
    said = spoken(("Mira", 0, 1), ("laughed.", 3, 4))
    assert time_words("Mira — laughed.", said)[1] == Word(txt="—", start=1, end=3)


def test_words_run_together_share_their_time_by_length() -> None:
    said = spoken(("Well", 0, 1), ("inthewood", 1, 10), ("then", 10, 11))
    assert time_words("Well in the wood then", said)[1:4] == (
        Word(txt="in", start=1, end=3),
        Word(txt="the", start=3, end=6),
        Word(txt="wood", start=6, end=10),
    )


def test_words_that_were_only_said_are_passed_over() -> None:
    said = spoken(("[whispers]", 0, 1), ("Good", 1, 2), ("night", 2, 3))
    assert [word.start for word in time_words("Good night", said)] == [1, 2]


def test_an_overlap_is_cut_at_the_next_words_start() -> None:
    said = spoken(("a", 0, 2), ("b", 1, 3))
    assert [(word.start, word.end) for word in time_words("a b", said)] == [(0, 1), (1, 3)]


def test_words_are_grouped_by_paragraph_and_empty_paragraphs_left_out() -> None:
    words = time_words("a b\n\nc", spoken(("a", 0, 1), ("b", 1, 2), ("c", 2, 3)))
    assert by_paragraph(["a b", " \n", "c"], words) == [words[:2], words[2:]]


@pytest.mark.parametrize("paragraphs", [["a"], ["a b c"], ["a c"], []])
def test_words_of_another_text_are_refused(paragraphs: list[str]) -> None:
    words = time_words("a b", spoken(("a", 0, 1), ("b", 1, 2)))
    with pytest.raises(ValueError, match="not those of the paragraphs"):
        by_paragraph(paragraphs, words)


def test_shifted_words_keep_their_length_to_the_millisecond() -> None:
    assert shift([Word(txt="a", start=0.1, end=0.3)], 10.0004) == (Word(txt="a", start=10.1, end=10.3),)
