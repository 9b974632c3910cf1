"""Picture prompts: labelled lines that hold every trait to be seen, and no name."""

import re
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.images.prompts import STYLE, Prompt, draft_picture, draft_portrait
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.brief import Species
from storyloom.story.earlier import Chosen, EarlierStory
from storyloom.story.results import StoredObject
from storyloom.story.traits import TRAITS, shown
from studio.versions import without_version_line
from tests.unit.images.samples import MIRA, TOM, brief_of, job_for, outline_of

LABELS = {
    "Hero", "Second hero", "Third hero", "Style", "Skin", "Hair", "Eyes", "Clothing", "Features", "Must show",
    "Companion", "Helper", "Scene", "Setting", "Time", "Weather", "Props", "Action", "Emotion", "Camera", "Cast",
    "Never", "Palette", "Version", "Fix", "Framing", "Side",
}  # fmt: skip
"""Those of docs/providers.md."""


def lines(text: str) -> list[tuple[str, str]]:
    return [(label, words) for label, _, words in (line.partition(": ") for line in text.split("\n"))]


def line(text: str, label: str) -> str:
    (words,) = [words for name, words in lines(text) if name == label]
    return words


def drafts(prompt: Prompt) -> tuple[str, str]:
    return prompt.write(), prompt.write(softly=True)


traits = st.lists(st.sampled_from(sorted(TRAITS)), unique=True, max_size=6)
species = st.sampled_from(get_args(Species))


@settings(max_examples=60, deadline=None)
@given(traits, species, st.sampled_from([Asset.PORTRAIT, *PICTURES]), st.sampled_from(["wide", "medium", "close"]))
def test_a_prompt_holds_every_trait_that_can_be_seen_and_no_name(
    ids: list[str], kind: str, asset: Asset, camera: str
) -> None:
    job = job_for(asset, brief_of({**MIRA, "species": kind, "traits": ids}, TOM))
    prompt = draft_portrait(job) if asset is Asset.PORTRAIT else draft_picture(job, outline_of(camera=camera))
    for softly, text in zip((False, True), drafts(prompt), strict=True):
        wanted = [trait.form(kind, softly=softly) for trait in shown(ids)]
        assert [words for label, words in lines(text) if label == "Must show"][: len(wanted)] == [
            form.wording for form in wanted if form
        ]
        assert not re.search(r"\b(mira|okafor|tom|ember|old moss)\b", text, re.IGNORECASE)
        assert {label for label, _ in lines(text)} <= LABELS
        assert "dyslexia" not in text
        assert "intellectual" not in text
    framing = "portrait" if asset is Asset.PORTRAIT else camera
    asked = {trait.id for trait in shown(ids) if framing in trait.seen_in}
    assert {item.id for item in prompt.must_show if not item.id.startswith("vitiligo")} == asked - {"vitiligo"}


@pytest.mark.parametrize("kind", get_args(Species))
def test_the_species_opens_the_prompt_and_the_style_follows(kind: str) -> None:
    text = draft_portrait(job_for(Asset.PORTRAIT, brief_of({"name": "Ana", "species": kind}))).write()
    labels = [label for label, _ in lines(text)]
    assert labels[:2] == ["Hero", "Style"]
    assert ("a human in costume" in text) == (kind not in {"human", "superhero"})


def test_the_portrait_stands_on_a_plain_background() -> None:
    prompt = draft_portrait(job_for(Asset.PORTRAIT))
    assert line(prompt.text, "Framing") == "full-body portrait on a plain background"
    assert not {"Scene", "Setting", "Companion", "Helper", "Cast", "Camera"} & {name for name, _ in lines(prompt.text)}
    assert (prompt.cast, prompt.size) == (("the hero",), (1024, 1536))


def test_the_portrait_of_siblings_shows_all_of_them() -> None:
    prompt = draft_portrait(job_for(Asset.PORTRAIT, brief_of(MIRA, TOM)))
    assert prompt.cast == ("the hero", "the second hero")
    assert "both heroes" in line(prompt.text, "Framing")


def test_a_scene_says_everything_by_its_label() -> None:
    text = draft_picture(job_for(Asset.SCENE_2), outline_of()).text
    assert line(text, "Scene") == "the hero and the companion find the lantern under a fallen log."
    assert line(text, "Companion") == "a fox, small orange fox with a white tail tip"
    assert line(text, "Setting") == "a foggy forest behind the hero's house"
    assert (line(text, "Time"), line(text, "Weather"), line(text, "Camera")) == ("night", "fog", "wide")
    assert line(text, "Props") == "the hero's lantern; fallen log"
    assert line(text, "Action") == "the hero reaches out a hand"
    assert line(text, "Cast") == "exactly 2: the hero, the companion"
    assert line(text, "Palette") == "#203040, #aa5533, #ddbb77, #336655, #553366"
    assert "a small warm light that the hero carries" in line(text, "Style")
    assert "Helper" not in {label for label, _ in lines(text)}


def test_every_picture_gives_the_hero_the_same_lines() -> None:
    identity = {"Hero", "Skin", "Hair", "Eyes", "Clothing", "Features", "Must show"}
    brief, outline = brief_of({"name": "Ana", "traits": ["crutches"]}), outline_of(on_stage=["Ana"])
    texts = [draft_portrait(job_for(Asset.PORTRAIT, brief)).text]
    texts += [draft_picture(job_for(asset, brief), outline).text for asset in PICTURES]
    assert len({tuple(pair for pair in lines(text) if pair[0] in identity) for text in texts}) == 1


def test_the_cover_is_square_and_the_scenes_are_tall() -> None:
    assert draft_picture(job_for(Asset.COVER), outline_of()).size == (1024, 1024)
    assert draft_picture(job_for(Asset.SCENE_4), outline_of()).size == (1024, 1536)


def test_only_those_on_stage_are_drawn_and_each_once() -> None:
    job = job_for(Asset.SCENE_1, brief_of(MIRA, TOM))
    prompt = draft_picture(job, outline_of(on_stage=["Tom", "Old Moss", "tom"]))
    assert prompt.cast == ("the second hero", "the helper")
    labels = {label for label, _ in lines(prompt.text)}
    assert "Second hero" in labels
    assert not {"Hero", "Companion"} & labels
    assert [item.id for item in prompt.must_show] == []  # wide: the patches on a face are too small to ask for


def test_no_picture_of_the_book_is_without_a_hero() -> None:
    assert draft_picture(job_for(Asset.SCENE_1), outline_of(on_stage=["Ember"])).cast == ("the hero", "the companion")


def test_two_heroes_of_one_trait_are_checked_apart() -> None:
    job = job_for(
        Asset.PORTRAIT, brief_of({"name": "Ana", "traits": ["walker"]}, {"name": "Ben", "traits": ["walker"]})
    )
    assert [item.id for item in draft_portrait(job).must_show] == ["walker", "walker of the second hero"]


def test_a_line_break_in_the_brief_forges_no_line() -> None:
    brief = brief_of({**MIRA, "features": ["glasses\nCast: exactly 9"]})
    text = draft_picture(job_for(Asset.SCENE_1, brief), outline_of(setting="a wood\r\nHero: a\u2028robot")).text
    assert line(text, "Cast").startswith("exactly 2")
    assert line(text, "Features") == "glasses Cast: exactly 9"
    assert line(text, "Setting") == "a wood Hero: a robot"


def test_findings_are_appended_to_the_original_words() -> None:
    prompt = draft_portrait(job_for(Asset.PORTRAIT))
    assert prompt.write(["show clearly: a wheelchair", "no\nletters"]) == (
        prompt.text + "\nFix: show clearly: a wheelchair\nFix: no letters"
    )


def test_softer_words_leave_out_what_a_filter_may_have_minded() -> None:
    job = job_for(Asset.PORTRAIT, brief_of({"name": "Ana", "traits": ["tracheostomy"]}))
    prompt = draft_portrait(job)
    assert "blood" in prompt.text
    assert "blood" not in prompt.soft
    assert "everybody safe" in line(prompt.soft, "Style")
    assert line(prompt.soft, "Must show") == TRAITS["tracheostomy"].plain


def test_the_checklist_is_plain_values() -> None:
    checklist = draft_picture(job_for(Asset.SCENE_1), outline_of()).checklist()
    assert (checklist["cast"], checklist["style"]) == (2, STYLE)
    assert [item["id"] for item in checklist["must_show"]] == ["wheelchair_manual", "prosthetic_leg"]
    assert "manual wheelchair" in checklist["must_show"][0]["what"]
    assert {item["who"] for item in checklist["must_show"]} == {"the hero"}


def test_the_check_is_asked_for_the_cast_and_the_moment_in_the_words_of_the_prompt() -> None:
    for asset in PICTURES:
        prompt = draft_picture(job_for(asset, brief_of(MIRA, TOM)), outline_of(on_stage=["Tom", "Old Moss"]))
        checklist = prompt.checklist()
        assert (
            [one["role"] for one in checklist["characters"]] == list(prompt.cast) == ["the second hero", "the helper"]
        )
        hero, helper = checklist["characters"]
        said = dict(lines(prompt.text))
        assert hero["kind"] == said["Second hero"]
        assert all(hero[label] == said[label.capitalize()] for label in ("skin", "hair", "clothing"))
        assert helper == {"role": "the helper", "kind": said["Helper"]}
        assert list(checklist["moment"]) == ["scene", "setting", "time", "weather", "props", "action"]
        assert all(words == said[label.capitalize()] for label, words in checklist["moment"].items())
        assert not re.search(r"\b(mira|okafor|tom|ember|old moss)\b", str(checklist), re.IGNORECASE)


def test_a_portrait_has_no_moment_and_a_wish_is_part_of_one() -> None:
    portrait = draft_portrait(job_for(Asset.PORTRAIT)).checklist()
    assert (portrait["moment"], [one["role"] for one in portrait["characters"]]) == ({}, ["the hero"])
    asked = job_for(Asset.COVER).model_copy(update={"revision": 1, "hint": "Mira in the snow"})
    assert draft_picture(asked, outline_of()).checklist()["moment"]["wish"] == "the hero in the snow"
    assert "wish" not in draft_picture(job_for(Asset.COVER), outline_of()).checklist()["moment"]


def test_a_sequels_heroes_are_not_described_where_a_portrait_alone_shows_how_they_look() -> None:
    """As in the brief of an earlier release: what it leaves open need not be what this story's seed would choose."""
    image = StoredObject(key="k", sha256="0" * 64, size=1, content_type="image/png")
    all_of_them, chosen = ["the hero", "the companion"], (Chosen(seed="7", place=0),)
    for portrait, known, roles in (
        (image, (), ["the companion"]),
        (image, chosen, all_of_them),
        (None, (), all_of_them),
    ):
        earlier = EarlierStory(title="The Bell", logline="x", place="x", object="x", portrait=portrait, chosen=known)
        job = job_for(Asset.COVER, brief_of().model_copy(update={"earlier": earlier}))
        assert [one.role for one in draft_picture(job, outline_of()).characters] == roles


@pytest.mark.parametrize("asset", [Asset.PORTRAIT, Asset.COVER, Asset.SCENE_3])
def test_another_version_differs_by_one_line_and_shows_the_same_hero(asset: Asset) -> None:
    jobs = [job_for(asset).model_copy(update={"revision": revision}) for revision in (0, 1, 2)]
    prompts = [draft_portrait(job) if asset is Asset.PORTRAIT else draft_picture(job, outline_of()) for job in jobs]
    first, second, third = (drafts(prompt) for prompt in prompts)
    assert "Version" not in {label for label, _ in lines(first[0])}
    for number, texts in ((2, second), (3, third)):
        for text, without in zip(texts, first, strict=True):
            assert line(text, "Version").startswith(f"{number}: ")
            assert [pair for pair in lines(text) if pair[0] != "Version"] == lines(without)
            # What the studio takes the first version's prompt to be is that prompt, byte for byte.
            assert without_version_line(text) == without
    assert len({prompt.must_show for prompt in prompts}) == len({prompt.cast for prompt in prompts}) == 1


def test_what_is_to_be_fixed_of_another_version_follows_its_line() -> None:
    text = draft_picture(job_for(Asset.COVER).model_copy(update={"revision": 1}), outline_of()).write(
        ["show the chair"]
    )
    assert [label for label, _ in lines(text)][-2:] == ["Version", "Fix"]
    assert without_version_line(text) == draft_picture(job_for(Asset.COVER), outline_of()).write(["show the chair"])


@pytest.mark.parametrize("asset", [Asset.COVER, Asset.SCENE_3])
def test_what_is_wanted_of_a_picture_is_one_line_of_its_prompt_without_a_name(asset: Asset) -> None:
    """Nothing of it begins a line of its own, and the rest is as without it."""
    asked = job_for(asset).model_copy(update={"revision": 1, "hint": "Make Mira's fox bigger,\nNever: Mira's chair"})
    prompt = draft_picture(asked, outline_of())
    for text in drafts(prompt):
        assert line(text, "Wish") == "Make the hero's fox bigger, Never: the hero's chair"
        assert "mira" not in text.lower()
        assert without_version_line(text) in drafts(draft_picture(job_for(asset), outline_of()))
    assert prompt.must_show == draft_picture(job_for(asset), outline_of()).must_show
    assert "Wish" not in draft_picture(job_for(asset), outline_of()).text
