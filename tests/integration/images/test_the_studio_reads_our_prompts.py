"""The contract of docs/providers.md, held from both ends: what we write is what the studio's painter reads."""

from itertools import combinations
from typing import Any, get_args

import pytest

from services.images.prompts import Prompt, draft_picture, draft_portrait
from storyloom.story.assets import Asset
from storyloom.story.brief import Species
from storyloom.story.sides import SIDED
from storyloom.story.traits import TRAITS
from studio.painting.features import features_in
from studio.painting.identity import look_of
from studio.painting.picture import compose
from studio.painting.prompt import PictureBrief, parse_prompt
from studio.picture_check import check_trait
from tests.unit.images.samples import MIRA, TOM, brief_of, job_for, outline_of

SEEN = sorted(trait.id for trait in TRAITS.values() if trait.seen)
CALLED = {
    "wheelchair_manual": "manual_wheelchair", "wheelchair_power": "power_wheelchair", "visual_impairment": "white_cane",
    "limb_difference_arm_missing": "limb_difference", "orthotic_devices": "leg_braces", "autism": "ear_defenders",
    "limb_length_discrepancy": "raised_shoe", "facial_differences": "facial_difference", "adhd": "fidget_toy",
    "deaf": "hearing_aids", "cochlear_implant_external": "cochlear_implant", "birthmark_large": "birthmark",
    "childhood_cancer": "bald", "type1_diabetes": "insulin_pump", "asthma": "inhaler", "port_a_cath": "port",
    "halo_cervical_orthosis": "halo", "feeding_tube_gtube": "feeding_tube", "iv_picc_line": "iv_line",
    "dialysis_access": "dialysis", "medical_alert_symbol": "medical_alert",
}  # fmt: skip
"""What the studio calls a trait, where it is not the trait's own id."""
ALONGSIDE = {"headscarf", "backpack"}
"""What some wordings ask for beside the trait itself."""


def portrait(**hero: Any) -> Prompt:
    return draft_portrait(job_for(Asset.PORTRAIT, brief_of({"name": "Ana", **hero})))


def read_both(prompt: Prompt) -> list[PictureBrief]:
    return [parse_prompt(prompt.write()), parse_prompt(prompt.write(["mend it"], softly=True))]


@pytest.mark.parametrize("species", get_args(Species))
def test_every_trait_is_recognised_in_every_species_and_nothing_else(species: str) -> None:
    for id_ in SEEN:
        prompt = portrait(species=species, traits=[id_])
        for brief in read_both(prompt):
            look = look_of(brief.heroes[0])
            assert set(look.features) - ALONGSIDE == {CALLED.get(id_, id_)}, (id_, look.features)
            assert look.species == species


@pytest.mark.parametrize("species", get_args(Species))
def test_the_check_asks_for_what_the_studio_would_have_drawn(species: str) -> None:
    for id_ in SEEN:
        prompt = portrait(species=species, traits=[id_])
        look = look_of(parse_prompt(prompt.write()).heroes[0])
        drawn = {"heroes": [{"features": [feature.label for feature in look.features.values()]}]}
        bare: dict[str, list[dict[str, list[str]]]] = {"heroes": [{"features": []}]}
        (item,) = prompt.checklist()["must_show"]
        assert check_trait(item, drawn)["visible"] == "visible", (id_, item)
        assert check_trait(item, bare)["visible"] == "not_visible", (id_, item)


@pytest.mark.parametrize("species", ["human", "robot", "animal"])
@pytest.mark.parametrize("trait", SIDED)
def test_the_side_that_we_say_is_the_one_that_is_drawn_and_the_only_one_that_passes(trait: str, species: str) -> None:
    for side, other in (("left", "right"), ("right", "left")):
        word = next(iter(SIDED[trait].part.split("|")))
        prompt = portrait(species=species, traits=[trait], features=[f"the {side} {word}"])
        drawn = compose(prompt.write(), (512, 768), 5, {}).drawn
        (item,) = prompt.checklist()["must_show"]
        assert f"own {side} side" in item["what"]
        assert check_trait(item, drawn)["visible"] == "visible", drawn["heroes"]
        swapped = {**item, "what": item["what"].replace(f"own {side}", f"own {other}")}
        assert check_trait(swapped, drawn)["visible"] == "not_visible"


def test_every_pair_of_one_sided_traits_is_drawn_as_it_is_said() -> None:
    for one, two in combinations(SIDED, 2):
        prompt = portrait(traits=[one, two])
        drawn = compose(prompt.write(), (512, 768), 5, {}).drawn
        for item in prompt.checklist()["must_show"]:
            assert check_trait(item, drawn)["visible"] == "visible", (one, two, drawn["heroes"])


def test_a_scene_is_read_as_it_was_meant() -> None:
    brief = parse_prompt(draft_picture(job_for(Asset.SCENE_1, brief_of(MIRA, TOM)), outline_of()).write())
    assert (len(brief.heroes), brief.companion, brief.helper) == (
        1,
        "a fox, small orange fox with a white tail tip",
        "",
    )
    assert (brief.time, brief.weather, brief.camera, brief.portrait) == ("night", "fog", "wide", False)
    assert brief.props == ("the hero's lantern", "fallen log")
    look = look_of(brief.heroes[0])
    assert (look.skin, look.age, look.species) == ("#8d5524", 5, "human")
    assert (look.words["hair"], look.garment) == ("curly black", "dress")
    assert {"glasses", "manual_wheelchair", "prosthetic_leg", "hearing_aids"} == set(look.features)


def test_a_sibling_alone_on_stage_is_the_sibling() -> None:
    outline = outline_of(on_stage=["Tom", "Old Moss"])
    brief = parse_prompt(draft_picture(job_for(Asset.SCENE_1, brief_of(MIRA, TOM)), outline).write())
    (hero,) = brief.heroes
    assert "a boy" in hero.kind
    assert (brief.helper, brief.companion) == ("an owl, round grey owl who likes the hero", "")


def test_a_portrait_is_read_as_one() -> None:
    for brief in read_both(portrait()):
        assert brief.portrait


def test_what_the_brief_leaves_open_is_understood_by_the_studio() -> None:
    clothes = {look_of(parse_prompt(portrait_of(seed)).heroes[0]).garment for seed in range(40)}
    hair = {look_of(parse_prompt(portrait_of(seed)).heroes[0]).hair_style for seed in range(40)}
    assert len(clothes) >= 4
    assert len(hair) >= 5


def portrait_of(seed: int) -> str:
    return draft_portrait(job_for(Asset.PORTRAIT, brief_of({"name": "Ana"}, seed=seed))).write()


def test_the_wordings_never_ask_for_two_traits_at_once() -> None:
    for id_ in SEEN:
        form = TRAITS[id_].form("human")
        assert form is not None
        assert len(set(features_in([form.wording])) - ALONGSIDE) == 1, id_


@pytest.mark.parametrize("revision", [1, 2, 7])
def test_every_version_is_read_as_one_and_drawn_with_every_trait(revision: int) -> None:
    brief = brief_of({**MIRA, "traits": SEEN[:6]})
    drafts = []
    for number in (0, revision):
        painted = job_for(Asset.COVER, brief).model_copy(update={"revision": number})
        drafts.append(draft_picture(painted, outline_of()))
    first, again = (compose(draft.write(["mend it"]), (512, 512), 5, {}) for draft in drafts)
    assert parse_prompt(drafts[1].write()).version == revision
    assert again.stand != first.stand
    assert again.drawn == first.drawn
    for item in drafts[1].checklist()["must_show"]:
        assert check_trait(item, again.drawn) == check_trait(item, first.drawn)
        assert check_trait(item, again.drawn)["visible"] == "visible"


def test_a_picture_that_is_asked_for_anew_with_a_hint_is_another_one_of_the_same_hero() -> None:
    """Than the first version, and than the second without the hint."""
    asked = [
        job_for(Asset.COVER).model_copy(update=more) for more in ({}, {"revision": 1}, {"revision": 1, "hint": "x"})
    ]
    prompts = [draft_picture(job, outline_of()).write() for job in asked]
    pictures = [compose(prompt, (1024, 1024), 7, {}) for prompt in prompts]
    assert len({picture.svg for picture in pictures}) == 3
    assert all(picture.drawn["heroes"] == pictures[0].drawn["heroes"] for picture in pictures)
    assert parse_prompt(prompts[2]).line("wish") == "x"
