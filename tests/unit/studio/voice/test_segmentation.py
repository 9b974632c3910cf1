"""Words, phrases and characters: nothing lost, nothing twice, in order."""

from itertools import accumulate, pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from studio.voice.segmentation import LONGEST_PHRASE, PARAGRAPH_PAUSE, group_phrases, split_words, time_characters

TEXTS = st.text(st.sampled_from("ab.,!?— \n\t“”🦊…é日&'\u00a0\u2003"), max_size=80)


@given(TEXTS)
def test_every_word_is_found_once_in_order(text: str) -> None:
    words = split_words(text)
    assert [word.text for word in words] == text.split()
    assert all(text[word.first : word.last] == word.text for word in words)


@given(TEXTS)
def test_phrases_hold_every_word_and_a_silent_word_stands_alone(text: str) -> None:
    words = split_words(text)
    phrases = list(group_phrases(words))
    assert [word for phrase in phrases for word in phrase] == words
    assert all(len(phrase) == 1 for phrase in phrases if any(not word.core for word in phrase))
    assert all(0 < len(phrase) <= LONGEST_PHRASE for phrase in phrases)


@given(TEXTS, st.randoms(use_true_random=False))
def test_each_character_has_a_span_and_time_never_runs_back(text: str, dice: Random) -> None:
    words = split_words(text)
    edges = list(accumulate(dice.choice([0, 0.1, dice.random()]) for _ in range(2 * len(words) + 1)))
    spans = [(edges[2 * at], edges[2 * at + 1]) for at in range(len(words))]
    times = time_characters(text, words, spans, edges[-1])
    assert len(times) == len(text)
    assert all(start <= end + 1e-9 for start, end in times)
    assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(times))
    for word, (start, end) in zip(words, spans, strict=True):
        assert times[word.first][0] == start
        assert times[word.last - 1][1] == end


def test_the_core_of_a_word_is_what_there_is_to_say() -> None:
    cores = [word.core for word in split_words("“Who isn’t — 🦊 (well-known)?!” & 3.5…")]
    assert cores == ["Who", "isn’t", "", "", "well-known", "&", "3.5"]


def test_pauses_follow_the_punctuation_inside_quotes_and_the_paragraphs() -> None:
    inside, comma, stop, paragraph, last = (word.pause for word in split_words("so “Wait,” “No.” Yes\n\nend"))
    assert inside == last == 0 < comma < stop < paragraph == PARAGRAPH_PAUSE


def test_a_sentence_that_goes_on_after_a_question_is_one_breath() -> None:
    words = split_words("“Who is it?” she asked. Nobody.")
    assert [[word.text for word in phrase] for phrase in group_phrases(words)] == [
        ["“Who", "is", "it?”", "she", "asked."],
        ["Nobody."],
    ]


def test_what_c_libraries_cannot_take_is_not_said() -> None:
    assert [word.core for word in split_words("a\0b c\ud83ed")] == ["ab", "cd"]
