"""Piper's own promises: word times that are the sound's, and the same reading twice."""

import re

import numpy as np
import pytest

from studio.backends import Speech
from studio.voice.encoding import RATE
from studio.voice.onnx_patch import expose_noise_and_durations
from studio.voice.piper import piper
from studio.voice.segmentation import split_words
from studio.voice.synthesis import synthesise
from tests.unit.studio.voice.hearing import decode, loudness

TEXT = "“Who is it?”\nasked the fox — 🦊 far away."


def read(text: str = TEXT, seed: int = 1, **settings: float) -> Speech:
    return synthesise(text, voice_id="narrator", settings=settings, engine="piper", seed=seed)


def test_piper_times_each_word_by_its_sound() -> None:
    speech = read()
    sound = decode(speech.mp3)
    assert speech.characters == list(TEXT)
    spans = [(m.group(), speech.starts[m.start()], speech.ends[m.end() - 1]) for m in re.finditer(r"\S+", TEXT)]
    assert [start for _, start, _ in spans] == sorted(start for _, start, _ in spans)
    words = [loudness(sound, start, end) for word, start, end in spans if re.search(r"\w", word)]
    silent = [loudness(sound, start, end) for word, start, end in spans if not re.search(r"\w", word)]
    question = next(at for at, span in enumerate(spans) if span[0] == "it?”")
    pause = loudness(sound, spans[question][2] + 0.1, spans[question + 1][1] - 0.05)
    assert np.mean(words) > 0.03
    assert max(pause, *silent) < np.mean(words) / 10


def test_piper_ends_soon_after_the_last_word() -> None:
    speech = read("Home at last.")
    assert 0.05 < len(decode(speech.mp3)) / RATE - speech.ends[-1] < 0.5


def test_the_same_request_gives_the_same_reading_and_another_seed_another() -> None:
    assert read("Hello, Moss.") == read("Hello, Moss.")
    assert read("Hello, Moss.") != read("Hello, Moss.", seed=2)


def test_piper_reads_slower_and_faster() -> None:
    slow, fast = (read("The fox ran over the hill.", speed=speed).ends[-1] for speed in (0.7, 1.2))
    assert slow / fast == pytest.approx(1.2 / 0.7, rel=0.12)


def test_small_words_are_said_as_inside_a_sentence() -> None:
    voice = piper()
    assert "".join(voice._phonemes("a")) == "ɐ"
    assert not set("ˈˌ") & set(voice._phonemes("in"))
    assert "ˈ" in voice._phonemes("fox")


def test_a_word_without_phonemes_is_silence_between_the_others() -> None:
    voice = piper()
    word = "\u0e4f"  # a Thai sign that no English voice reads
    assert [w.text for w in split_words(f"One {word} two.")] == ["One", word, "two."]
    assert voice._phonemes(word) == ()
    assert len(read(f"One {word} two.").starts) == len(f"One {word} two.")


@pytest.mark.parametrize(
    "text", ["a\0b", "\ud83e x", "[[x]] <break/>", "日本語 мир", "C3-PO’s 1,000", "…what?!", "x" * 3000]
)
def test_piper_reads_odd_texts_without_an_error(text: str) -> None:
    speech = read(text)
    assert speech.characters == list(text)
    assert speech.ends[-1] > 0


@pytest.mark.parametrize("broken", [b"", b"not a model", b"\x3a\xff\xff\xff\x7f\x00", b"\x3a\x00"])
def test_a_file_that_is_no_piper_model_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="not a"):
        expose_noise_and_durations(broken)
