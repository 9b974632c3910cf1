"""Joined recordings, decoded: where each piece begins, how long the whole is, and silence between."""

import io
import re
from array import array
from functools import cache
from itertools import pairwise

import av
import numpy as np
import numpy.typing as npt
import pytest

from services.audio.joining import Joined, Piece, join, join_now
from services.audio.loudness import TARGET, level, measure_loudness
from services.audio.tags import Tags
from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE, find_sound, measure
from storyloom.providers.elevenlabs.mp3 import decode as decode_samples
from studio.voice.encoding import encode_mp3
from studio.voice.synthesis import synthesise

TEXTS = ("Who is it? asked the fox.", "Mira rolled home.", "And then they slept.", "Good night.")
PAUSE = 0.8


@cache
def pieces() -> list[Piece]:
    spoken = [synthesise(text, voice_id="narrator", settings={}, engine="espeak") for text in TEXTS]
    return [Piece(s.mp3, s.ends[-1]) for s in spoken]


@cache
def whole() -> Joined:
    return join_now(pieces(), pause=PAUSE)


def decode(mp3: bytes) -> npt.NDArray[np.float32]:
    with av.open(io.BytesIO(mp3), "r") as container:
        [stream] = container.streams.audio
        assert (stream.rate, stream.channels, stream.codec_context.name) == (SAMPLE_RATE, 1, "mp3float")
        return np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(stream)]).astype(np.float32)


def loudness(sound: npt.NDArray[np.float32], start: float, end: float) -> float:
    part = sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    return float(np.sqrt(np.mean(part**2)))


def test_each_piece_begins_where_its_offset_says() -> None:
    sound = decode(whole().mp3)
    for piece, offset in zip(pieces(), whole().offsets, strict=True):
        alone = decode(piece.mp3)[: round(piece.spoken * SAMPLE_RATE)]
        near = sound[max(0, round((offset - 0.02) * SAMPLE_RATE)) : round((offset + piece.spoken + 0.02) * SAMPLE_RATE)]
        lag = int(np.argmax(np.correlate(near, alone, mode="valid"))) / SAMPLE_RATE - min(offset, 0.02)
        assert abs(lag) < 0.002  # the same sound, at the same place


def test_the_pauses_between_the_pieces_are_silent_and_as_long_as_asked() -> None:
    sound = decode(whole().mp3)
    for piece, offset, after in zip(pieces(), whole().offsets, whole().offsets[1:], strict=False):
        spoken_end = offset + piece.spoken
        assert PAUSE - 0.001 <= after - spoken_end <= PAUSE + 0.25
        assert loudness(sound, after - PAUSE + 0.02, after - 0.02) < 0.001


def test_the_whole_is_as_long_as_it_says_and_ends_with_the_last_word() -> None:
    assert len(decode(whole().mp3)) / SAMPLE_RATE == pytest.approx(whole().seconds, abs=0.03)
    last_word = whole().offsets[-1] + pieces()[-1].spoken
    assert abs(whole().seconds - last_word) < 0.3


@pytest.mark.parametrize("share", [0.0, 0.5, 0.94, 1.0, 1.08])
def test_no_sample_that_is_heard_is_lost_whatever_the_times_say(share: float) -> None:
    """The voice's own samples, first to last, against those of the joined MP3."""
    for piece in pieces():
        alone, joined = decode(piece.mp3), join_now([Piece(piece.mp3, piece.spoken * share)], pause=PAUSE)
        heard = np.flatnonzero(np.abs(alone) >= 104 / 32768)
        sound = decode(joined.mp3)
        assert len(sound) >= heard[-1] + 1
        assert round(joined.seconds * SAMPLE_RATE) >= heard[-1] + 1
        end = slice(heard[-1] + 1 - SAMPLE_RATE // 4, heard[-1] + 1)
        louder = loudness_of(sound[: heard[-1] + 1]) / loudness_of(alone[: heard[-1] + 1])
        assert loudness_of(sound[end]) == pytest.approx(louder * loudness_of(alone[end]), rel=0.1)
        assert np.corrcoef(alone[: heard[-1] + 1], sound[: heard[-1] + 1])[0, 1] > 0.99


def test_only_silence_at_the_end_is_cut_and_missing_sound_is_made_up() -> None:
    [piece, *_] = pieces()
    quiet = av_silence(piece.mp3, seconds=2.0)
    assert join_now([Piece(quiet, 0.4)], pause=PAUSE).seconds == pytest.approx(piece.spoken, abs=0.15)
    longer = join_now([Piece(piece.mp3, piece.spoken + 1)], pause=PAUSE)
    assert longer.seconds == pytest.approx(piece.spoken + 1, abs=0.01)


def test_a_whisper_is_no_silence() -> None:
    """All of it is quieter than what counts as silence beside a voice at its usual loudness."""
    [piece, *_] = pieces()
    samples = array("h", (sample // 300 for sample in decode_samples(piece.mp3)))
    assert 10 < max(samples) < 104
    first, last = find_sound(samples)
    assert first / SAMPLE_RATE < 0.1
    assert last / SAMPLE_RATE == pytest.approx(piece.spoken, abs=0.1)
    assert find_sound(array("h", [0] * 10)) == (0, 10)


def av_silence(mp3: bytes, *, seconds: float) -> bytes:
    """The recording with silence after it."""
    samples = decode_samples(mp3)
    samples.extend([0] * round(seconds * SAMPLE_RATE))
    return encode_mp3((np.array(samples) / 32768).astype(np.float32))


def loudness_of(part: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(part**2)))


def test_the_bit_rate_is_what_was_agreed() -> None:
    with av.open(io.BytesIO(whole().mp3), "r") as container:
        assert container.streams.audio[0].codec_context.bit_rate == 128_000


def test_every_frame_has_the_same_bit_rate_so_that_players_find_their_place_by_reckoning() -> None:
    """The headers of ISO/IEC 11172-3, frame by frame: 144 bytes a bit of rate and sample, and a byte of padding."""
    mp3, frames = whole().mp3, 0
    at = 10 + sum(byte << shift for byte, shift in zip(mp3[6:10], (21, 14, 7, 0), strict=True))  # after the tags
    while at < len(mp3):
        assert mp3[at : at + 2] == b"\xff\xfb"  # MPEG-1, layer 3
        assert mp3[at + 2] >> 4 == 9  # 128 kbit/s
        at += 144 * 128_000 // SAMPLE_RATE + (mp3[at + 2] >> 1 & 1)
        frames += 1
    assert frames * 1152 / SAMPLE_RATE == pytest.approx(whole().seconds, abs=0.1)


@pytest.mark.parametrize("louder", [0.1, 1.0, 3.0])
def test_whatever_the_voice_sent_the_recording_is_as_loud_as_a_narration_and_no_peak_is_clipped(louder: float) -> None:
    """Measured on what comes out of the decoder, as a player plays it: -19 LUFS and at most -1 dB of true peak."""
    sent = [(np.clip(np.array(decode_samples(piece.mp3)) / 32768 * louder, -1, 1), piece.spoken) for piece in pieces()]
    joined = join_now([Piece(encode_mp3(sound.astype(np.float32)), spoken) for sound, spoken in sent], pause=PAUSE)
    heard = measure_loudness(decode_samples(joined.mp3))
    assert heard.integrated == pytest.approx(TARGET, abs=1)
    assert heard.peak <= -1
    scenes = [*joined.offsets, joined.seconds]
    for start, end in pairwise(scenes):
        scene = decode_samples(joined.mp3)[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        assert measure_loudness(scene).integrated == pytest.approx(TARGET, abs=1)


def test_levelling_moves_no_sample_and_leaves_silence_alone() -> None:
    sound = decode_samples(pieces()[0].mp3)
    levelled = level(sound)
    assert len(levelled) == len(sound)
    at = slice(SAMPLE_RATE // 2, len(sound) - SAMPLE_RATE // 2)
    lags = [np.corrcoef(sound[at], levelled[at.start + lag : at.stop + lag])[0, 1] for lag in range(-3, 4)]
    assert int(np.argmax(lags)) - 3 == 0
    silence = array("h", bytes(2 * SAMPLE_RATE))
    assert level(silence) == silence
    assert measure_loudness(silence).integrated is None


def test_the_recording_names_its_title_and_language() -> None:
    joined = join_now(pieces()[:1], pause=PAUSE, tags=Tags("Zoë and the Löwe", "de-AT"))
    assert joined.seconds == join_now(pieces()[:1], pause=PAUSE).seconds
    with av.open(io.BytesIO(joined.mp3), "r") as container:
        assert (container.metadata["title"], container.metadata["language"]) == ("Zoë and the Löwe", "deu")
    assert len(decode_samples(joined.mp3)) / SAMPLE_RATE == pytest.approx(joined.seconds, abs=0.03)


async def test_joining_in_a_thread_gives_the_same() -> None:
    assert await join(pieces(), pause=PAUSE) == whole()


async def test_a_recording_is_measured_by_decoding_it() -> None:
    for piece in pieces():
        sound = await measure(piece.mp3)
        assert sound.seconds == pytest.approx(len(decode(piece.mp3)) / SAMPLE_RATE)
        assert (sound.first, sound.last) == pytest.approx((0.05, piece.spoken), abs=0.01)


@pytest.mark.parametrize("broken", [b"", b"not an mp3", b"\xff\xfb\x90\x00", b"\0" * 5000, bytes(range(256)) * 40])
async def test_what_is_no_mp3_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match=re.compile("MP3")):
        await measure(broken)


async def test_an_mp3_that_was_cut_off_is_still_decoded_as_far_as_it_goes() -> None:
    [piece, *_] = pieces()
    assert 0 < (await measure(piece.mp3[: len(piece.mp3) // 2])).seconds < piece.spoken
