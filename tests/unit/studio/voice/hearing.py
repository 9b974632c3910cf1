"""How the voice's tests listen."""

import io

import av
import numpy as np
import numpy.typing as npt

from studio.voice.encoding import RATE


def decode(mp3: bytes) -> npt.NDArray[np.float32]:
    """The MP3's samples in -1…1, mono at 44.1 kHz."""
    with av.open(io.BytesIO(mp3), "r") as container:
        [stream] = container.streams.audio
        assert (stream.rate, stream.channels) == (RATE, 1)
        return np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(stream)]).astype(np.float32)


def loudness(sound: npt.NDArray[np.float32], start: float, end: float) -> float:
    """Root mean square between two times in seconds."""
    part = sound[round(start * RATE) : round(end * RATE)]
    return float(np.sqrt(np.mean(part**2)))
