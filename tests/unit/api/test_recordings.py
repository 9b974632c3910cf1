"""The narration as it is kept: another tag, with the cover, before the same sound."""

import io
from functools import cache

import av
import numpy as np
import pytest
import soundfile
from av.stream import Disposition
from PIL import Image

from client.receipts import as_stored
from services.api.reading.recordings import (
    MAX_COVER_BYTES,
    MAX_STORED_TAG_BYTES,
    NO_FRONT,
    STORED_TAG,
    front,
    tag_bytes,
    to_jpeg,
)
from services.audio.joining import Piece, join_now
from services.audio.tags import NO_TAGS, Tags
from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE, decode
from studio.voice.encoding import encode_mp3

TITLES = [("Mira’s Lantern", "en", "eng"), ("Zoë und der Bär 🦊", "de-CH", "deu"), ("مصباح نور", "ar", "ara")]


@cache
def stored(tags: Tags = NO_TAGS) -> bytes:
    """A narration as the voice's service stores it: two seconds of a tone."""
    tone = np.sin(np.arange(2 * SAMPLE_RATE) * 2 * np.pi * 440 / SAMPLE_RATE) / 2
    return join_now([Piece(encode_mp3(tone.astype(np.float32)), 2.0)], pause=0, tags=tags).mp3


@cache
def painting(mode: str = "RGB", *, noise: bool = False) -> bytes:
    """A cover, as PNG."""
    size, random, out = (1024, 1024), np.random.default_rng(7), io.BytesIO()
    pixels = random.choice(np.array([0, 255], dtype=np.uint8), (*size, 3))
    picture = Image.fromarray(pixels) if noise else Image.linear_gradient("L").resize(size)
    picture.convert(mode).save(out, "PNG", compress_level=1)
    return out.getvalue()


def tagged(mp3: bytes, title: str | None = "Mira’s Lantern", language: str = "en") -> bytes:
    before = front(mp3[:MAX_STORED_TAG_BYTES], to_jpeg(painting()), title, language)
    return before.data + mp3[before.skip :]


@pytest.mark.parametrize(("title", "language", "letters"), TITLES)
def test_a_player_finds_title_language_artist_and_the_cover(title: str, language: str, letters: str) -> None:
    """As libav reads it: the picture is an attached one, and the front cover."""
    kept = tagged(stored(Tags(title, language)), title, language)
    with av.open(io.BytesIO(kept), "r", format="mp3") as container:
        found = {name: container.metadata.get(name) for name in ("title", "artist", "language", "encoder")}
        assert found == {"title": title, "artist": "Storyloom", "language": letters, "encoder": None}
        (picture,) = container.streams.video
        assert Disposition.attached_pic in picture.disposition
        assert picture.metadata["comment"] == "Cover (front)"
        assert (picture.codec_context.name, picture.width, picture.height) == ("mjpeg", 1000, 1000)
        jpeg = bytes(next(container.demux(picture)))
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as cover:
        cover.load()
        assert cover.size == (1000, 1000)


@pytest.mark.parametrize("tags", [NO_TAGS, Tags("Mira’s Lantern", "de")])
def test_the_sound_is_the_stored_one_sample_by_sample(tags: Tags) -> None:
    """With two decoders: the times of words count from the first sample."""
    mp3 = stored(tags)
    kept = tagged(mp3)
    assert kept != mp3
    assert decode(kept) == decode(mp3)
    heard, _ = soundfile.read(io.BytesIO(kept), dtype="int16")
    wanted, rate = soundfile.read(io.BytesIO(mp3), dtype="int16")
    assert rate == SAMPLE_RATE
    assert np.array_equal(heard, wanted)
    assert np.abs(wanted).max() > 1000


@pytest.mark.parametrize("tags", [NO_TAGS, Tags("Mira’s Lantern", "de")])
def test_a_receipts_hash_can_be_compared(tags: Tags) -> None:
    """The client finds the stored file again, and no other one where a byte of the sound is another."""
    mp3 = stored(tags)
    assert as_stored(tagged(mp3)) == as_stored(mp3) == mp3
    bare = mp3[tag_bytes(mp3) :]
    assert as_stored(tagged(bare)) == bare
    changed = bytearray(tagged(mp3))
    changed[-1] ^= 1
    assert as_stored(bytes(changed)) != mp3


@pytest.mark.parametrize("cut", [0, 9, 10, 12, 40, 300])
def test_a_file_that_was_cut_off_is_compared_as_it_is(cut: int) -> None:
    assert as_stored(tagged(stored())[:cut]) == tagged(stored())[:cut]


def test_a_recording_without_a_title_has_a_cover_all_the_same() -> None:
    with av.open(io.BytesIO(tagged(stored(), title=None)), "r", format="mp3") as container:
        assert "title" not in container.metadata
        assert container.streams.video


def test_there_is_one_tag_and_the_stored_one_is_inside_of_it() -> None:
    mp3 = stored(Tags("Mira’s Lantern", "de"))
    kept = tagged(mp3)
    end = tag_bytes(kept)
    assert kept[end:] == mp3[tag_bytes(mp3) :]
    assert kept[end] == 0xFF
    assert kept[:end].endswith(STORED_TAG + mp3[: tag_bytes(mp3)])


def test_a_recording_whose_own_tag_is_long_stays_as_it_is() -> None:
    """Its end would not be known."""
    mp3 = stored(Tags("x" * MAX_STORED_TAG_BYTES))
    assert front(mp3[:MAX_STORED_TAG_BYTES], b"cover", "x", "en") == NO_FRONT


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_cover_is_small_whatever_was_painted(mode: str, noise: bool) -> None:
    jpeg = to_jpeg(painting(mode, noise=noise))
    assert len(jpeg) <= MAX_COVER_BYTES
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as cover:
        assert cover.mode == "RGB"
        assert cover.width == cover.height >= 350


def test_what_is_no_picture_is_refused() -> None:
    large = io.BytesIO()
    Image.new("1", (5000, 4000)).save(large, "PNG")
    for data in (b"", b"png", painting()[:5000], large.getvalue()):
        with pytest.raises(ValueError, match=r"Error|megapixels"):
            to_jpeg(data)


def test_an_etag_is_that_of_the_bytes() -> None:
    head, stored_object = stored()[:MAX_STORED_TAG_BYTES], {"sha256": "ab" * 32}
    one, other = (front(head, cover, "Mira", "en").etag(stored_object) for cover in (b"one", b"other"))
    assert len({one, other, NO_FRONT.etag(stored_object)}) == 3
    assert NO_FRONT.etag(stored_object) == f'"{"ab" * 16}"'
