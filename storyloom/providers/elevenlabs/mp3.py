"""MP3 (mono, 44.1 kHz) decoded by libav, in a thread: it releases the interpreter."""

import io
from array import array
from dataclasses import dataclass

import av
from av.error import FFmpegError

from storyloom.runtime.executors import run_in_thread

SAMPLE_RATE = 44_100
"""Hz, of all recordings: the mp3_44100_128 that is asked for."""


_SILENCE = 104
"""Of 32768: -50 dB. What is quieter than this, and than a hundredth of the loudest sample, is silence."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A decoded recording, in seconds: its length, and when it is first and last heard."""

    seconds: float
    first: float
    last: float


async def measure(mp3: bytes) -> Sound:
    """Decode and look. ValueError if it cannot be decoded."""
    return await run_in_thread(lambda: _measure(decode(mp3)))


def _measure(samples: "array[int]") -> Sound:
    first, last = find_sound(samples)
    return Sound(len(samples) / SAMPLE_RATE, first / SAMPLE_RATE, last / SAMPLE_RATE)


def find_sound(samples: "array[int]") -> tuple[int, int]:
    """The places of the first sample that is heard, and after the last; all of them where none is.

    A quiet voice is measured by its own loudness: a whisper is not silence.
    """
    threshold = max(1, min(_SILENCE, max(max(samples, default=0), -min(samples, default=0)) // 100))
    heard = (place for place, sample in enumerate(samples) if abs(sample) >= threshold)
    first = next(heard, None)
    if first is None:
        return 0, len(samples)
    last = len(samples)
    while abs(samples[last - 1]) < threshold:
        last -= 1
    return first, last


def decode(mp3: bytes) -> "array[int]":
    """The samples: mono, 16 bits, 44.1 kHz. An encoder's delay, where the file names it, is taken off by libav."""
    samples = array("h")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    try:
        with av.open(io.BytesIO(mp3), "r", format="mp3") as container:
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    samples.frombytes(bytes(part.planes[0])[: part.samples * 2])
            for part in resampler.resample(None):
                samples.frombytes(bytes(part.planes[0])[: part.samples * 2])
    except (FFmpegError, IndexError) as error:
        raise ValueError("this is not a readable MP3") from error
    if not samples:
        raise ValueError("this MP3 holds no sound")
    return samples
