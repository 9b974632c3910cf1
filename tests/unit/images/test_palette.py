"""The lamp's three colours: deep, far apart, always the same for the same picture."""

import re
from itertools import combinations

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from services.images.palette import MIN_COLOUR_DISTANCE, distance, read_palette

Rgb = tuple[int, int, int]
channel = st.integers(0, 255)
rgb = st.tuples(channel, channel, channel)


def stripes(colours: list[Rgb], size: tuple[int, int] = (96, 96)) -> Image.Image:
    picture = Image.new("RGB", size)
    width = size[0] // len(colours)
    for place, colour in enumerate(colours):
        picture.paste(
            colour, (place * width, 0, size[0] if place == len(colours) - 1 else (place + 1) * width, size[1])
        )
    return picture


def parsed(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@settings(max_examples=40, deadline=None)
@given(st.lists(rgb, min_size=1, max_size=9))
def test_there_are_always_three_colours_and_always_the_same(colours: list[Rgb]) -> None:
    palette = read_palette(stripes(colours))
    assert len(palette) == 3
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in palette)
    assert read_palette(stripes(colours)) == palette


@settings(max_examples=40, deadline=None)
@given(st.lists(rgb, min_size=3, max_size=5, unique=True))
def test_colours_stand_apart_where_the_picture_has_such_colours(colours: list[Rgb]) -> None:
    assume(all(distance(one, other) > MIN_COLOUR_DISTANCE + 10 for one, other in combinations(colours, 2)))
    palette = [parsed(colour) for colour in read_palette(stripes(colours))]
    assert all(distance(one, other) >= MIN_COLOUR_DISTANCE for one, other in combinations(palette, 2))
    assert all(min(distance(seen, colour) for colour in colours) <= 8 for seen in palette)


def test_deep_colours_go_before_paper_white() -> None:
    paper, navy, rust, moss = (248, 244, 236), (32, 48, 110), (190, 70, 30), (50, 120, 60)
    palette = read_palette(stripes([paper, paper, paper, paper, navy, navy, rust, moss]))
    assert {min((navy, rust, moss, paper), key=lambda c: distance(c, parsed(seen))) for seen in palette} == {
        navy, rust, moss,
    }  # fmt: skip


def test_a_lamp_shines_like_the_poppies_and_not_like_the_mean_of_the_meadow() -> None:
    """A grey-green wash with a few saturated flowers, a boat and the sun, each a hundredth of the picture."""
    wash = bytes(
        part for y in range(160) for x in range(160) for part in (120 + x % 30, 130 + y % 25, 105 + (x + y) % 30)
    )
    meadow = Image.frombytes("RGB", (160, 160), wash)
    flowers = [(214, 40, 32), (30, 90, 200), (240, 190, 30)]
    for place, colour in enumerate(flowers):
        meadow.paste(colour, (20 + 50 * place, 60, 40 + 50 * place, 80))
    palette = [parsed(colour) for colour in read_palette(meadow)]
    assert sorted(min(flowers, key=lambda one: distance(one, seen)) for seen in palette) == sorted(flowers)
    assert all((max(seen) - min(seen)) / max(seen) >= 0.6 for seen in palette)


def test_the_most_dominant_stands_first() -> None:
    palette = read_palette(stripes([(200, 40, 40), (40, 40, 200), (40, 40, 200), (40, 160, 40)]))
    assert distance(parsed(palette[0]), (40, 40, 200)) <= 8


def test_a_picture_of_one_colour_gives_three_shades() -> None:
    assert len(set(read_palette(stripes([(120, 60, 200)])))) == 3
    assert len(set(read_palette(stripes([(255, 255, 255)])))) == 3
    assert len(set(read_palette(stripes([(0, 0, 0)])))) == 3


def test_transparency_and_other_modes_are_read_as_seen() -> None:
    assert len(read_palette(Image.new("RGBA", (40, 40), (10, 200, 10, 255)))) == 3
    assert len(read_palette(Image.new("L", (40, 40), 90))) == 3


def test_the_picture_itself_stays_whole() -> None:
    picture = stripes([(200, 40, 40), (40, 40, 200)], size=(400, 300))
    read_palette(picture)
    assert picture.size == (400, 300)
