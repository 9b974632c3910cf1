"""Whole pictures: rendered, painted, and read back."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from studio.painting import watercolour
from studio.painting.metadata import LONGEST, build_chunk, read_metadata
from studio.painting.picture import compose, draw
from tests.unit.studio.painting.prompts import PORTRAIT, hero, scene

SMALL = (96, 96)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_the_same_order_is_the_same_picture() -> None:
    first, second = (draw(scene(companion="a fox"), size=SMALL, seed=7) for _ in range(2))
    assert first == second
    assert draw(scene(companion="a fox"), size=SMALL, seed=8).png != first.png


@pytest.mark.parametrize("size", [(96, 96), (64, 96), (120, 80)])
def test_a_picture_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    drawing = draw(scene(), size=size, seed=1)
    assert (Image.open(io.BytesIO(drawing.png)).size, drawing.drawn["size"]) == (size, list(size))


@pytest.mark.parametrize("size", [(0, -5), (1, 16)])
def test_a_size_without_sense_is_clamped(size: tuple[int, int]) -> None:
    assert Image.open(io.BytesIO(draw("", size=size, seed=1).png)).size == (16, 16)


def test_what_was_drawn_is_read_back_from_the_picture() -> None:
    drawing = draw(scene(props="lantern"), size=SMALL, seed=3)
    assert read_metadata(drawing.png) == drawing.drawn


def test_the_hero_of_the_portrait_is_the_hero_of_the_scene() -> None:
    portrait = draw(PORTRAIT, size=SMALL, seed=1)
    picture = draw(scene("Hero: a robot child\nSkin: #ffffff"), size=SMALL, seed=2, reference=portrait.png)
    assert picture.drawn["heroes"] == portrait.drawn["heroes"]
    assert portrait.drawn["heroes"][0]["features"] == ["manual wheelchair", "round blue glasses"]
    assert portrait.drawn["setting"] == "plain"


def test_what_is_missed_is_missed_even_if_the_reference_has_it() -> None:
    portrait = draw(PORTRAIT, size=SMALL, seed=1)
    picture = draw(PORTRAIT, size=SMALL, seed=1, reference=portrait.png, miss=["wheelchair"])
    assert picture.drawn["heroes"][0]["features"] == ["round blue glasses"]
    assert (pixels(picture.png) != pixels(portrait.png)).any()


def test_a_foreign_picture_tells_nothing_and_is_no_reference() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    assert read_metadata(file.getvalue()) is None
    assert draw(hero(), size=SMALL, seed=1, reference=file.getvalue()) == draw(hero(), size=SMALL, seed=1)


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_what_is_no_picture_tells_nothing(data: bytes) -> None:
    assert read_metadata(data) is None


@pytest.mark.parametrize("text", ["[]", "{", "7", "{}" + " " * LONGEST])
def test_a_chunk_that_is_not_ours_tells_nothing(text: str) -> None:
    info = build_chunk({})
    info.chunks[0] = (info.chunks[0][0], info.chunks[0][1].replace(b"{}", text.encode()), False)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    assert read_metadata(file.getvalue()) is None


def test_more_than_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="too much"):
        build_chunk({"props": ["x" * LONGEST]})


def test_night_is_darker_than_day() -> None:
    night, day = (
        pixels(draw(scene(setting="a meadow", time=time), size=SMALL, seed=1).png).mean() for time in ("night", "day")
    )
    assert night < day * 0.75


def test_the_wash_leaves_grain_and_keeps_the_colours() -> None:
    file = io.BytesIO()
    Image.new("RGB", SMALL, (200, 120, 60)).save(file, "PNG")
    painted = np.asarray(watercolour.paint(Image.open(file).convert("RGB")), dtype=np.float64)
    assert painted.std(axis=(0, 1)).min() > 0.5
    assert np.abs(painted.mean(axis=(0, 1)) - (200, 120, 60)).max() < 20


@pytest.mark.parametrize("company", ["", "a fox"])
def test_another_version_is_composed_otherwise_and_shows_the_same(company: str) -> None:
    portrait = draw(PORTRAIT, size=SMALL, seed=1)
    known = read_metadata(portrait.png) or {}
    prompt = scene(companion=company, props="lantern")
    for seed in range(6):
        versions = [prompt, *(f"{prompt}\nVersion: {number}: composed anew" for number in (2, 3, 4))]
        made = [compose(version, (512, 768), seed, known) for version in versions]
        assert len({(one.stand.mirrored, one.stand.share) for one in made}) == 4
        assert len({one.svg for one in made}) == 4
        assert len({json.dumps(one.drawn, sort_keys=True) for one in made}) == 1
        assert made[0].drawn["heroes"][0]["features"] == ["manual wheelchair", "round blue glasses"]
        assert compose(versions[1], (512, 768), seed, known) == made[1]


def test_the_portrait_takes_another_pose_in_every_version_and_stays_the_same_hero() -> None:
    made = [compose(PORTRAIT + line, (512, 768), 1, {}) for line in ("", "\nVersion: 2: anew", "\nVersion: 3: anew")]
    assert len({one.drawn["action"] for one in made}) == len({one.svg for one in made}) == 3
    assert all(one.drawn["heroes"] == made[0].drawn["heroes"] for one in made)
    assert all(one.stand == made[0].stand for one in made)


@pytest.mark.parametrize("words", ["", "0", "-3", "two", "9" * 40])
def test_a_version_that_is_no_number_harms_nothing(words: str) -> None:
    assert compose(scene() + f"\nVersion: {words}", (512, 768), 1, {}).drawn["heroes"]
