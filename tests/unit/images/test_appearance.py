"""Who the heroes are to look at: fixed for a story, varied between stories, species first."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.images.appearance import HeroLook, resolve_looks
from services.images.naming import name_roles
from storyloom.story.brief import Brief
from storyloom.story.earlier import Chosen, EarlierStory
from tests.unit.images.samples import MIRA, STORY, brief_of


def looks(brief: Brief, story_id: UUID = STORY) -> tuple[HeroLook, ...]:
    return resolve_looks(brief, story_id, name_roles(brief))


@given(st.uuids())
def test_what_the_brief_leaves_open_is_chosen_once_for_a_story(story_id: UUID) -> None:
    brief = brief_of({"name": "Ana"})
    (look,) = looks(brief, story_id)
    assert looks(brief, story_id) == (look,)
    assert look.skin
    assert look.hair
    assert look.eyes
    assert look.clothing


def test_stories_differ_in_what_is_left_open_and_a_seed_fixes_it() -> None:
    brief, seeded = brief_of({"name": "Ana"}), brief_of({"name": "Ana"}, seed=7)
    assert len({looks(brief, UUID(int=number))[0].skin for number in range(60)}) == 8
    assert len({looks(seeded, UUID(int=number)) for number in range(20)}) == 1


def test_the_brief_goes_before_all_defaults() -> None:
    (look,) = looks(brief_of())
    assert (look.skin, look.hair, look.clothing) == ("#8d5524", "curly black", "yellow dress")
    assert look.features == ("round blue glasses",)


def test_siblings_share_their_skin_and_never_their_clothes() -> None:
    for number in range(20):
        siblings = looks(brief_of({"name": "A1"}, {"name": "B2"}, {"name": "C3"}), UUID(int=number))
        assert len({sibling.skin for sibling in siblings}) == 1
        assert len({sibling.clothing for sibling in siblings}) == 3
        assert [sibling.role for sibling in siblings] == ["the hero", "the second hero", "the third hero"]


def test_who_comes_back_in_a_sequel_looks_as_before_and_who_is_new_wears_something_else() -> None:
    ana, bo, cy = {"name": "Ana"}, {"name": "Bo"}, {"name": "Cy"}
    for number in range(20):
        first = looks(brief_of(ana, bo), UUID(int=number))
        chosen = (Chosen(seed=str(UUID(int=number)), place=1), None, Chosen(seed=str(UUID(int=number)), place=0))
        earlier = EarlierStory(title="x", logline="x", place="x", object="x", chosen=chosen)
        sequel = brief_of(bo, cy, ana).model_copy(update={"earlier": earlier})
        second = looks(sequel, UUID(int=number + 1000))
        assert [look_of(one) for one in second[::2]] == [look_of(first[1]), look_of(first[0])]
        assert len({one.clothing for one in second}) == 3


def test_who_comes_back_keeps_the_clothes_where_the_sequel_has_the_seed_of_the_story_before() -> None:
    (before,) = looks(brief_of({"name": "Ana"}, seed=7))
    earlier = EarlierStory(title="x", logline="x", place="x", object="x", chosen=(None, Chosen(seed="7", place=0)))
    sequel = brief_of({"name": "Cy"}, {"name": "Ana"}, seed=7).model_copy(update={"earlier": earlier})
    new, back = looks(sequel)
    assert (back.clothing, new.clothing == before.clothing) == (before.clothing, False)


def look_of(hero: HeroLook) -> tuple[str, ...]:
    return hero.skin, hero.hair, hero.eyes, hero.clothing


@pytest.mark.parametrize(
    ("species", "words"),
    [
        ("human", "a human child"), ("monster", "monster"), ("robot", "robot"), ("animal", "an animal child"),
        ("fantasy_being", "fantasy"), ("dinosaur", "dinosaur"), ("alien", "alien"), ("superhero", "superhero"),
        ("elemental", "elemental"),
    ],
)  # fmt: skip
def test_the_species_comes_first(species: str, words: str) -> None:
    (look,) = looks(brief_of({"name": "Ana", "species": species}))
    assert words in look.kind.split(",")[0]
    assert look.native == (species not in {"human", "superhero"})
    assert ("human" in look.kind.replace("superhuman", "").split()) == (species == "human")


@pytest.mark.parametrize(
    ("age", "words"),
    [(2, "toddler"), (3, "three-year-old"), (5, "five-year-old"), (12, "twelve-year-old"), (15, "teenager"),
     (40, "grown-up"), (80, "an older human")],
)  # fmt: skip
def test_ages_are_drawn_by_proportions(age: int, words: str) -> None:
    (look,) = looks(brief_of({"name": "Ana", "age": age}))
    assert words in look.kind
    assert not any(character.isdigit() for character in look.kind)


def test_an_animal_is_the_one_that_the_features_name() -> None:
    (look,) = looks(brief_of({"name": "Ana", "species": "animal", "features": ["an otter with a scarf"]}))
    assert "otter" in look.kind


def test_albinism_decides_what_the_brief_leaves_open_and_no_more() -> None:
    (open_look,) = looks(brief_of({"name": "Ana", "traits": ["albinism"]}))
    assert "#fbe6da" in open_look.skin
    assert "#f4ecd6" in open_look.hair
    (look,) = looks(brief_of({"name": "Ana", "traits": ["albinism"], "appearance": {"hair": "white plaits"}}))
    assert look.hair == "white plaits"


def test_a_bald_head_has_no_hair_line() -> None:
    (look,) = looks(brief_of({**MIRA, "traits": ["childhood_cancer"]}))
    assert look.hair == ""


def test_a_siblings_wheelchair_is_the_siblings() -> None:
    _, second = looks(brief_of({"name": "Ana"}, {"name": "Ben", "traits": ["wheelchair_manual"]}))
    assert second.worn[0].form.must_show[1] == "a seat the second hero sits in"


def test_a_names_way_into_the_appearance_is_closed() -> None:
    (look,) = looks(brief_of({**MIRA, "appearance": {"clothing": "Mira's yellow dress"}, "features": ["MIRA's bow"]}))
    assert look.clothing == "the hero's yellow dress"
    assert look.features == ("the hero's bow",)
