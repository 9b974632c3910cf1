"""A new chapter has the company and the place of the story before."""

import pytest

from tests.unit.studio.storyteller.briefs import brief, outline_of, story_of


@pytest.mark.parametrize("seed", range(4))
def test_a_sequel_goes_on_with_the_same_companion_in_the_same_place(seed: int) -> None:
    before = outline_of(brief(premise="a fox who has lost her lantern", setting="a foggy forest"), seed)
    earlier = {
        "title": before["title"],
        "place": before["elements"]["place"],
        "companion": before["companion"],
    }
    story = story_of(brief("new_chapter_sequel", earlier=earlier), seed + 1)
    assert story.outline["companion"] == before["companion"]
    assert story.outline["elements"]["place"] == before["elements"]["place"]
    assert story.outline["title"] != before["title"]
    assert before["companion"]["name"] in story.texts[0]
