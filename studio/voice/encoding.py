"""From samples to MP3: resampling and LAME."""

import lameenc
import numpy as np

from studio.voice.engine import Samples

RATE = 44_100  # Hz
BIT_RATE = 128  # kbit/s
# LAME's own 576 samples and the 529 every decoder adds (LAME's tech FAQ). Without a gapless tag,
# which lameenc does not write, players hear this much silence before the first sample.
DELAY = 1105 / RATE  # seconds


def resample(samples: Samples, rate: int) -> Samples:
    """Band-limited change of rate to 44.1 kHz, by zero padding the spectrum."""
    if not len(samples):
        return samples
    seconds = -(-len(samples) // rate)  # whole seconds keep the FFT's sizes round, hence fast
    padded = np.zeros(seconds * rate, dtype=np.float32)
    padded[: len(samples)] = samples
    spectrum = np.fft.rfft(padded)
    wide = np.zeros(seconds * RATE // 2 + 1, dtype=spectrum.dtype)
    kept = min(len(spectrum), len(wide))
    wide[:kept] = spectrum[:kept]
    stretched = np.fft.irfft(wide, seconds * RATE) * (RATE / rate)
    return stretched[: round(len(samples) * RATE / rate)].astype(np.float32)


def encode_mp3(samples: Samples) -> bytes:
    """Mono MP3, 44.1 kHz, 128 kbit/s, of samples in -1…1; louder ones are clipped."""
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_bit_rate(BIT_RATE)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(5)  # 2 is finest, 7 fastest
    pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    return bytes(encoder.encode(pcm.tobytes()) + encoder.flush())
