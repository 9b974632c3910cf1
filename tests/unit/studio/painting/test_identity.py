"""A look survives its own words: what the metadata says draws the same hero again."""

import pytest

from studio.painting.identity import SPECIES, look_of
from studio.painting.prompt import HeroLines

WORN = {
    "skin": "brown, exactly #a5673f",
    "hair": "wavy chestnut brown",
    "eyes": "hazel",
    "clothing": "coral t-shirt and navy dungarees",
}


def test_hex_values_and_colour_words_are_taken_as_they_are_told() -> None:
    look = look_of(HeroLines("a human child", worn=WORN))
    assert (look.skin, look.hair_style, look.garment) == ("#a5673f", "wavy", "dungarees")
    assert look.words == {"hair": "wavy chestnut", "eyes": "hazel", "clothing": "navy dungarees and coral below"}


@pytest.mark.parametrize("clothing", ["red striped jumper and navy trousers", "purple starry t-shirt", "#123456 dress"])
@pytest.mark.parametrize(
    "hair", ["two black braids", "short coily black", "long straight red", "bald", "black afro puffs"]
)
def test_a_look_read_back_from_its_words_is_the_same(hair: str, clothing: str) -> None:
    told = HeroLines(
        "a human child, five-year-old",
        worn={**WORN, "hair": hair, "clothing": clothing},
        features=["round red glasses"],
    )
    first = look_of(told)
    known = {"species": first.species, "kind": first.kind, "age": first.age, "skin": first.skin, **first.words,
             "features": [feature.label for feature in first.features.values()]}  # fmt: skip
    assert look_of(HeroLines(), known) == first


def test_the_reference_goes_before_the_prompt_which_fills_what_it_lacks() -> None:
    look = look_of(HeroLines("a robot child", worn=WORN), {"species": "human", "hair": "curly black"})
    assert (look.species, look.words["hair"], look.eyes) == ("human", "curly black", "#8a7038")


@pytest.mark.parametrize("species", SPECIES)
def test_every_species_is_found_by_its_name(species: str) -> None:
    assert look_of(HeroLines(f"a {species.replace('_', ' ')} child")).species == species


@pytest.mark.parametrize(
    ("kind", "age"),
    [("proportions of a five-year-old", 5), ("a human, 9 year old", 9), ("a human teenager", 14), ("", 6)],
)
def test_ages_are_read_from_proportions(kind: str, age: int) -> None:
    assert look_of(HeroLines(kind)).age == age


def test_a_non_human_has_no_hair_to_speak_of() -> None:
    assert look_of(HeroLines("an animal child, a young fox", worn=WORN)).words["hair"] == ""


@pytest.mark.parametrize("known", [{"features": 7}, {"skin": ["#fff"]}, {"age": "old"}, {"species": "ghost"}])
def test_odd_metadata_is_passed_over(known: dict[str, object]) -> None:
    assert look_of(HeroLines("a human child", worn=WORN), known).skin == "#a5673f"
