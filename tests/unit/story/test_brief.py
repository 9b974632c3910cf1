"""The brief: every field bounded, unknown ones refused, the short form understood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from storyloom.story.assets import PUBLIC, Asset, Priority
from storyloom.story.brief import REQUIRED_DETAILS, Brief

HERO = {"name": "Mira"}
SHORT = {"characterName": "Mira", "storyType": "adventure"}
FULL: dict[str, Any] = {
    "storyType": "adventure",
    "age": 5,
    "premise": "a fox who has lost her lantern",
    "setting": "a foggy forest",
    "language": "en",
    "characters": [
        {
            "name": "Mira",
            "age": 5,
            "species": "human",
            "pronouns": "she/her",
            "appearance": {"skin": "#8d5524", "hair": "curly black", "eyes": "brown", "clothing": "yellow dress"},
            "traits": ["wheelchair_manual"],
            "features": ["round blue glasses"],
            "personality": ["curious"],
        }
    ],
    "typeDetails": {},
    "assets": [asset.value for asset in PUBLIC],
    "voice": "default",
    "priority": "normal",
    "approval": "auto",
    "seed": 7,
    "metadata": {"orderId": "A-17"},
}


def read(**changes: Any) -> Brief:
    return Brief.asked({**FULL, **changes})


def wrong(brief: dict[str, Any]) -> set[tuple[Any, ...]]:
    """Where a brief is wrong."""
    with pytest.raises(ValidationError) as caught:
        Brief.asked(brief)
    places = {error["loc"] for error in caught.value.errors()}
    # Where an item is wrong pydantic also counts the whole as too short.
    return {place for place in places if not any(other[: len(place)] == place != other for other in places)}


def hero(**changes: Any) -> dict[str, Any]:
    return {**FULL, "characters": [{**HERO, **changes}]}


def test_the_whole_brief_reads_back_as_it_came() -> None:
    assert read().wire() == FULL


def test_the_short_form_is_enough_and_has_sensible_defaults() -> None:
    brief = Brief.asked(SHORT)
    assert [one.name for one in brief.characters] == ["Mira"]
    assert (brief.age, brief.language, brief.priority, brief.assets) == (5, "en", Priority.NORMAL, PUBLIC)
    assert Brief.asked(brief.wire()) == brief


def test_text_only_is_asked_for_by_one_word() -> None:
    assert Brief.asked({**SHORT, "generateAssets": False}).assets == (Asset.CONTENT,)
    assert Brief.asked({**SHORT, "generateAssets": True}).assets == PUBLIC


@pytest.mark.parametrize(
    "also", [{"characters": [HERO]}, {"generateAssets": False, "assets": ["cover"]}, {"generateAssets": "no"}]
)
def test_two_ways_of_saying_the_same_are_refused_together(also: dict[str, Any]) -> None:
    assert wrong({**SHORT, **also}) == {()}


BOUNDS: list[tuple[str, Any, Any]] = [
    ("age", 3, 2),
    ("age", 12, 13),
    ("premise", "a" * 300, "a" * 301),
    ("setting", "a", "   "),
    ("language", "pt-BR", "english"),
    ("voice", "a" * 64, "a" * 65),
    ("voice", "Rachel_1", "../etc"),
    ("seed", 2**31 - 1, 2**31),
    ("seed", 0, -1),
    ("priority", "urgent", "now"),
    ("approval", "auto", "manual"),
    ("storyType", "bedtime", "horror"),
    ("characters", [HERO] * 3, [HERO] * 4),
    ("characters", [HERO], []),
    ("assets", ["cover"], []),
    ("metadata", {str(k): "v" for k in range(20)}, {str(k): "v" for k in range(21)}),
    ("typeDetails", {str(k): "v" for k in range(10)}, {str(k): "v" for k in range(11)}),
]


@pytest.mark.parametrize(("name", "good", "bad"), BOUNDS)
def test_every_field_has_its_bounds(name: str, good: Any, bad: Any) -> None:
    read(**{name: good})
    assert {loc[0] for loc in wrong({**FULL, name: bad})} == {name}


HERO_BOUNDS: list[tuple[str, Any, Any]] = [
    ("name", "M" * 40, "M" * 41),
    ("name", "M", " "),
    ("age", 120, 121),
    ("age", 0, -1),
    ("species", "robot", "car"),
    ("pronouns", "they/them/theirs", "he or she"),
    ("traits", [], ["cape"]),
    ("traits", ["adhd"], ["adhd", "adhd"]),
    ("features", ["f"] * 8, ["f"] * 9),
    ("features", ["f" * 80], ["f" * 81]),
    ("personality", ["p"] * 6, ["p"] * 7),
    ("appearance", {"skin": "s" * 80}, {"skin": "s" * 81}),
]


@pytest.mark.parametrize(("name", "good", "bad"), HERO_BOUNDS)
def test_every_field_of_a_character_has_its_bounds(name: str, good: Any, bad: Any) -> None:
    Brief.asked(hero(**{name: good}))
    assert {loc[:3] for loc in wrong(hero(**{name: bad}))} == {("characters", 0, name)}


@pytest.mark.parametrize(
    ("brief", "place"),
    [
        ({**FULL, "colour": "red"}, ("colour",)),
        (hero(hat="red"), ("characters", 0, "hat")),
        (hero(appearance={"ears": "big"}), ("characters", 0, "appearance", "ears")),
        ({**FULL, "type_details": {}}, ("type_details",)),
    ],
)
def test_unknown_fields_are_refused_wherever_they_stand(brief: dict[str, Any], place: tuple[Any, ...]) -> None:
    assert wrong(brief) == {place}


@pytest.mark.parametrize("missing", ["characters", "storyType"])
def test_a_character_and_a_story_type_are_all_that_must_be_said(missing: str) -> None:
    assert wrong({key: value for key, value in FULL.items() if key != missing}) == {(missing,)}


@pytest.mark.parametrize("evil", ["a\x00b", "a\x1bb", "\u202eabc", "a\u2066b", "a\x7f"])
@pytest.mark.parametrize(
    ("place", "make"),
    [
        ("premise", lambda evil: {**FULL, "premise": f"x{evil}x"}),
        ("characters", lambda evil: hero(name=f"x{evil}x")),
        ("characters", lambda evil: hero(features=[f"x{evil}x"])),
        ("characters", lambda evil: hero(appearance={"hair": f"x{evil}x"})),
        ("typeDetails", lambda evil: {**FULL, "typeDetails": {"subject": f"x{evil}x"}}),
        ("typeDetails", lambda evil: {**FULL, "typeDetails": {f"x{evil}x": "subject"}}),
        ("metadata", lambda evil: {**FULL, "metadata": {"order": f"x{evil}x"}}),
        ("metadata", lambda evil: {**FULL, "metadata": {f"x{evil}x": "order"}}),
    ],
)
def test_control_characters_are_refused_wherever_they_stand(evil: str, place: str, make: Any) -> None:
    """Postgres cannot store a NUL, and a text-direction override makes a text lie about itself."""
    assert {loc[0] for loc in wrong(make(evil))} == {place}


@pytest.mark.parametrize("fine", ["Zoë", "李小龙", "O’Brien-Smith", "ماجد", "🦊", "van der Berg", "MIRA"])
def test_people_may_be_called_what_they_are_called(fine: str) -> None:
    assert Brief.asked(hero(name=fine)).characters[0].name == fine


@pytest.mark.parametrize("story_type", REQUIRED_DETAILS)
def test_a_story_type_names_the_details_that_it_lacks(story_type: str) -> None:
    needed = REQUIRED_DETAILS[story_type]
    with pytest.raises(ValidationError) as caught:
        read(storyType=story_type, typeDetails={})
    (error,) = caught.value.errors()
    assert error["loc"] == ("typeDetails",)
    assert all(name in error["msg"] for name in needed)
    read(storyType=story_type, typeDetails=dict.fromkeys(needed, "lions"))


@pytest.mark.parametrize("value", ["", "   ", "a" * 301, 10**30, -(2**63) - 1])
def test_type_details_are_bounded_too(value: Any) -> None:
    assert {loc[0] for loc in wrong({**FULL, "typeDetails": {"age_turning": value}})} == {"typeDetails"}


@pytest.mark.parametrize("hidden", [asset for asset in Asset if asset not in PUBLIC])
def test_what_is_not_public_cannot_be_asked_for(hidden: Asset) -> None:
    assert wrong({**FULL, "assets": [hidden.value]}) == {("assets",)}


@given(st.lists(st.sampled_from(PUBLIC), min_size=1, max_size=len(PUBLIC)))
def test_assets_stand_once_and_in_the_graphs_order(assets: list[Asset]) -> None:
    found = read(assets=[asset.value for asset in assets]).assets
    assert found == tuple(asset for asset in PUBLIC if asset in assets)


SECRET = "Esmeralda"


@pytest.mark.parametrize(
    "brief",
    [
        {"characterName": SECRET * 9, "storyType": "adventure"},
        hero(name=f"{SECRET}\x00"),
        hero(name=SECRET, pronouns=SECRET + "!"),
        hero(name=SECRET, traits=[SECRET]),
        {**FULL, "premise": SECRET * 40},
        {**FULL, "storyType": SECRET},
        {**FULL, "typeDetails": {"from": SECRET * 40}},
    ],
)
def test_what_is_said_of_a_mistake_does_not_repeat_it(brief: dict[str, Any]) -> None:
    """A name that was typed into the wrong field must not travel on into an error's text."""
    with pytest.raises(ValidationError) as caught:
        Brief.asked(brief)
    for error in caught.value.errors(include_url=False, include_input=False, include_context=False):
        assert SECRET not in error["msg"]


def test_our_own_spelling_is_no_clients_but_rows_and_jobs_may_have_it() -> None:
    """The wire knows one name for each field."""
    assert wrong({"story_type": "adventure", "characterName": "Mira"}) == {("story_type",), ("storyType",)}
    brief = Brief.asked({"storyType": "adventure", "characterName": "Mira"})
    assert Brief.model_validate_json(brief.body) == brief.model_copy(update={"assets": brief.known})
    assert Brief.model_validate(brief.wire()) == brief


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("zh-Hant", "zh-Hant"), ("ZH-HANT", "zh-Hant"), ("zh-tw", "zh-TW"), ("es-419", "es-419"), ("FIL", "fil"),
        ("pt-br", "pt-BR"), ("PT_br", "pt-BR"), ("iw", "he"), ("en-Latn-GB", "en-GB"), ("sr-latn", "sr-Latn"),
    ],
)  # fmt: skip
def test_a_language_is_understood_as_bcp_47_has_it_in_any_case(typed: str, tag: str) -> None:
    assert read(language=typed).language == tag


@pytest.mark.parametrize(
    "typed", ["english", "xx", "tlh", "en-Arab", "x-mine", "de-u-co-phonebk", "", "e", "en-", SECRET]
)
def test_a_language_without_a_book_is_refused_with_the_list(typed: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(language=typed)
    (error,) = caught.value.errors()
    assert error["loc"] == ("language",)
    assert ", en, es, " in error["msg"]
    assert ", zh, zh-Hant" in error["msg"]
    assert SECRET not in error["msg"]


def test_a_brief_that_was_taken_long_ago_is_read_whatever_its_language() -> None:
    stored = {**read().wire(), "language": "xx-YY"}
    assert Brief.model_validate(stored).language == "xx-YY"


def test_prompts_see_the_brief_without_the_clients_own_notes() -> None:
    brief = Brief.asked({**FULL, "metadata": {"mail": "mum@example.org"}})
    assert brief.for_prompts() == {**brief.wire(), "metadata": {}}
    assert brief.wire()["metadata"] == {"mail": "mum@example.org"}
