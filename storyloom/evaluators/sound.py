"""The narration: whether its words are said when they are said to be, and how loud it is.

Words are looked for twice. The energy of the sound shows where a voice begins after a pause, in any language. For
English, PocketSphinx aligns the text with the sound by an acoustic model of its own.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from storyloom.evaluators.claims import Claim, Measure

TIMED = Measure(
    "words_timed",
    "A word is lit when it is spoken: where the voice begins after a pause, a word begins",
    "sound onsets",
    1,
    unit="s",
    at_most=0.08,
)
ALIGNED = Measure(
    "words_aligned",
    "A word is lit when it is spoken: 95 of 100, aligned with the sound, but for the aligner's own bias",
    "PocketSphinx",
    1,
    unit="s",
    at_most=0.15,
)
LOUDNESS = Measure(
    "loudness", "The narration is as loud as it should be", "ITU-R BS.1770-4", 1, unit="LUFS", at_least=-20, at_most=-18
)
PEAK = Measure("true_peak", "Nothing is overdriven", "ITU-R BS.1770-4, annex 2", 1, unit="dBTP", at_most=-1)

RATE = 16_000
"""Samples a second, for voices."""
FRAME = 160
"""10 ms of them."""
PAUSE_FRAMES = 15
"""After so much silence a voice begins anew."""
VOICE_DB = 32.0
"""A voice is at most so much below the loudest twentieth."""
NEAR_SECONDS = 0.4
"""A beginning that has no word so near says nothing of it."""
LEAST_ONSETS = 8
ALIGNER_BIAS_SECONDS = 0.1
"""PocketSphinx hears words begin about 50 ms early; a median beyond this is no bias of its own."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sound:
    """A decoded narration: as it is, and at RATE for what looks for voices. Mono, -1 to 1."""

    samples: Samples
    rate: int
    voice: Samples


def decode(mp3: bytes) -> Sound:
    """The sound of a file, decoded by libsndfile: the recording was made by libav. Raises soundfile.LibsndfileError or
    ValueError where it holds none.
    """
    channels, rate = soundfile.read(io.BytesIO(mp3), dtype="float32", always_2d=True)
    if not len(channels):
        raise ValueError("no sound")
    whole = channels.mean(axis=1)
    return Sound(whole, rate, soxr.resample(whole, rate, RATE))


def judge_sound(audio: Mapping[str, Any] | None, mp3: bytes | None, language: str) -> list[Claim]:
    """The claims of a narration: {words: [{txt, start, end}], …} and its file."""
    every = (TIMED, ALIGNED, LOUDNESS, PEAK)
    if audio is None or mp3 is None:
        return [one.not_checked("The story has no narration.") for one in every]
    try:
        sound = decode(mp3)
    except (soundfile.LibsndfileError, ValueError):
        return [one.judge(0, "The file cannot be decoded.", at_most=-1) for one in every]
    words = audio["words"]
    return [judge_onsets(sound, words), judge_alignment(sound, words, language), *judge_loudness(sound)]


def judge_onsets(sound: Sound, words: Sequence[Mapping[str, Any]]) -> Claim:
    """How far beginnings of the voice are from the words nearest to them: the worst quarter's median, in seconds."""
    starts = np.array([word["start"] for word in words])
    off = []
    for onset in onsets(sound.voice):
        nearest = float(starts[np.argmin(np.abs(starts - onset))])
        if abs(nearest - onset) <= NEAR_SECONDS:
            off.append(onset - nearest)
    if len(off) < LEAST_ONSETS:
        return TIMED.not_checked(f"Only {len(off)} pauses were heard: too few to tell.")
    medians = [float(np.median(quarter)) for quarter in np.array_split(np.array(off), 4)]
    worst = max(medians, key=abs)
    told = "after" if worst > 0 else "before"
    return TIMED.judge(
        abs(worst),
        f"{len(off)} beginnings; in the worst quarter of the story {abs(worst) * 1000:.0f} ms {told} the word.",
    )


def onsets(voice: Samples) -> list[float]:
    """Where a voice begins after a pause, in seconds."""
    frames = voice[: len(voice) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    heard = np.concatenate([[0], (level > np.percentile(level, 95) - VOICE_DB).astype(int), [0]])
    edges = np.flatnonzero(np.diff(heard))
    begins, ends = edges[::2], edges[1::2]
    first = [begins[0] * FRAME / RATE] if len(begins) else []
    after = [
        begin * FRAME / RATE for begin, end in zip(begins[1:], ends[:-1], strict=True) if begin - end >= PAUSE_FRAMES
    ]
    return [float(one) for one in first + after]


def judge_alignment(sound: Sound, words: Sequence[Mapping[str, Any]], language: str) -> Claim:
    """How far words are from where an aligner hears them begin: of 95 of 100, beyond the aligner's median."""
    if language.partition("-")[0] != "en":
        return ALIGNED.not_checked("The aligner knows English alone.")
    spoken = [(word["start"], said) for word in words if (said := _spelt(word["txt"]))]
    heard = align(sound.voice, [said for _, said in spoken])
    if heard is None:
        return ALIGNED.judge(1, "The words do not go with what is heard.")
    off = np.array(heard) - np.array([start for start, _ in spoken])
    median = float(np.median(off))
    spread = float(np.percentile(np.abs(off - median), 95))
    told = f"{len(off)} words, bias {median * 1000:+.0f} ms, of 95 in 100 within {spread * 1000:.0f} ms."
    return ALIGNED.judge(max(spread, abs(median) if abs(median) > ALIGNER_BIAS_SECONDS else 0), told)


def align(voice: Samples, said: Sequence[str]) -> list[float] | None:
    """Where each word begins, in seconds; None where the words do not go with the sound."""
    from pocketsphinx import Decoder  # noqa: PLC0415 - half a second, and English alone needs it

    decoder = Decoder(samprate=RATE, lm=None, loglevel="FATAL")
    for word in sorted(set(said)):
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, " ".join(_SOUNDS[letter] for letter in word if letter in _SOUNDS), True)
    decoder.set_align_text(" ".join(said))
    decoder.start_utt()
    decoder.process_raw((np.clip(voice, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return None
    heard = [part.start_frame / 100 for part in decoder.seg() if part.word[0] not in "<["]
    return heard if len(heard) == len(said) else None


# What letters mostly sound like, for words that no dictionary has: names.
_SOUNDS = {letter: letter.upper() for letter in "bdfgklmnprstvwyz"} | {
    "a": "AE",
    "c": "K",
    "e": "EH",
    "h": "HH",
    "i": "IH",
    "j": "JH",
    "o": "AO",
    "q": "K",
    "u": "AH",
    "x": "S",
}


@cache
def _spelt(txt: str) -> str:
    """A word as a dictionary has it; empty for what is no word of English."""
    plain = re.sub(r"[^a-z']", "", txt.lower().replace("’", "'")).strip("'")
    return plain if re.search("[a-z]", plain) else ""


def judge_loudness(sound: Sound) -> list[Claim]:
    """The whole file's loudness and true peak."""
    loud = loudness(sound.samples, sound.rate)
    peak = true_peak(sound.samples)
    if loud is None:
        return [LOUDNESS.judge(-70, "It is silent."), PEAK.judge(peak)]
    return [
        LOUDNESS.judge(loud, f"{loud:.1f} LUFS; {-19} is wanted."),
        PEAK.judge(peak, f"{peak:.1f} dB at the highest."),
    ]


def loudness(samples: Samples, rate: int) -> float | None:
    """Integrated loudness in LUFS (ITU-R BS.1770-4), of mono; None for silence."""
    power = _weighted(samples, rate) ** 2
    step, block = round(0.1 * rate), round(0.4 * rate)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    begins = np.arange(0, max(1, len(power) - block + 1), step)
    means = (sums[np.minimum(begins + block, len(power))] - sums[begins]) / block
    levels = -0.691 + 10 * np.log10(means + 1e-20)
    kept = means[levels > -70]
    if not len(kept):
        return None
    relative = -0.691 + 10 * np.log10(kept.mean()) - 10
    gated = means[levels > max(-70.0, relative)]
    return float(-0.691 + 10 * np.log10(gated.mean()))


def _weighted(samples: Samples, rate: int) -> NDArray[np.float64]:
    """K-weighted, by the filters of BS.1770-4 at any rate (De Man 2014, Evaluation of implementations of the loudness
    measurement algorithm), applied to the whole in the frequency domain.
    """
    length = len(samples) + rate  # room for what rings on
    spectrum = np.fft.rfft(samples.astype(np.float64), length)
    unit = np.exp(-2j * np.pi * np.arange(len(spectrum)) / length)
    k = np.tan(np.pi * 1681.974450955533 / rate)
    high, band, q = (
        10 ** (3.999843853973347 / 20),
        10 ** (3.999843853973347 / 20 * 0.4996667741545416),
        0.7071752369554196,
    )
    shelf = ((high + band * k / q + k**2) + 2 * (k**2 - high) * unit + (high - band * k / q + k**2) * unit**2) / (
        (1 + k / q + k**2) + 2 * (k**2 - 1) * unit + (1 - k / q + k**2) * unit**2
    )
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    low = 1 + k / q + k**2
    cut = (1 - 2 * unit + unit**2) / (1 + 2 * (k**2 - 1) / low * unit + (1 - k / q + k**2) / low * unit**2)
    return np.fft.irfft(spectrum * shelf * cut, length)[: len(samples)]


def true_peak(samples: Samples) -> float:
    """The highest level between the samples, in dBTP: four times as many samples where they are loud (BS.1770-4)."""
    size, highest = 8192, 1e-9
    loudest = float(np.abs(samples).max(initial=0))
    for begin in range(0, len(samples), size // 2):
        part = samples[begin : begin + size]
        if len(part) and float(np.abs(part).max()) > 0.7 * loudest:
            padded = np.pad(part.astype(np.float64), (0, size - len(part)))
            more = np.fft.irfft(np.fft.rfft(padded), 4 * size) * 4
            # Its ends ring, since they meet where nothing meets: another part has them in its middle.
            inside = more[256:-256] if len(part) == size else more[:-256]
            highest = max(highest, float(np.abs(inside).max()))
    return float(20 * np.log10(max(highest, loudest, 1e-9)))
