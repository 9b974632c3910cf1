"""What is found undignified, and what is not."""

from typing import Any

import pytest

from services.content.dignity import _rules, find_things_made_of_traits, judge_dignity
from services.content.outline import Plan
from storyloom.story.brief import Brief
from storyloom.story.traits import TRAITS
from tests.unit.content.fox_author import MIRABEL, a_brief, a_plan


def brief_of(*traits: str, features: tuple[str, ...] = (), **more: Any) -> Brief:
    hero = MIRABEL.model_copy(update={"name": "Mira", "pronouns": "she/her", "traits": traits, "features": features})
    return a_brief(characters=(hero,), **more)


UNDIGNIFIED = [
    ("limb_difference_arm_missing", "Mira raised both fists."),
    ("limb_difference_arm_missing", "She held the lantern in both her hands."),
    ("limb_difference_arm_missing", "Mira put her hands on her hips."),
    ("limb_difference_arm_missing", "Mira laughed. She clapped."),
    ("limb_difference_arm_missing", "Mira reached out. Her left arm was the shorter arm on her left."),
    ("visual_impairment", "Mira saw the lighthouse."),
    ("visual_impairment", "Mira stopped. Then she looked at the stars."),
    ("visual_impairment", "Mira quickly peered under the bed."),
    ("deaf", "Mira heard an owl."),
    ("wheelchair_manual", "Mira ran down the hill."),
    ("wheelchair_power", "She jumped to her feet."),
    ("wheelchair_manual", "Mira was confined to her wheelchair."),
    ("childhood_cancer", "The wind blew through her curls."),
    ("vitiligo", "She picked up her vitiligo and went on."),
    ("birthmark_large", "Her birthmark glowed and led the way."),
    ("down_syndrome", "Mira suffers from tiredness."),
    ("autism", "Poor thing, said the owl."),
    ("prosthetic_leg", "Mira tapped her right prosthetic leg."),
    ("prosthetic_leg", "Mira tapped her prosthetic right leg."),
]
DIGNIFIED = [
    ("limb_difference_arm_missing", "Mira raised her fist. Otto the fox raised both paws."),
    ("limb_difference_arm_missing", "Otto clapped. He held both hands up."),
    ("visual_impairment", "Otto saw the lighthouse. Mira felt the wind."),
    ("visual_impairment", "Mira saw the shell with her fingers."),
    ("visual_impairment", "The moon looked down on Mira."),
    ("visual_impairment", "“Look at the moon,” said Otto. He watched it rise."),
    ("deaf", "Mira heard the drum with her hands."),
    ("deaf", "Otto listened at the door, and Mira felt the hum."),
    ("wheelchair_manual", "Mira rolled down the hill. She ran her fingers along the wall."),
    ("wheelchair_manual", "Otto ran ahead. He jumped to his feet."),
    ("wheelchair_manual", "Her heart jumped."),
    ("childhood_cancer", "The wind blew through the fox's hair."),
    ("birthmark_large", "The rose on her cheek was warm."),
    ("prosthetic_leg", "Mira tapped her prosthetic leg, the left one."),
    ("hearing_aids", "Mira heard an owl."),
    ("dyslexia", "Mira saw the sea and ran with both arms wide."),
]


@pytest.mark.parametrize(("trait", "text"), UNDIGNIFIED)
def test_what_a_trait_contradicts_or_belittles_is_found(trait: str, text: str) -> None:
    assert judge_dignity(text, brief_of(trait))


@pytest.mark.parametrize(("trait", "text"), DIGNIFIED)
def test_what_somebody_else_does_or_what_is_reworded_is_not(trait: str, text: str) -> None:
    assert judge_dignity(text, brief_of(trait)) == ()


def test_a_feature_of_the_body_is_no_thing_and_glasses_are() -> None:
    brief = brief_of(features=("a gap between the teeth", "round glasses"))
    assert judge_dignity("She picked up her glasses.", brief) == ()
    assert judge_dignity("She picked up the gap and polished it.", brief)


def test_a_plan_plants_no_part_of_a_hero() -> None:
    plan = Plan.model_validate(a_plan())
    marked = plan.model_copy(update={"elements": plan.elements.model_copy(update={"planted": "a bright birthmark"})})
    brief = brief_of("birthmark_large")
    assert find_things_made_of_traits(plan, brief) == ()
    assert len(find_things_made_of_traits(marked, brief)) == 1


def test_other_languages_are_left_to_the_last_reader() -> None:
    assert judge_dignity("Mira raised both fists.", brief_of("limb_difference_arm_missing", language="de")) == ()


def test_every_rule_is_of_a_trait() -> None:
    assert set(_rules()) - {"everybody"} <= set(TRAITS)
