"""The 39 traits: what is said of each, and that what cannot be seen is never drawn."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storyloom.story.brief import Species
from storyloom.story.traits import TRAITS, Framing, TextGuidance, Trait, Visibility, shown

SPECIES: tuple[str, ...] = get_args(Species)
PARTITION = {
    "structural": {
        "limb_difference_arm_missing", "cerebral_palsy", "dwarfism", "limb_length_discrepancy", "facial_differences",
        "down_syndrome", "cleft_lip",
    },
    "surface": {"vitiligo", "albinism", "birthmark_large", "burn_scars"},
    "device": {
        "wheelchair_manual", "wheelchair_power", "prosthetic_leg", "prosthetic_arm", "crutches", "walker",
        "scoliosis_brace", "orthotic_devices", "hearing_aids", "cochlear_implant_external", "halo_cervical_orthosis",
        "port_a_cath", "tracheostomy", "feeding_tube_gtube", "oxygen_cannula", "iv_picc_line", "cranial_helmet",
        "dialysis_access", "medical_alert_symbol",
    },
    "conditional": {
        "autism", "adhd", "deaf", "visual_impairment", "childhood_cancer", "type1_diabetes", "asthma",
    },
    "unseen": {"dyslexia", "intellectual_disability"},
}  # fmt: skip
TELLING = TextGuidance(dignity="keeps it", strengths=("quick",), avoid=("pity",))


def test_every_trait_has_exactly_one_visibility() -> None:
    assert set(PARTITION) == set(get_args(Visibility))
    assert sum(len(ids) for ids in PARTITION.values()) == 39
    assert {name: {t.id for t in TRAITS.values() if t.visibility == name} for name in PARTITION} == PARTITION


@given(st.sampled_from(sorted(TRAITS)), st.sampled_from(SPECIES), st.booleans())
def test_every_trait_that_can_be_seen_has_words_for_every_species(id_: str, species: str, softly: bool) -> None:
    trait = TRAITS[id_]
    form = trait.form(species, softly=softly)
    if trait.visibility == "unseen":
        assert form is None
        assert not trait.seen_in
        return
    assert form is not None
    assert all(phrase in form.wording for phrase in form.must_show)
    assert "portrait" in trait.seen_in, "the portrait fixes what the other pictures keep"
    assert len(set(trait.seen_in)) == len(trait.seen_in)
    assert set(trait.seen_in) <= set(get_args(Framing))


@given(st.sampled_from(sorted(TRAITS)), st.sampled_from([kind for kind in SPECIES if kind != "human"]))
def test_a_device_becomes_native_to_the_world_and_keeps_its_noun(id_: str, species: str) -> None:
    trait = TRAITS[id_]
    form = trait.form(species)
    if trait.visibility not in {"device", "conditional"} or form is None:
        return
    human = trait.form("human")
    assert human is not None
    assert form.wording != human.wording
    nouns = {word for word in human.wording.lower().replace(",", " ").replace(":", " ").split() if len(word) > 3}
    assert nouns & set(form.wording.lower().replace(",", " ").replace(":", " ").split())


@pytest.mark.parametrize("species", [kind for kind in SPECIES if kind != "human"])
def test_no_species_loses_its_wheelchair(species: str) -> None:
    form = TRAITS["wheelchair_manual"].form(species)
    assert form is not None
    assert "wheelchair" in form.wording


def test_the_words_of_a_picture_name_no_needles_blood_or_patients() -> None:
    for trait in TRAITS.values():
        said = " ".join([trait.wording or "", trait.plain or "", *trait.native.values()]).lower()
        assert not {"needle", "blood", "patient", "surgery", "wound", "cancer"} & set(said.split()), trait.id


def test_a_trait_that_another_shows_already_is_drawn_once() -> None:
    assert [trait.id for trait in shown(("deaf", "dyslexia", "hearing_aids"))] == ["hearing_aids"]
    assert [trait.id for trait in shown(("deaf",))] == ["deaf"]


def test_an_unseen_trait_cannot_be_given_a_look() -> None:
    with pytest.raises(ValidationError, match="unseen"):
        Trait(
            id="dyslexia", label="Dyslexia", category="neurodiversity", visibility="unseen", wording="jumbled letters",
            prohibitions=("letters",), text=TELLING, risk="taken for slowness",
        )  # fmt: skip


def test_a_trait_that_can_be_seen_must_say_how() -> None:
    with pytest.raises(ValidationError, match="must say how"):
        Trait(
            id="crutches", label="Crutches", category="mobility", visibility="device", wording="a pair of crutches",
            prohibitions=("bandages",), text=TELLING, risk="read as an injury",
        )  # fmt: skip


def test_what_must_show_stands_in_the_wording() -> None:
    with pytest.raises(ValidationError, match="stand in its wording"):
        Trait(
            id="crutches", label="Crutches", category="mobility", visibility="device", wording="a pair of crutches",
            plain="crutches", must_show=("a white cane",), question="Are there crutches?", seen_in=("portrait",),
            prohibitions=("bandages",), text=TELLING, risk="read as an injury",
        )  # fmt: skip
