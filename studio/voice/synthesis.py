"""Reading a text aloud, with the time of every character."""

import threading
from collections.abc import Mapping

import numpy as np

from studio.backends import Speech
from studio.voice import encoding
from studio.voice.engine import SILENT_WORD, Engine, Samples, VoiceParameters
from studio.voice.languages import ENGLISH, hear_language
from studio.voice.segmentation import Span, Word, group_phrases, split_words, time_characters

LEAD = 0.05  # seconds before the first word; longer than the encoder's delay
TAIL = 0.1  # seconds after the last word
_loading = threading.Lock()  # espeak-ng keeps its state in globals: a second start would spoil the first


def synthesise(
    text: str, *, voice_id: str, settings: Mapping[str, float], engine: str = "piper", seed: int = 0
) -> Speech:
    """Read `text` aloud in its language. With Piper, which knows English alone, the same arguments give the same bytes.

    `settings` are ElevenLabs' voice settings; `speed` (0.7–1.2) and `stability` (0–1) are honoured.
    ValueError: no text, an unknown engine, a setting out of range.
    """
    words = split_words(text)
    if not words:
        raise ValueError("there is nothing to read: the text is empty")
    language = hear_language(text)
    parameters = VoiceParameters.of(voice_id, settings, seed, language)
    # Piper's one voice has learned English alone.
    able = choose_engine(engine if language == ENGLISH or engine != "piper" else "espeak")
    samples, spans = _read(words, able, parameters)
    times = time_characters(text, words, spans, len(samples) / encoding.RATE)
    return Speech(
        mp3=encoding.encode_mp3(samples[round(encoding.DELAY * encoding.RATE) :]),
        characters=list(text),
        starts=[round(start, 4) for start, _ in times],
        ends=[round(end, 4) for _, end in times],
    )


def choose_engine(name: str) -> Engine:
    """The engine of that name, made once a process, whichever thread asks first. Raises ValueError for another name."""
    with _loading:
        # Imported when chosen: Piper and its runtime take seconds and 100 MB that espeak does not need.
        match name:
            case "piper":
                from studio.voice.piper import piper  # noqa: PLC0415

                return piper()
            case "espeak":
                from studio.voice.espeak import espeak  # noqa: PLC0415

                return espeak()
            case _:
                raise ValueError(f"there is no voice engine {name!r}: piper and espeak are known")


def _read(words: list[Word], engine: Engine, parameters: VoiceParameters) -> tuple[Samples, list[Span]]:
    """The samples at 44.1 kHz and each word's span in seconds."""
    parts = [_silence(LEAD)]
    spans: list[Span] = []
    for phrase in group_phrases(words):
        at = sum(map(len, parts)) / encoding.RATE
        if phrase[0].core:
            said = engine.synthesise(phrase, parameters)
            parts.append(encoding.resample(said.samples, said.rate))
            spans += [(at + start, at + end) for start, end in said.spans]
        else:
            parts.append(_silence(SILENT_WORD))
            spans.append((at, at + SILENT_WORD))
        parts.append(_silence(phrase[-1].pause / parameters.speed))
    parts[-1] = _silence(TAIL)
    return np.concatenate(parts), spans


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * encoding.RATE), dtype=np.float32)
