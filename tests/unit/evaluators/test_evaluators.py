"""The evaluators, on sounds, pictures and texts that are made here: what is right passes, what is wrong fails."""

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from storyloom.evaluators import VERSION, pictures, recorded, sound, text
from storyloom.evaluators.claims import Claim, Measure
from storyloom.evaluators.evaluate import evaluate, judge_files
from storyloom.evaluators.process import answer
from storyloom.story.languages import supported

RATE = sound.RATE
MIRA = {"name": "Mira", "appearance": {"skin": "#8d5524", "hair": "curly", "clothing": "yellow dress"}}


def tone(seconds: float, level: float, *, rate: int = RATE, pitch: float = 997) -> sound.Samples:
    return (level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def spoken(count: int) -> tuple[sound.Sound, list[dict[str, Any]]]:
    """So many words of a third of a second, each after a pause."""
    silence = np.zeros(round(0.3 * RATE), np.float32)
    voice = np.concatenate([part for _ in range(count) for part in (silence, tone(0.3, 0.3))])
    words = [{"txt": "la", "start": 0.3 + 0.6 * k, "end": 0.6 + 0.6 * k} for k in range(count)]
    return sound.Sound(voice, RATE, voice), words


def later(words: list[dict[str, Any]], seconds: float) -> list[dict[str, Any]]:
    return [word | {"start": word["start"] + seconds} for word in words]


def picture(*colours: str) -> Image.Image:
    """Stripes, each as broad as the others."""
    image = Image.new("RGB", (256, 256), "#ffffff")
    for place, colour in enumerate(colours):
        image.paste(colour, (place * 256 // len(colours), 0, (place + 1) * 256 // len(colours), 256))
    return image


def test_words_that_are_lit_when_they_are_spoken_pass_and_late_ones_fail() -> None:
    heard, words = spoken(20)
    assert sound.judge_onsets(heard, words).outcome == "pass"
    assert sound.judge_onsets(heard, later(words, 0.12)).outcome == "fail"
    assert sound.judge_onsets(heard, later(words, -0.12)).outcome == "fail"


def test_a_drift_fails_though_most_words_are_right() -> None:
    heard, words = spoken(24)
    drifting = [word | {"start": word["start"] + 0.15 * k / 24} for k, word in enumerate(words)]
    assert sound.judge_onsets(heard, drifting).outcome == "fail"


def test_of_a_voice_without_pauses_nothing_is_said() -> None:
    one = tone(3, 0.3)
    found = sound.judge_onsets(sound.Sound(one, RATE, one), [{"txt": "la", "start": 0.0, "end": 3.0}])
    assert (found.outcome, found.value) == ("not_checked", None)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_loudness_is_that_of_the_standards_own_test_signal(rate: int) -> None:
    """A sine of 997 Hz at full level in one channel is -3.01 LUFS (ITU-R BS.1770-4, annex 1)."""
    assert sound.loudness(tone(5, 1.0, rate=rate), rate) == pytest.approx(-3.01, abs=0.06)
    assert sound.loudness(tone(5, 0.1, rate=rate), rate) == pytest.approx(-23.01, abs=0.06)


def test_silence_has_no_loudness_and_pauses_do_not_count() -> None:
    assert sound.loudness(np.zeros(5 * RATE, np.float32), RATE) is None
    half = np.concatenate([tone(5, 0.1), np.zeros(20 * RATE, np.float32)])
    assert sound.loudness(half, RATE) == pytest.approx(-23, abs=0.5)


def test_a_peak_between_two_samples_is_found() -> None:
    """A sine at a quarter of the rate, sampled beside its peaks: 3 dB lower than it is."""
    between = np.sin(2 * np.pi * 0.25 * np.arange(40_000) + np.pi / 4).astype(np.float32)
    assert float(np.abs(between).max()) == pytest.approx(0.707, abs=0.001)
    assert sound.true_peak(between) == pytest.approx(0, abs=0.2)


def test_a_file_that_is_no_sound_fails_and_a_story_without_one_is_not_checked() -> None:
    words = {"words": [{"txt": "la", "start": 0.0, "end": 1.0}]}
    assert {one.outcome for one in sound.judge_sound(words, b"no sound", "en")} == {"fail"}
    assert {one.outcome for one in sound.judge_sound(None, None, "en")} == {"not_checked"}


def test_a_hero_who_keeps_the_colours_passes_and_one_who_changes_them_fails() -> None:
    right, pale = (picture(skin, "#f2d21b", "#3050a0", "#a8d0f0", "#e8e4da") for skin in ("#8d5524", "#f1c9a5"))
    labs = {"cover": pictures.to_lab(right), "scene_1": pictures.to_lab(pale)}
    whole = {one.measure.claim: one for one in pictures.judge_colours({"cover": labs["cover"]}, [MIRA])}
    changed = {one.measure.claim: one for one in pictures.judge_colours(labs, [MIRA])}
    assert whole["identity_skin"].outcome == "pass"
    assert (changed["identity_skin"].outcome, changed["identity_skin"].reason) == ("fail", "Farthest in scene_1.")
    assert whole["identity_clothing"].outcome == changed["identity_clothing"].outcome == "pass"
    assert whole["identity_hair"].outcome == "not_checked"


LINA = {"appearance": {"skin": "#8d5524", "hair": "#b5541c", "clothing": "#3050a0"}}


def hero(skin: str = "#8d5524", hair: str = "#b5541c", clothing: str = "#3050a0") -> Image.Image:
    """Somebody in a meadow, beside a house and a tree that have every colour of hers."""
    image = Image.new("RGB", (256, 384), "#cfe8c0")
    for box, colour in {
        (10, 60, 70, 120): "#8d5524",
        (10, 120, 70, 160): "#3050a0",
        (200, 40, 240, 90): "#b5541c",
        (100, 150, 160, 175): hair,
        (105, 175, 155, 205): skin,
        (110, 205, 150, 250): clothing,
        (115, 250, 145, 290): "#404858",
    }.items():
        image.paste(colour, box)
    return image


@pytest.mark.parametrize(
    ("other", "claim"),
    [
        ({"skin": "#f1c9a5"}, "identity_skin"),
        ({"hair": "#211c1a"}, "identity_hair"),
        ({"clothing": "#d02020"}, "identity_clothing"),
    ],
)
def test_a_heros_part_of_another_colour_is_not_found_in_what_stands_beside(other: dict[str, str], claim: str) -> None:
    labs = {"cover": pictures.to_lab(hero()), "scene_2": pictures.to_lab(hero(**other))}
    assert {one.outcome for one in pictures.judge_colours({"cover": labs["cover"]}, [LINA])} == {"pass"}
    told = {one.measure.claim: (one.outcome, one.reason) for one in pictures.judge_colours(labs, [LINA])}
    assert told[claim] == ("fail", "Farthest in scene_2.")


def test_where_nothing_tells_of_a_hero_the_nearest_colour_counts() -> None:
    """One part alone, or a picture without her: nobody knows where to look."""
    alone = [{"appearance": {"skin": "#8d5524"}}]
    meadow = Image.new("RGB", (256, 384), "#cfe8c0")
    meadow.paste("#8d5524", (10, 60, 70, 120))
    for image, characters in ((hero(skin="#f1c9a5"), alone), (meadow, [LINA])):
        (skin, *_) = pictures.judge_colours({"cover": pictures.to_lab(image)}, characters)
        assert skin.outcome == "pass"


def test_a_picture_of_a_night_tells_no_colours() -> None:
    day, night = picture("#8d5524", "#f2d21b", "#a8d0f0"), picture("#3a2a3a", "#101830", "#182040")
    labs = {"cover": pictures.to_lab(day), "scene_4": pictures.to_lab(night)}
    (skin, *_) = pictures.judge_colours(labs, [MIRA])
    assert (skin.outcome, skin.reason) == ("pass", "Farthest in cover. Too dark to tell: scene_4.")
    (skin, *_) = pictures.judge_colours({"scene_4": labs["scene_4"]}, [MIRA])
    assert (skin.outcome, skin.reason) == ("not_checked", "Every picture is too dark to tell.")


@pytest.mark.parametrize(
    ("words", "colour"),
    [("#8D5524", ("#8d5524", False)), ("a bright yellow dress", ("#FFFF00", True)), ("curly", None), (None, None)],
)
def test_a_colour_is_taken_from_what_a_brief_says(words: str | None, colour: tuple[str, bool] | None) -> None:
    found = pictures.wanted_colour(words)
    assert found == colour or (found is not None and colour is not None and found[0].lower() == colour[0].lower())


def test_a_copy_is_a_copy_though_it_is_lighter_and_another_picture_is_none() -> None:
    noise = np.random.default_rng(7)
    one, other = (
        Image.fromarray(noise.integers(0, 200, (12, 8, 3), dtype=np.uint8)).resize((256, 384)) for _ in range(2)
    )
    lighter = one.point(lambda value: min(255, round(value * 1.2)))
    assert pictures.judge_distinct({"cover": one, "scene_1": other}).outcome == "pass"
    assert pictures.judge_distinct({"cover": one, "scene_1": lighter}).outcome == "fail"


def test_without_tesseract_nothing_is_said_of_letters() -> None:
    assert pictures.judge_wordless({"cover": picture("#ffffff")}, None).outcome == "not_checked"


def test_easy_words_are_easy_and_hard_ones_are_hard() -> None:
    """Their syllables are those of a dictionary."""
    easy = "The fox ran to the hill. She saw the moon. It was big and red."
    hard = "Notwithstanding considerable apprehension, philosophical deliberation subsequently preoccupied everybody."
    assert text.syllables("little") == 2
    assert text.syllables("people") == 2
    assert text.syllables("walked") == 1
    assert text.judge_level(easy, age=4, language="en").outcome == "pass"
    assert text.judge_level(hard, age=4, language="en").outcome == "fail"
    assert text.judge_level(easy, age=10, language="en").outcome == "fail"
    assert text.judge_level(easy, age=4, language="de").outcome == "not_checked"


def test_a_text_in_another_language_than_asked_for_fails() -> None:
    german = "Der kleine Fuchs suchte seine Laterne im dunklen Wald. Er fragte die Eule, aber sie wusste nichts davon."
    assert text.judge_language([german], "de").outcome == "pass"
    assert text.judge_language([german], "en").outcome == "fail"
    assert text.judge_language([german], "qqq").outcome == "not_checked"


ENGLISH = "The little fox looked for her lantern in the dark wood. She asked the owl, but it had not seen it."
DANISH = "Den lille ræv ledte efter sin lygte i skoven. Hun spurgte uglen, men den havde ikke set den nogen steder."


@pytest.mark.parametrize("place", range(4))
def test_one_scene_in_another_language_fails_and_is_named(place: int) -> None:
    """Though the text as a whole is in the one that was asked for."""
    told = [ENGLISH] * 4
    told[place] = DANISH
    found = text.judge_language(told, "en")
    assert text.judge_language([ENGLISH] * 4, "en").outcome == "pass"
    assert (found.outcome, found.reason) == ("fail", f"The least likely is scene {place + 1}: it is most likely da.")


def test_a_scene_of_few_letters_is_judged_with_its_neighbour() -> None:
    """A cry in any language is none, and where nothing more is told nothing is said of it."""
    assert text.judge_language(["Miau!", DANISH, "Miau! Miau!", "Hej!"], "da").outcome == "pass"
    found = text.judge_language(["Miau!", DANISH, ENGLISH, "Hej!"], "en")
    assert (found.outcome, found.reason) == ("fail", "The least likely is scene 1 and 2: it is most likely da.")
    assert text.judge_language(["Miau!", "Hej!", "", "Miau!"], "da").outcome == "not_checked"
    assert text.judge_language([], "da").outcome == "not_checked"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("id", "Rubah kecil mencari lenteranya di hutan yang gelap. Ia bertanya kepada burung hantu di atas pohon."),
        ("ms", "Rubah kecil mencari lenteranya di hutan yang gelap. Ia bertanya kepada burung hantu di atas pohon."),
        ("bs", "Mala lisica tražila je svoju svjetiljku u tamnoj šumi. Pitala je sovu, ali ona je nije vidjela."),
        ("hr", "Mala lisica tražila je svoju svjetiljku u tamnoj šumi. Pitala je sovu, ali ona je nije vidjela."),
        ("nb", "Den lille reven lette etter lykten sin i skogen. Hun spurte ugla, men den hadde ikke sett den."),
        ("zh-Hant", "小狐狸在黑暗的森林裡尋找她的燈籠。她問貓頭鷹,可是牠沒有看見。於是她坐在月光下,等她的朋友們回來。"),
    ],
)
def test_languages_that_are_alike_count_as_one(language: str, told: str) -> None:
    """The detector cannot tell them apart: a text would fail for being what was asked for."""
    assert text.judge_language([told], language).outcome == "pass"
    assert text.judge_language([told], "en").outcome == "fail"


def test_the_detector_knows_the_languages_that_stories_are_told_in() -> None:
    unknown = {tag for tag in supported() if text.judge_language([ENGLISH], tag).outcome == "not_checked"}
    assert unknown == {"yi"}


def test_what_only_the_maker_checked_says_that_it_is_not_independent() -> None:
    """And what nobody has on record is not checked, with the reason."""
    checked = {"calls": [{"purpose": "cover check"}], "findings": []}
    claims = recorded.judge_recorded({"cover": checked}, ["cover"])
    assert not any(one.measure.independent for one in claims)
    outcomes = {one.measure.claim: one.outcome for one in claims}
    assert outcomes == {
        "cast_and_traits": "pass",
        "picture_safety": "pass",
        "text_safety": "not_checked",
        "premise": "not_checked",
    }
    assert all(one.reason for one in claims if one.outcome == "not_checked")


RECORD = {"model": "omni-moderation-latest", "texts": 2, "score": 0.0213, "category": "violence", "categories": 13}


def moderated_story() -> dict[str, Any]:
    """A plan, four scenes of two texts and four activities, each judged."""
    scenes = [{"paragraphs": ["x"], "alt_text": "y", "moderated": dict(RECORD)} for _ in range(4)]
    return {
        "outline": {"moderated": RECORD | {"texts": 1, "score": 0.001, "category": "hate"}},
        "content": {"scenes": scenes},
        "activities": {"activities": [{}] * 4, "moderated": RECORD | {"texts": 4, "score": 0.01}},
    }


def text_safety(results: dict[str, Any]) -> Claim:
    return next(one for one in recorded.judge_recorded(results, []) if one.measure.claim == "text_safety")


def test_a_story_whose_texts_were_all_moderated_passes_and_names_the_model_and_the_highest_score() -> None:
    found = text_safety(moderated_story())
    assert (found.outcome, found.value, found.at_least) == ("pass", 1, 1)
    assert found.reason == "13 texts by omni-moderation-latest; the highest score was 0.02, violence."
    assert not found.measure.independent


def test_a_scene_that_nobody_moderated_fails_and_so_does_an_alternative_text_or_an_activity() -> None:
    scene, alt_text, activity = moderated_story(), moderated_story(), moderated_story()
    del scene["content"]["scenes"][1]["moderated"]
    alt_text["content"]["scenes"][3]["moderated"]["texts"] = 1
    del activity["activities"]["moderated"]
    shares = [(one.outcome, one.value) for one in map(text_safety, (scene, alt_text, activity))]
    assert shares == [("fail", 0.8462), ("fail", 0.9231), ("fail", 0.6923)]
    assert text_safety(scene).reason.startswith("11 of 13 texts by omni-moderation-latest;")
    assert text_safety(scene).reason.endswith("Not on record: scene 2.")


def test_more_than_was_asked_for_in_one_place_makes_up_for_nothing_in_another() -> None:
    story = moderated_story()
    del story["content"]["scenes"][0]["moderated"]
    story["content"]["scenes"][1]["moderated"]["texts"] = 9
    assert text_safety(story).outcome == "fail"


def test_a_story_of_an_earlier_release_is_not_checked_though_a_scene_was_edited_since() -> None:
    story = moderated_story()
    del story["outline"]["moderated"], story["activities"]["moderated"]
    for scene in story["content"]["scenes"][1:]:
        del scene["moderated"]
    edited = text_safety(story)
    assert (edited.outcome, edited.value) == ("not_checked", None)
    assert "2 of 13 texts" in edited.reason
    del story["content"]["scenes"][0]["moderated"]
    assert text_safety(story).outcome == "not_checked"


def test_moderation_without_scores_counts_and_says_that_it_gave_none() -> None:
    story = moderated_story()
    for one in (story["outline"], story["activities"], *story["content"]["scenes"]):
        one["moderated"] |= {"score": None, "category": None, "model": "stand-in"}
    assert text_safety(story).reason == "13 texts by stand-in, which gave no scores."
    story["outline"]["moderated"] |= {"score": 0.0004, "category": "self-harm", "model": "another"}
    assert text_safety(story).reason == "13 texts by another, stand-in; the highest score was below 0.01, self-harm."


def test_a_premise_of_which_a_part_is_missing_fails() -> None:
    premise = {"parts": [{"honoured": True}, {"honoured": False}], "also_missing": []}
    claims = recorded.judge_recorded({"content": {"premise": premise}}, [])
    assert {one.measure.claim: (one.outcome, one.value) for one in claims}["premise"] == ("fail", 0.5)


def test_a_file_that_is_not_what_was_made_fails() -> None:
    made = {"pdf": {"pdf": {"sha256": "0" * 64}}}
    assert judge_files(made, {"pdf": b"x"}).outcome == "fail"
    assert judge_files(made, {}).outcome == "fail"
    assert judge_files({"epub": made["pdf"]}, {"epub": b"x"}).outcome == "fail"
    assert judge_files({}, {}).outcome == "not_checked"


def test_a_story_of_which_nothing_is_made_has_no_claim_that_passes() -> None:
    story = {"age": 5, "language": "en", "characters": [MIRA], "names": ["Mira"], "results": {}}
    claims = evaluate(story, {})
    assert {one.outcome for one in claims} == {"not_checked"}
    assert len({one.measure.claim for one in claims}) == len(claims)


def test_a_value_on_its_bound_passes() -> None:
    measure = Measure("x", "X", "x", 1, at_most=0.08)
    assert (measure.judge(0.08).outcome, measure.judge(0.081).outcome) == ("pass", "fail")


def test_the_process_answers_what_it_is_asked_until_nobody_asks() -> None:
    story = {"age": 5, "language": "en", "characters": [MIRA], "names": ["Mira"], "results": {}}
    head = b'{"story": %s, "files": [["pdf", 3]]}' % json.dumps(story).encode()
    source, target = io.BytesIO(struct.pack(">I", len(head)) + head + b"pdf"), io.BytesIO()
    assert answer(source, target)
    assert not answer(source, target)
    assert b'"version": %d' % VERSION in target.getvalue()
