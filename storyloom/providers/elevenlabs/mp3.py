"""MP3 (mono, 44.1 kHz) decoded by libav, in a thread: it releases the interpreter."""

import io
from array import array

import av
from av.error import FFmpegError

from storyloom.runtime.executors import run_in_thread

SAMPLE_RATE = 44_100
"""Hz, of all recordings: the mp3_44100_128 that is asked for."""


async def measure(mp3: bytes) -> float:
    """The decoded length in seconds. ValueError if it cannot be decoded."""
    return await run_in_thread(lambda: len(decode(mp3)) / SAMPLE_RATE)


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
