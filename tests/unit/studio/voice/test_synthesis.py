"""A reading's times are those of its sound. espeak reads here, for it is quick; Piper has its own tests."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from studio.backends import Speech
from studio.voice.encoding import RATE
from studio.voice.synthesis import synthesise
from tests.unit.studio.voice.hearing import decode, loudness

TEXT = "“Who is it?” asked the fox in the wood.\n\nIt was one of them — 🦊 well-known, and far away…"


def read(text: str = TEXT, **settings: float) -> Speech:
    return synthesise(text, voice_id="narrator", settings=settings, engine="espeak", seed=1)


def word_spans(text: str, speech: Speech) -> list[tuple[str, float, float]]:
    return [
        (word.group(), speech.starts[word.start()], speech.ends[word.end() - 1]) for word in re.finditer(r"\S+", text)
    ]


def test_each_character_is_timed_once_and_in_order() -> None:
    speech = read()
    assert speech.characters == list(TEXT)
    assert len(speech.starts) == len(speech.ends) == len(TEXT)
    assert all(start <= end for start, end in zip(speech.starts, speech.ends, strict=True))
    assert all(end <= after for end, after in zip(speech.ends, speech.starts[1:], strict=False))


def test_words_sound_and_the_time_between_them_is_silent() -> None:
    speech = read()
    sound = decode(speech.mp3)
    spans = word_spans(TEXT, speech)
    for word, start, end in spans:
        heard = loudness(sound, start, end)
        assert (heard < 0.002) if word in {"—", "🦊"} else (heard > 0.02), word
    for (_, _, end), (_, start, _) in pairwise(spans):
        if start - end > 0.08:
            assert loudness(sound, end + 0.01, start - 0.01) < 0.002


def test_the_first_word_begins_where_the_times_say_after_decoding() -> None:
    speech = read("Fox.")
    sound = decode(speech.mp3)
    first = np.flatnonzero(np.abs(sound) > 0.01)[0] / RATE
    assert first == pytest.approx(speech.starts[0], abs=0.015)


def test_the_sound_ends_soon_after_the_last_word() -> None:
    speech = read()
    assert 0.05 < len(decode(speech.mp3)) / RATE - speech.ends[-1] < 0.25


def test_speed_is_honoured() -> None:
    slow, plain, fast = (read(speed=speed).ends[-1] for speed in (0.7, 1.0, 1.2))
    assert slow / plain == pytest.approx(1 / 0.7, rel=0.1)
    assert fast / plain == pytest.approx(1 / 1.2, rel=0.1)


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        read(text)


@pytest.mark.parametrize("settings", [{"speed": 0.5}, {"speed": float("nan")}, {"stability": 1.5}])
def test_a_setting_out_of_range_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        read("Fox.", **settings)


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(ValueError, match="'gramophone'"):
        synthesise("Fox.", voice_id="narrator", settings={}, engine="gramophone")


@pytest.mark.parametrize("text", ["—", "🦊", "日本語 мир", "a\0b", "\ud83e x", "x" * 3000, "[[x]] <break/> &amp;"])
def test_odd_texts_are_read_without_an_error(text: str) -> None:
    speech = read(text)
    assert len(speech.starts) == len(text)
    assert len(decode(speech.mp3)) > 0


def test_two_voices_do_not_sound_alike() -> None:
    mp3s = [synthesise("Mira laughed.", voice_id=voice, settings={}, engine="espeak").mp3 for voice in ("ann", "bob")]
    one_pitch, other_pitch = (strongest(decode(mp3)) for mp3 in mp3s)
    assert abs(one_pitch - other_pitch) > 1


def strongest(sound: npt.NDArray[np.float32]) -> float:
    """The loudest frequency in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(sound, RATE * 2)))) / 2


def test_many_readings_at_once_do_not_mix() -> None:
    texts = [f"Fox number {number} ran." for number in range(6)]
    with ThreadPoolExecutor() as threads:
        at_once = list(threads.map(read, texts))
    for text, speech in zip(texts, at_once, strict=True):
        assert "".join(speech.characters) == text
        assert speech.ends[-1] == pytest.approx(read(text).ends[-1], abs=0.02)


def test_another_seed_is_another_reading_of_the_same_words() -> None:
    ends = [
        synthesise(TEXT, voice_id="narrator", settings={}, engine="espeak", seed=seed).ends[-1] for seed in range(4)
    ]
    assert len(set(ends)) == 4
    assert max(ends) / min(ends) < 1.1
