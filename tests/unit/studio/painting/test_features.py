"""Words ask for features; labels say what was drawn and mean the same when read again."""

import pytest

from studio.painting.features import features_in

ASKED = {
    "manual_wheelchair": "a manual wheelchair with large push-rim wheels and a seat the hero sits in",
    "power_wheelchair": "an electric wheelchair with a joystick",
    "prosthetic_leg": "one prosthetic leg below the knee",
    "prosthetic_arm": "one prosthetic arm from the elbow down",
    "crutches": "a pair of forearm crutches, one at each arm",
    "walker": "a walker frame on small wheels",
    "white_cane": "a long white cane held in one hand",
    "dark_glasses": "dark glasses",
    "glasses": "round blue glasses",
    "limb_difference": "a limb difference: one arm ending smoothly just below the elbow",
    "leg_braces": "coloured leg braces on both lower legs",
    "cerebral_palsy": "a gentle cerebral palsy posture",
    "raised_shoe": "one shoe with a clearly thicker sole",
    "scoliosis_brace": "a coloured scoliosis brace round the torso",
    "dwarfism": "dwarfism proportions",
    "facial_difference": "a facial difference: one cheek smaller than the other",
    "down_syndrome": "Down syndrome facial features: gently upward-slanting eyes",
    "hearing_aids": "small bright hearing aids behind both ears",
    "cochlear_implant": "a cochlear implant: a round disc on the hair",
    "signing": "hands signing in sign language",
    "ear_defenders": "soft coloured ear defenders",
    "fidget_toy": "a small fidget toy in one hand",
    "vitiligo": "vitiligo: clearly lighter smooth patches on the face",
    "albinism": "albinism: very fair skin, very pale cream hair",
    "birthmark": "a large rose-coloured birthmark over one cheek",
    "burn_scars": "healed burn scars on one cheek",
    "cleft_lip": "a healed cleft lip scar",
    "freckles": "freckles",
    "bald": "a bald head",
    "hijab": "a green hijab",
    "headscarf": "a soft patterned headscarf",
    "insulin_pump": "a small insulin pump clipped to the waistband",
    "inhaler": "a small blue inhaler",
    "halo": "a halo brace: a light ring round the head on four slim rods",
    "tracheostomy": "a tracheostomy: a small round tube opening",
    "feeding_tube": "a slim clear feeding tube",
    "oxygen_cannula": "a thin clear oxygen cannula under the nose",
    "iv_line": "a thin IV line taped under a band",
    "iv_stand": "a drip on a pole",
    "port": "a small round chest port bump",
    "dialysis": "a soft wrap over the dialysis access",
    "cranial_helmet": "a smooth coloured cranial helmet",
    "medical_alert": "a bright medical-alert bracelet",
    "cape": "a red cape",
    "hat": "a woolly hat",
    "scarf": "a striped scarf",
    "bow": "a hair bow",
    "crown": "a crown",
    "backpack": "a small backpack",
    "boots": "rubber boots",
}


@pytest.mark.parametrize(("key", "words"), ASKED.items())
def test_plain_words_ask_for_just_one_feature(key: str, words: str) -> None:
    assert list(features_in([words])) == [key]


@pytest.mark.parametrize("words", ASKED.values())
def test_a_label_read_again_is_the_same_feature(words: str) -> None:
    (feature,) = features_in([words]).values()
    assert features_in([feature.label]) == {feature.key: feature}


def test_a_label_says_shape_and_colour() -> None:
    assert features_in(["heart-shaped red glasses"])["glasses"].label == "heart red glasses"


def test_a_colour_belongs_to_the_thing_beside_it() -> None:
    found = features_in(["green glasses, a purple cape"])
    assert (found["glasses"].label, found["cape"].label) == ("green glasses", "purple cape")


@pytest.mark.parametrize("words", ["no glasses", "without any glasses", "never a wheelchair"])
def test_what_is_denied_is_not_asked_for(words: str) -> None:
    assert not features_in([words])


@pytest.mark.parametrize("miss", ["wheelchair", "manual_wheelchair", "manual wheelchair", "Wheelchair"])
def test_what_is_to_be_missed_is_left_out_by_any_of_its_names(miss: str) -> None:
    assert list(features_in(["a manual wheelchair; glasses"], [miss])) == ["glasses"]
