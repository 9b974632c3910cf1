"""The book's own drawings are well-formed and the same every time."""

from xml.etree import ElementTree as ET

import pytest

from services.documents.book import drawings

PALETTE = ("#22305c", "#5b7db1", "#e8a33d", "#a8433f", "#6f8f5e")


@pytest.mark.parametrize("shape", sorted(drawings.SHAPES))
def test_every_shape_can_be_drawn(shape: str) -> None:
    for svg in (
        drawings.ornament(shape, "#22305c", "#5b7db1"),
        drawings.endpaper(shape, "#22305c", PALETTE, 7),
        drawings.meadow(shape, "#ffffff", "#5b7db1", 7),
    ):
        marks = [each.get("d") for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")]
        assert drawings.SHAPES[shape] in marks


@pytest.mark.parametrize("night", [True, False])
def test_a_view_is_whole_and_the_same_for_the_same_story(night: bool) -> None:
    svg = drawings.view(PALETTE, night=night, seed=3)
    assert svg == drawings.view(PALETTE, night=night, seed=3)
    assert svg != drawings.view(PALETTE, night=night, seed=4)
    assert ET.fromstring(svg).get("viewBox") == "0 0 170 240"


def test_a_view_is_drawn_even_of_one_colour() -> None:
    ET.fromstring(drawings.view(("#808080",) * 5, night=False, seed=1))
    ET.fromstring(drawings.band("#000000", "#ffffff"))


def test_the_ornament_fits_the_story() -> None:
    assert drawings.shape_for("Mira and the Answering Bell", "a bell that is answered") == "bell"
    assert drawings.shape_for("The Fox in the Forest") == "leaf"
    assert drawings.shape_for("Zug um Zug") == "star"
