"""A child with the hero's traits takes part in all of it."""

import pytest

from services.documents.suitability import barriers
from services.documents.wording import tables
from storyloom.story.brief import Brief
from storyloom.story.results import Activity
from storyloom.story.traits import TRAITS
from tests.unit.documents import stories


def of(*traits: str, language: str = "en") -> Brief:
    return stories.brief(characters=[{"name": "Mira", "traits": list(traits)}], language=language)


def with_note(note: str) -> Activity:
    plain = stories.activity(0)
    return plain.model_copy(update={"adaptations": plain.adaptations.model_copy(update={"access_needs": note})})


@pytest.mark.parametrize("note", ["", "None.", "Adapt as needed.", "N/A", "Be kind and patient."])
def test_an_empty_note_helps_nobody(note: str) -> None:
    assert any("concrete" in barrier for barrier in barriers(with_note(note), of()))


def test_a_note_speaks_of_what_the_hero_lives_with() -> None:
    seated = with_note("Put the paper on a lap tray so that both of you can reach it.")
    assert not list(barriers(seated, of("wheelchair_manual")))
    assert any("visual impairment" in barrier for barrier in barriers(seated, of("visual_impairment")))
    assert not list(barriers(seated, of()))


def test_every_trait_in_the_tables_exists() -> None:
    for row in tables().access:
        assert row.traits <= set(TRAITS)


def test_a_step_that_only_legs_can_do_offers_another_way() -> None:
    jumping = stories.activity(0, instructions=("Jump over the rope.",))
    rolling = stories.activity(0, instructions=("Jump or roll over the rope.",))
    assert any("Jump over the rope" in barrier for barrier in barriers(jumping, of("wheelchair_manual")))
    assert not list(barriers(rolling, of("wheelchair_manual")))
    assert not list(barriers(jumping, of("vitiligo")))


def test_siblings_are_all_thought_of() -> None:
    siblings = stories.brief(
        characters=[{"name": "Mira", "traits": ["wheelchair_manual"]}, {"name": "Bo", "traits": ["deaf"]}]
    )
    seated = with_note("Put the paper on a lap tray so that both of you can reach it.")
    assert [barrier for barrier in barriers(seated, siblings) if "deaf" in barrier]


def test_a_note_in_another_language_is_measured_by_its_length_alone() -> None:
    note = with_note("Das Papier mit Klebeband festkleben, damit nichts verrutscht.")
    assert not list(barriers(note, of("visual_impairment", language="de")))
    assert list(barriers(with_note("Nach Bedarf."), of(language="de")))
    assert not list(barriers(with_note("把纸贴在桌子上，这样两个人都够得着。"), of(language="zh")))
    assert list(barriers(with_note("按需调整。"), of(language="zh")))
