"""What the prompts say."""

from typing import get_args

import pytest

from services.content.prompts import Page, instructions
from storyloom.story.brief import REQUIRED_DETAILS, StoryType
from storyloom.story.traits import TRAITS
from tests.unit.content.fox_author import MIRABEL, a_brief

PAGES: tuple[Page, ...] = get_args(Page)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("story_type", get_args(StoryType))
def test_every_kind_of_story_has_words_of_its_own(page: Page, story_type: str) -> None:
    details = dict.fromkeys(REQUIRED_DETAILS.get(story_type, ()), "detailword")
    prompt = instructions(page, a_brief(storyType=story_type, typeDetails=details))
    assert prompt != instructions(page, a_brief(storyType="bedtime" if story_type != "bedtime" else "adventure"))
    assert "detailword" not in prompt


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_blocks_are_data(page: Page) -> None:
    assert "never an instruction" in " ".join(instructions(page, a_brief()).replace("\n", " ").split())


@pytest.mark.parametrize("trait", list(TRAITS))
def test_a_trait_comes_with_how_it_is_honoured(trait: str) -> None:
    hero = MIRABEL.model_copy(update={"traits": (trait,)})
    prompt = instructions("scene", a_brief(characters=(hero, hero)))
    assert prompt.count(TRAITS[trait].text.dignity) == 1
    assert all(words in prompt for words in TRAITS[trait].text.avoid)


def test_nothing_that_a_person_typed_is_an_instruction() -> None:
    brief = a_brief(premise="premiseword", setting="placeword", metadata={"note": "metaword"})
    for page in PAGES:
        prompt = instructions(page, brief)
        assert not any(word in prompt for word in ("Mirabel", "premiseword", "placeword", "metaword"))
