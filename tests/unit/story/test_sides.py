"""A trait that is on one side stays there, in every prompt."""

import pytest

from services.content.prompts import instructions
from services.images.prompts import draft_picture, draft_portrait
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.sides import SIDED, place
from storyloom.story.traits import TRAITS
from tests.unit.images.samples import MIRA, brief_of, job_for, outline_of


def test_every_one_sided_trait_exists_and_can_be_seen() -> None:
    assert all(TRAITS[trait].seen for trait in SIDED)


@pytest.mark.parametrize(
    ("features", "side"),
    [
        ([], "left"),
        (["right leg ends below the knee"], "right"),
        (["a prosthesis, on the leg at the right"], "right"),
        (["left-handed", "right foot is a running blade"], "right"),
        (["a freckle on the right cheek"], "left"),
    ],
)
def test_the_side_is_what_the_brief_says_of_that_part_else_always_the_same(features: list[str], side: str) -> None:
    [placed] = place(["dyslexia", "prosthetic_leg"], features)
    assert (placed.trait, placed.side) == ("prosthetic_leg", side)


def test_every_prompt_says_the_side_and_the_check_asks_for_it() -> None:
    brief = brief_of({**MIRA, "traits": ["prosthetic_arm", "burn_scars"], "features": ["left arm"]})
    said = set()
    for asset in (Asset.PORTRAIT, *PICTURES):
        job = job_for(asset, brief)
        prompt = draft_portrait(job) if asset is Asset.PORTRAIT else draft_picture(job, outline_of(camera="wide"))
        for text in (prompt.write(), prompt.write(softly=True)):
            said.add(tuple(line for line in text.split("\n") if line.startswith("Side: ")))
        [arm] = [item for item in prompt.must_show if item.id == "prosthetic_arm"]
        assert "the prosthetic arm is on the hero's own left side: on the right of the picture" in arm.what
        assert "own left side" in arm.fix
    [lines] = said
    assert [line.partition(" is on ")[0] for line in lines] == [
        "Side: the prosthetic arm",
        "Side: the scarred cheek and forearm",
    ]


def test_the_author_is_told_the_side_without_a_name() -> None:
    brief = brief_of({**MIRA, "traits": ["limb_difference_arm_missing"]})
    assert "Hero 1: the shorter arm is on their own right side" in instructions("scene", brief)
