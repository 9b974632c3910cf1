"""espeak-ng through ctypes: a plain voice, some 800 times faster than speech, for tests.

Each word is synthesised by itself. espeak's WORD events would give times inside a sentence, but it runs pairs such as
"in the" together and reports only the first of them. Its wave generator runs on from word to word and cannot be
reset, so two readings differ by a few samples.
"""

import ctypes
import threading
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from random import Random
from typing import Any

import espeakng_loader
import numpy as np

from studio.voice.engine import SILENT_WORD, Samples, Utterance, VoiceParameters
from studio.voice.languages import ENGLISH, voice_for
from studio.voice.segmentation import Span, Word

# Values of speak_lib.h, espeak-ng 1.52.
_SYNCHRONOUS, _CHARS_UTF8, _RATE, _PITCH = 2, 1, 1, 3
_WORDS_A_MINUTE = 145
_AUDIBLE = 0.002  # of full scale
_BREATH = 0.03  # seconds between two words
_SWAY = (0.9, 1.1)  # times a rest's length
_LONGEST_WORD = 200  # characters; nobody listens longer

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The library, once a process: it is not thread-safe, so one phrase is said at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[Samples] = []
        self._library: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
        if rate <= 0:
            raise RuntimeError(f"espeak-ng did not start (code {rate})")
        self.rate = int(rate)
        self._callback = _Callback(self._hear)  # kept: the library holds a bare pointer to it
        self._library.espeak_SetSynthCallback(self._callback)
        # Speaking after a refused voice ends in a segmentation fault, so the code is never ignored.
        self._voice = ""
        self._speak_as(ENGLISH)

    def synthesise(self, phrase: Sequence[Word], parameters: VoiceParameters) -> Utterance:
        """Say the words one by one; a word that espeak has no sound for is a short silence."""
        with self._lock:
            said = [self._say(word.core, voice_for(word.core, parameters.language), parameters) for word in phrase]
        return _lay_out(phrase, said, self.rate, parameters)

    def _speak_as(self, voice: str) -> None:
        if voice != self._voice:
            self._do("SetVoiceByName", voice.encode())
            self._voice = voice

    def _say(self, core: str, voice: str, parameters: VoiceParameters) -> Samples:
        self._speak_as(voice)  # a new voice begins with its own rate and pitch
        self._do("SetParameter", _RATE, round(_WORDS_A_MINUTE * parameters.speed), 0)
        self._do("SetParameter", _PITCH, _pitch(parameters.voice_id), 0)
        self._heard.clear()
        text = core[:_LONGEST_WORD].encode()
        self._do("Synth", text, len(text) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        self._do("Synchronize")
        samples = np.concatenate(self._heard) if self._heard else np.zeros(0, dtype=np.float32)
        audible = np.flatnonzero(np.abs(samples) > _AUDIBLE)
        if not len(audible):
            return np.zeros(round(SILENT_WORD * self.rate), dtype=np.float32)
        return samples[audible[0] : audible[-1] + 1]

    def _hear(self, wave: Any, count: int, _events: Any) -> int:
        if wave and count:
            self._heard.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / np.float32(32768))
        return 0

    def _do(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, f"espeak_{name}")(*arguments)
        if code != 0:
            raise RuntimeError(f"espeak_{name} answered {code}")


@cache
def espeak() -> Espeak:
    """The process's one espeak-ng."""
    return Espeak()


def _pitch(voice_id: str) -> int:
    """Each voice id has its own pitch, 40–60 on espeak's scale of 100."""
    return 40 + blake2b(voice_id.encode(), digest_size=1).digest()[0] % 21


def _lay_out(phrase: Sequence[Word], said: Sequence[Samples], rate: int, parameters: VoiceParameters) -> Utterance:
    spans: list[Span] = []
    parts: list[Samples] = []
    at = 0
    # It has no chance of its own: another seed is another reading by how long it rests between words.
    rests = Random(f"{parameters.seed} {phrase[0].text}")
    for position, (word, samples) in enumerate(zip(phrase, said, strict=True)):
        spans.append((at / rate, (at + len(samples)) / rate))
        last = position == len(phrase) - 1
        rest = max(word.pause, _BREATH) / parameters.speed * rests.uniform(*_SWAY)
        gap = np.zeros(0 if last else round(rest * rate), dtype=np.float32)
        parts += [samples, gap]
        at += len(samples) + len(gap)
    return Utterance(np.concatenate(parts), rate, spans)
