"""A reading's times are those of its sound. espeak reads here, for it is quick; Piper has its own tests."""

import asyncio
import re
import threading
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from studio.voice import speaking
from studio.voice.encoding import RATE
from studio.voice.speaking import Spoken, speak, speak_now
from tests.unit.studio.voice.hearing import decode, loudness

TEXT = "“Who is it?” asked the fox in the wood.\n\nIt was one of them — 🦊 well-known, and far away…"


def read(text: str = TEXT, **settings: float) -> Spoken:
    return speak_now(text, voice_id="narrator", settings=settings, engine="espeak", seed=1)


def word_spans(text: str, spoken: Spoken) -> list[tuple[str, float, float]]:
    return [
        (word.group(), spoken.starts[word.start()], spoken.ends[word.end() - 1]) for word in re.finditer(r"\S+", text)
    ]


def test_each_character_is_timed_once_and_in_order() -> None:
    spoken = read()
    assert spoken.characters == list(TEXT)
    assert len(spoken.starts) == len(spoken.ends) == len(TEXT)
    assert all(start <= end for start, end in zip(spoken.starts, spoken.ends, strict=True))
    assert all(end <= after for end, after in zip(spoken.ends, spoken.starts[1:], strict=False))


def test_words_sound_and_the_time_between_them_is_silent() -> None:
    spoken = read()
    sound = decode(spoken.mp3)
    spans = word_spans(TEXT, spoken)
    for word, start, end in spans:
        heard = loudness(sound, start, end)
        assert (heard < 0.002) if word in {"—", "🦊"} else (heard > 0.02), word
    for (_, _, end), (_, start, _) in pairwise(spans):
        if start - end > 0.08:
            assert loudness(sound, end + 0.01, start - 0.01) < 0.002


def test_the_first_word_begins_where_the_times_say_after_decoding() -> None:
    spoken = read("Fox.")
    sound = decode(spoken.mp3)
    first = np.flatnonzero(np.abs(sound) > 0.01)[0] / RATE
    assert first == pytest.approx(spoken.starts[0], abs=0.015)


def test_the_sound_ends_soon_after_the_last_word() -> None:
    spoken = read()
    assert 0.05 < len(decode(spoken.mp3)) / RATE - spoken.ends[-1] < 0.25


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
        speak_now("Fox.", voice_id="narrator", settings={}, engine="gramophone")


@pytest.mark.parametrize("text", ["—", "🦊", "日本語 мир", "a\0b", "\ud83e x", "x" * 3000, "[[x]] <break/> &amp;"])
def test_odd_texts_are_read_without_an_error(text: str) -> None:
    spoken = read(text)
    assert len(spoken.starts) == len(text)
    assert len(decode(spoken.mp3)) > 0


def test_two_voices_do_not_sound_alike() -> None:
    mp3s = [speak_now("Mira laughed.", voice_id=voice, settings={}, engine="espeak").mp3 for voice in ("ann", "bob")]
    one_pitch, other_pitch = (strongest(decode(mp3)) for mp3 in mp3s)
    assert abs(one_pitch - other_pitch) > 1


def strongest(sound: npt.NDArray[np.float32]) -> float:
    """The loudest frequency in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(sound, RATE * 2)))) / 2


async def test_speaking_leaves_the_event_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, reading, go_on = threading.get_ident(), asyncio.Event(), threading.Event()
    here = asyncio.get_running_loop()

    def wait_to_be_let(*arguments: object, **named: object) -> Spoken:
        assert threading.get_ident() != loop
        here.call_soon_threadsafe(reading.set)
        go_on.wait()
        return Spoken(b"", [], [], [])

    monkeypatch.setattr(speaking, "speak_now", wait_to_be_let)
    task = asyncio.create_task(speak("Fox.", voice_id="narrator", settings={}, engine="espeak"))
    await reading.wait()  # reached only if the loop still turns
    go_on.set()
    assert (await task).mp3 == b""


async def test_many_readings_at_once_do_not_mix() -> None:
    texts = [f"Fox number {number} ran." for number in range(6)]
    at_once = await asyncio.gather(*(speak(t, voice_id="narrator", settings={}, engine="espeak") for t in texts))
    for text, spoken in zip(texts, at_once, strict=True):
        assert "".join(spoken.characters) == text
        alone = speak_now(text, voice_id="narrator", settings={}, engine="espeak")
        assert spoken.ends[-1] == pytest.approx(alone.ends[-1], abs=0.02)


def test_another_seed_is_another_reading_of_the_same_words() -> None:
    ends = [speak_now(TEXT, voice_id="narrator", settings={}, engine="espeak", seed=seed).ends[-1] for seed in range(4)]
    assert len(set(ends)) == 4
    assert max(ends) / min(ends) < 1.1
