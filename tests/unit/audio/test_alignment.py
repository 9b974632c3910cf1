"""Times that came with a sound, however wrong, are fitted onto it or refused; no word leaves the sound."""

import unicodedata
from itertools import accumulate, pairwise
from math import inf, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audio.words import spread_words, time_words
from storyloom.providers.elevenlabs.alignment import fit, is_broken_off
from storyloom.providers.elevenlabs.mp3 import Sound
from storyloom.providers.ports import Alignment
from storyloom.story.results import Word

TEXT = "Mira rolled into the wood. “Hello?” said a small voice. It was a fox, and she had lost her light."
STEP = 0.07  # seconds a character
LEAD, TAIL = 0.05, 0.3  # seconds of silence before and after the voice
LAST = LEAD + STEP * len(TEXT)
SOUND = Sound(seconds=LAST + TAIL, first=LEAD, last=LAST)


def honest(text: str = TEXT) -> Alignment:
    edges = list(accumulate([STEP] * len(text), initial=LEAD))
    return Alignment(tuple(text), tuple(edges[:-1]), tuple(edges[1:]))


def changed(starts: dict[int, float] | None = None, ends: dict[int, float] | None = None) -> Alignment:
    """The honest times but for those of some characters."""
    true = honest()
    return Alignment(
        true.characters,
        tuple((starts or {}).get(place, time) for place, time in enumerate(true.starts)),
        tuple((ends or {}).get(place, time) for place, time in enumerate(true.ends)),
    )


def scaled(factor: float, later: float = 0.0) -> Alignment:
    true = honest()
    starts, ends = (tuple(later + time * factor for time in times) for times in (true.starts, true.ends))
    return Alignment(true.characters, starts, ends)


def sound_of(characters: str) -> Sound:
    last = LEAD + STEP * len(characters)
    return Sound(last + TAIL, LEAD, last)


def off(words: tuple[Word, ...]) -> float:
    """The largest error of a word's start or end, in seconds."""
    true = time_words(TEXT, honest())
    assert [word.txt for word in words] == [word.txt for word in true]
    return max(
        max(abs(word.start - right.start), abs(word.end - right.end)) for word, right in zip(words, true, strict=True)
    )


def assert_on_the_sound(words: tuple[Word, ...], text: str, sound: Sound) -> None:
    assert [word.txt for word in words] == text.split()
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0 <= time <= sound.seconds for time in times)


REPAIRED = {
    "honest": honest(),
    "6 % early": scaled(0.94),
    "8 % late": scaled(1.08),
    "a fifth early": scaled(0.8),
    "a fifth late": scaled(1.2),
    "all of it half a second late": scaled(1.0, later=0.5),
    "a character 20 ms back": changed({40: LEAD + 40 * STEP - 0.02 - STEP}),
    "a character two seconds back": changed({40: 1.0}),
    "a character far ahead": changed({40: LAST}, {40: LAST}),
    "a character beyond belief": changed({40: 3600.0}, {40: 3600.0}),
    "negative at the beginning": changed({0: -0.02}),
    "no number": changed({10: nan, 60: inf}, {10: nan, 60: -inf}),
    "no number at the end": changed({len(TEXT) - 1: nan}, {len(TEXT) - 1: nan}),
    "repeated": changed({place: LEAD + (place - place % 2) * STEP for place in range(len(TEXT))}),
    "jitter everywhere": changed({place: LEAD + place * STEP - 0.1 * (place % 2) for place in range(1, len(TEXT))}),
    "ends before starts": changed(ends=dict.fromkeys(range(0, len(TEXT) - 1, 3), 0.0)),
    "the last end far out": changed(ends={len(TEXT) - 1: 3600.0}),
}


@pytest.mark.parametrize("flaw", REPAIRED)
def test_small_defects_are_repaired_and_drift_is_scaled(flaw: str) -> None:
    alignment = fit(REPAIRED[flaw], TEXT, SOUND)
    assert alignment is not None
    words = time_words(TEXT, alignment)
    assert_on_the_sound(words, TEXT, SOUND)
    assert off(words) < 0.16, flaw
    assert words[0].start <= SOUND.first + 0.05
    assert words[-1].end >= SOUND.last - 0.05


def test_a_mark_that_lasts_as_long_as_the_recording_moves_no_word() -> None:
    """Vendors give the silence at the end to the last character; that is no drift."""
    alignment = fit(changed(ends={len(TEXT) - 1: SOUND.seconds}), TEXT, SOUND)
    assert alignment is not None
    assert time_words(TEXT, alignment)[:-1] == time_words(TEXT, honest())[:-1]


@pytest.mark.parametrize("factor", [0.94, 1.08])
def test_drift_is_taken_off_to_the_last_word(factor: float) -> None:
    alignment = fit(scaled(factor), TEXT, SOUND)
    assert alignment is not None
    assert off(time_words(TEXT, alignment)) < 0.01


REFUSED = {
    "in milliseconds": scaled(1000),
    "twice as long": scaled(2),
    "half as long": scaled(0.5),
    "all at once": scaled(0, later=1.0),
    "in no time": scaled(1e-310),
    "no numbers": changed(dict.fromkeys(range(len(TEXT)), nan)),
    "a fifth of it no numbers": changed(dict.fromkeys(range(0, len(TEXT), 5), nan)),
    "starts over in the middle": changed({place: (place - 45) * STEP for place in range(45, len(TEXT))}),
    "backwards": changed({place: LAST - place * STEP for place in range(len(TEXT))}),
    "of another text": honest(
        "Once there was an owl who could not sleep at night, so she counted sheep until dawn came."
    ),
    "of nonsense": honest("#" * len(TEXT)),
    "of x alone": honest("x" * len(TEXT)),
    "of half the text": honest(TEXT[: len(TEXT) // 2]),
}


@pytest.mark.parametrize("flaw", REFUSED)
def test_times_that_have_nothing_to_do_with_the_sound_are_refused(flaw: str) -> None:
    assert fit(REFUSED[flaw], TEXT, SOUND) is None


def test_what_is_missing_at_the_end_has_the_time_that_is_left() -> None:
    """Times of four fifths of the text are right as far as they go; nothing is stretched."""
    raw = honest(TEXT[: len(TEXT) * 4 // 5])
    assert not is_broken_off(raw, TEXT, SOUND)
    alignment = fit(raw, TEXT, SOUND)
    assert alignment is not None
    words = time_words(TEXT, alignment)
    assert_on_the_sound(words, TEXT, SOUND)
    assert words[5] == time_words(TEXT, honest())[5]
    assert words[-1].end == pytest.approx(SOUND.last, abs=0.01)
    assert off(words) < 1


def test_a_sound_that_ends_in_the_middle_of_the_text_is_broken_off() -> None:
    half = TEXT[: len(TEXT) // 2]
    assert is_broken_off(honest(half), TEXT, sound_of(half))
    assert not is_broken_off(honest(half), TEXT, SOUND)
    assert not is_broken_off(honest(), TEXT, SOUND)
    assert not is_broken_off(scaled(1.08), TEXT, SOUND)


@pytest.mark.parametrize(
    "characters",
    [
        "Mira rolled into the wood. “Hello?” said a small voice. It was a fox, and she had lost her light. The end.",
        "[softly] Mira rolled into the wood. “Hello?” said a small voice. It was a fox, and she had lost her light.",
        TEXT.replace(" ", "\n"),
        TEXT.upper(),
        TEXT[3:],
    ],
)
def test_more_fewer_and_other_characters_are_still_times(characters: str) -> None:
    alignment = fit(
        honest(characters), TEXT, Sound(LEAD + STEP * len(characters) + TAIL, LEAD, LEAD + STEP * len(characters))
    )
    assert alignment is not None
    assert [word.txt for word in time_words(TEXT, alignment)] == TEXT.split()


def test_another_normal_form_is_the_same_text() -> None:
    text = "Zoë fand die Tür. Ångström hörte zu."
    sent = unicodedata.normalize("NFD", text)
    assert sent != text
    alignment = fit(honest(sent), text, sound_of(sent))
    assert alignment is not None
    words = time_words(text, alignment, "de")
    assert words[1].start == pytest.approx(LEAD + STEP * 5, abs=0.002)


ANY_TIME = st.floats(allow_nan=True, allow_infinity=True) | st.floats(-1, 20) | st.sampled_from([0.0, 1.0, 5.0])


@given(
    st.text(st.sampled_from("aB9 .,é\u0301日\n"), max_size=30),
    st.text(st.sampled_from("aB9 .,é\u0301日\n"), min_size=1, max_size=30),
    st.data(),
)
def test_whatever_comes_no_time_leaves_the_sound_or_runs_back(text: str, said: str, data: st.DataObject) -> None:
    many = st.lists(ANY_TIME, min_size=len(said), max_size=len(said)).map(tuple)
    raw = Alignment(tuple(said), data.draw(many), data.draw(many))
    seconds = data.draw(st.floats(0.1, 20))
    first = data.draw(st.floats(0, seconds * 0.5))
    sound = Sound(seconds, first, data.draw(st.floats(seconds * 0.6, seconds)))
    is_broken_off(raw, text, sound)
    alignment = fit(raw, text, sound)
    if alignment is None:
        return
    times = [time for start, end in zip(alignment.starts, alignment.ends, strict=True) for time in (start, end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= sound.seconds
    assert_on_the_sound(time_words(text, alignment), text, sound)


def test_a_character_in_no_time_is_refused() -> None:
    """Scaling what is next to nothing would give no number."""
    assert fit(Alignment(("9",), (0.0,), (2.2e-311,)), "9", Sound(1.0, 0.0, 1.0)) is None


@given(st.floats(0.76, 1.3), st.randoms(use_true_random=False))
def test_drift_and_a_few_defects_at_once_leave_every_word_near_its_place(factor: float, dice: Random) -> None:
    drifted = scaled(factor)
    starts = list(drifted.starts)
    for place in dice.sample(range(len(TEXT)), 5):
        starts[place] = dice.choice([nan, -1.0, starts[place] - 0.02, 0.0, 99.0])
    alignment = fit(Alignment(drifted.characters, tuple(starts), drifted.ends), TEXT, SOUND)
    assert alignment is not None
    words = time_words(TEXT, alignment)
    assert_on_the_sound(words, TEXT, SOUND)
    assert off(words) < 0.6


@given(st.text(st.sampled_from("ab .é日\n"), max_size=60), st.floats(0, 2), st.floats(2.1, 60))
def test_estimated_words_cover_what_is_heard_and_say_that_they_are_estimated(
    text: str, first: float, last: float
) -> None:
    words = spread_words(text, (first, last))
    assert [word.txt for word in words] == text.split()
    assert all(word.estimated for word in words)
    assert all(one.end == two.start for one, two in pairwise(words))
    if words:
        assert (words[0].start, words[-1].end) == pytest.approx((first, last), abs=0.0011)
        assert words[-1].end <= last
