"""How loud a recording is, and making it as loud as narration should be. By libav's filters, on 44.1 kHz mono samples.

Loudness is measured as ITU-R BS.1770 and EBU R 128 have it: integrated, gated, in LUFS (dB that a listener hears); the
true peak is that of the wave between the samples, in dB of full scale.
"""

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.error import BlockingIOError as NothingYetError
from av.error import EOFError as DrainedError
from av.filter import Graph

from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE

TARGET = -19.0
"""LUFS: what podcasts and talking books in mono are mixed to (AES TD1008 and Apple have -16 for stereo, which a mono
file of -19 sounds like)."""
CEILING = -2.0
"""dB of true peak before it is encoded; what MP3 adds stays under the -1 dB that players are promised."""
MAX_GAIN = 24.0
"""dB by which a recording is made louder at most: what is quieter still is hardly a voice, and its noise would roar."""
_OVERSAMPLED = 4 * SAMPLE_RATE
_STEP = SAMPLE_RATE  # samples a frame: a second
_TENTH = SAMPLE_RATE // 10
_UNHEARD = -70.0  # LUFS: EBU R 128's absolute gate; what has no louder moment has no loudness


@dataclass(frozen=True, slots=True)
class Loudness:
    """``integrated`` in LUFS, None where nothing is loud enough to be measured; ``peak`` in dB, -inf in silence."""

    integrated: float | None
    peak: float


def measure_loudness(samples: "array[int]") -> Loudness:
    """Measure, some 25 ms for each second of sound. Nothing shorter than 0.4 seconds has a loudness (BS.1770)."""
    last: dict[str, str] = {}
    # Whole tenths of a second are measured: with one of silence after it the last of the sound is in them, too.
    for frame in _run(samples + array("h", bytes(2 * _TENTH)), ("ebur128", "peak=true:metadata=1:framelog=quiet")):
        last = frame.metadata or last
    integrated, peak = float(last.get("lavfi.r128.I", _UNHEARD)), float(last.get("lavfi.r128.true_peak", 0))
    return Loudness(integrated if integrated > _UNHEARD else None, 20 * math.log10(peak) if peak > 0 else -math.inf)


def level(samples: "array[int]") -> "array[int]":
    """The same sound, as many samples, at the loudness of a narration; peaks that would be too high are rounded off."""
    found = measure_loudness(samples)
    if found.integrated is None:
        return samples
    gain = min(TARGET - found.integrated, MAX_GAIN)
    filters = [("volume", f"volume={gain:.3f}dB:precision=float")]
    if found.peak + gain > CEILING:
        # At four times the rate the samples are as high as the wave between them.
        ceiling = 10 ** (CEILING / 20)
        filters += [
            ("aresample", f"{_OVERSAMPLED}"),
            ("alimiter", f"limit={ceiling:.4f}:attack=5:release=50:level=false:latency=true"),
            ("aresample", f"{SAMPLE_RATE}"),
        ]
    levelled = array("h")
    for frame in _run(samples, *filters, ("aformat", "sample_fmts=s16:channel_layouts=mono")):
        levelled.frombytes(bytes(frame.planes[0])[: frame.samples * 2])
    # Rates that are changed there and back leave or take a few samples at the end: words are timed by their number.
    levelled.extend([0] * (len(samples) - len(levelled)))
    return levelled[: len(samples)]


def _run(samples: "array[int]", *filters: tuple[str, str]) -> Iterator[av.AudioFrame]:
    """What comes out of a row of filters."""
    graph = Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="s16", layout="mono")
    graph.link_nodes(source, *(graph.add(name, settings) for name, settings in filters), graph.add("abuffersink"))
    graph.configure()
    for first in range(0, len(samples), _STEP):
        part = samples[first : first + _STEP]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(part))
        frame.rate, frame.pts = SAMPLE_RATE, first
        frame.planes[0].update(part.tobytes())
        graph.push(frame)
        yield from _pull(graph.pull)
    graph.push(None)
    yield from _pull(graph.pull)


def _pull(pull: "Callable[[], object]") -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = pull()
        except (NothingYetError, DrainedError):
            return
        assert isinstance(frame, av.AudioFrame), "only sound goes in"
        yield frame
