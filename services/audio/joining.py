"""Joins the scenes' recordings into one, with a pause between. Times are those of the decoded sound."""

import io
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import av

from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE, decode
from storyloom.runtime.executors import run_in_thread

BIT_RATE = 128_000  # bits a second: mp3_44100_128
_TAIL_SECONDS = 0.2  # seconds after the last word in which it may still sound
_SILENCE_THRESHOLD = 104  # of 32768: -50 dB
_FADE_SAMPLES = 441  # samples: a cut in the middle of a sound would click


@dataclass(frozen=True, slots=True)
class Piece:
    """One recording (MP3), and where its last word ends, in seconds."""

    mp3: bytes
    spoken: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The whole (MP3, 44.1 kHz, 128 kbit/s, mono), its length, and where each piece begins in it, in seconds."""

    mp3: bytes
    seconds: float
    offsets: tuple[float, ...]


async def join(pieces: Sequence[Piece], *, pause: float) -> Joined:
    """Join without holding up the event loop: libav releases the interpreter. ValueError as ``join_now``."""
    return await run_in_thread(join_now, pieces, pause=pause)


def join_now(pieces: Sequence[Piece], *, pause: float) -> Joined:
    """Each piece up to where its last word has died away, then ``pause`` seconds of silence, but not at the end.

    ValueError if a piece cannot be decoded.
    """
    samples = array("h")
    offsets: list[float] = []
    for piece in pieces:
        if offsets:
            samples.extend(_silence(pause))
        offsets.append(len(samples) / SAMPLE_RATE)
        samples.extend(_trim(decode(piece.mp3), piece.spoken))
    return Joined(_encode(samples), len(samples) / SAMPLE_RATE, tuple(offsets))


def _trim(samples: "array[int]", spoken: float) -> "array[int]":
    """Cut the silence after the last word; a word that goes on for too long is faded out."""
    least = round(spoken * SAMPLE_RATE)
    last = min(len(samples), least + round(_TAIL_SECONDS * SAMPLE_RATE))
    while last > least and abs(samples[last - 1]) < _SILENCE_THRESHOLD:
        last -= 1
    kept = samples[:last]
    kept.extend(_silence((least - len(kept)) / SAMPLE_RATE))
    for back in range(1, min(_FADE_SAMPLES, len(kept)) + 1):
        kept[-back] = kept[-back] * (back - 1) // _FADE_SAMPLES
    return kept


def _silence(seconds: float) -> "array[int]":
    return array("h", bytes(2 * max(0, round(seconds * SAMPLE_RATE))))


def _encode(samples: "array[int]") -> bytes:
    """MP3 with the tag that tells players how many samples the encoder put before and after."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE)
        step = 60 * SAMPLE_RATE
        for first in range(0, len(samples), step):
            part = samples[first : first + step]
            frame = av.AudioFrame(format="s16p", layout="mono", samples=len(part))
            frame.rate = SAMPLE_RATE
            frame.pts = first
            frame.planes[0].update(part.tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
