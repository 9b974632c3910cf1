"""Whatever a story's palette, the book can be read."""

from hypothesis import given
from hypothesis import strategies as st

from services.documents.book.colours import (
    READABLE,
    bright,
    contrast,
    darkened,
    deep,
    hexed,
    luminance,
    mix,
    rgb,
    tint,
)

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
palettes = st.tuples(colours, colours, colours, colours, colours)


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == 21
    assert contrast("#777777", "#777777") == 1
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
    assert round(luminance("#ff0000"), 4) == 0.2126


@given(colours)
def test_every_page_can_be_read_in_every_colour(colour: str) -> None:
    page = tint(colour)
    assert contrast(page.accent, page.paper) >= READABLE
    assert contrast(page.accent, "#fffdf8") >= READABLE  # cards lie on the page in cream
    assert contrast(page.ink, page.paper) >= 7
    assert contrast(page.ink, page.soft) >= READABLE  # page numbers stand on the hills
    assert contrast(page.ink, "#fffdf8") >= 7


@given(palettes)
def test_the_title_can_be_read_on_its_band(palette: tuple[str, ...]) -> None:
    ground = deep(palette)
    assert contrast("#ffffff", ground) >= 7
    assert contrast(ground, "#fffdf8") >= READABLE  # the bookplate
    assert contrast(bright(palette, ground), ground) >= READABLE


@given(colours, colours)
def test_mixing_begins_and_ends_with_the_colours_themselves(one: str, other: str) -> None:
    assert mix(one, other, 0) == one
    assert mix(one, other, 1) == other
    assert hexed(rgb(one)) == one


@given(colours)
def test_a_colour_is_darkened_no_more_than_it_must_be(colour: str) -> None:
    dark = darkened(colour, "#ffffff")
    assert contrast(dark, "#ffffff") >= READABLE
    assert dark == colour or contrast(colour, "#ffffff") < READABLE
