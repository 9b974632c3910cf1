"""Joins the scenes' recordings into one, with a pause between. Times are those of the decoded sound."""

import io
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import av

from services.audio.loudness import level
from services.audio.tags import CONTAINER, NO_TAGS, Tags
from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE, decode, find_sound
from storyloom.runtime.executors import run_in_thread

BIT_RATE = 128_000  # bits a second: mp3_44100_128
_TAIL_SECONDS = 0.1  # seconds after the last sample that is heard, in which it dies away
_FADE_SAMPLES = 441  # samples of that silence: a cut in the middle of a hum would click


@dataclass(frozen=True, slots=True)
class Piece:
    """One recording (MP3), and where its last word ends, in seconds."""

    mp3: bytes
    spoken: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The whole (MP3, 44.1 kHz, 128 kbit/s throughout, mono), its length, where each piece begins in it; seconds."""

    mp3: bytes
    seconds: float
    offsets: tuple[float, ...]


async def join(pieces: Sequence[Piece], *, pause: float, tags: Tags = NO_TAGS) -> Joined:
    """Join without holding up the event loop: libav releases the interpreter. ValueError as ``join_now``."""
    return await run_in_thread(join_now, pieces, pause=pause, tags=tags)


def join_now(pieces: Sequence[Piece], *, pause: float, tags: Tags = NO_TAGS) -> Joined:
    """Every sample of each piece but the silence around its end, then ``pause`` seconds of silence, not at the end.

    Each piece is as loud as a narration should be: readings of one voice come louder and quieter, and nobody wants to
    turn a knob between two scenes. ValueError if a piece cannot be decoded.
    """
    samples = array("h")
    offsets: list[float] = []
    for piece in pieces:
        if offsets:
            samples.extend(_silence(pause))
        offsets.append(len(samples) / SAMPLE_RATE)
        samples.extend(level(_trim(decode(piece.mp3), piece.spoken)))
    return Joined(_encode(samples, tags), len(samples) / SAMPLE_RATE, tuple(offsets))


def _trim(samples: "array[int]", spoken: float) -> "array[int]":
    """Cut the silence at the end, whatever the words' times say: only what was measured is known to be silent."""
    _, heard = find_sound(samples)
    kept = samples[: heard + round(_TAIL_SECONDS * SAMPLE_RATE)]
    for back in range(1, min(_FADE_SAMPLES, len(kept) - heard) + 1):
        kept[-back] = kept[-back] * (back - 1) // _FADE_SAMPLES
    # A word that ends later still ends before the next piece begins.
    kept.extend(_silence(spoken - len(kept) / SAMPLE_RATE))
    return kept


def _silence(seconds: float) -> "array[int]":
    return array("h", bytes(2 * max(0, round(seconds * SAMPLE_RATE))))


def _encode(samples: "array[int]", tags: Tags) -> bytes:
    """MP3 at a constant bit rate, in which players find a time by reckoning, with the header that tells them how many
    samples the encoder put before and after.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3", options=dict(CONTAINER)) as container:
        container.metadata.update(tags.entries())
        stream = container.add_stream(
            "libmp3lame", rate=SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE, options={"abr": "0"}
        )
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
