"""Names never reach a picture prompt; the story stays readable without them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.images.naming import flatten, name_roles
from tests.unit.images.samples import MIRA, TOM, brief_of, outline_of
from tests.unit.story.names_table import NAMES, Row

SYLLABLES = st.lists(st.sampled_from(["zu", "qua", "xi", "brö", "ñe", "vik", "jya"]), min_size=1, max_size=4)
MADE_UP = SYLLABLES.map(lambda parts: "".join(parts).capitalize())


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("Mira waves.", "the hero waves."),
        ("MIRA OKAFOR and mira", "the hero and the hero"),
        ("Mira  Okafor's lantern", "the hero's lantern"),
        ("Miras Laterne", "the hero's Laterne"),
        ("Okafor, the brave", "the hero, the brave"),
        ("Tom chases Ember past Old Moss.", "the second hero chases the companion past the helper."),
        ("A mirage over Tomorrow Lake, an ember, old moss", "A mirage over Tomorrow Lake, an ember, old moss"),
    ],
)
def test_everybody_is_called_by_role(text: str, scrubbed: str) -> None:
    naming = name_roles(brief_of(MIRA, TOM), outline_of())
    assert naming.scrub(text) == scrubbed


def test_a_name_that_is_a_word_leaves_the_word_alone() -> None:
    naming = name_roles(brief_of({"name": "Rose"}, {"name": "Will"}))
    assert naming.scrub("Rose picks a rose; Will will help.") == "the hero picks a rose; the second hero will help."


@pytest.mark.parametrize(
    ("typed", "planned"),
    [
        ("Zo\u00ade", "Zoe"),
        ("A\u200dna", "Ana"),
        ("Anna  Maria", "Anna Maria"),
        ("Zoe\u0308", "Zoë"),
        ("**Bo**", "Bo"),
        ("\ufeffTomas", "Tomas"),
    ],
)
def test_a_name_is_known_as_it_stands_in_a_plan_that_was_tidied(typed: str, planned: str) -> None:
    naming = name_roles(brief_of({"name": typed}))
    assert naming.role(planned) == naming.role(typed) == "the hero"
    assert naming.scrub(f"{planned} waves.") == "the hero waves."


def test_accents_may_be_missing() -> None:
    assert name_roles(brief_of({"name": "Zoë"})).scrub("Zoe and Zoë") == "the hero and the hero"


def test_names_of_scripts_without_spaces_are_found() -> None:
    assert name_roles(brief_of({"name": "美羽"})).scrub("森の美羽は笑う") == "森のthe heroは笑う"


def test_a_single_letter_tells_of_nobody() -> None:
    assert name_roles(brief_of({"name": "A"})).scrub("A fox") == "A fox"


def test_who_is_on_stage_is_found_by_any_part_of_the_name() -> None:
    naming = name_roles(brief_of(MIRA, TOM), outline_of())
    cast = [naming.role(name) for name in ("mira okafor", "Mira", "Tom", "Ember", "Old Moss", "Grandma")]
    assert cast == ["the hero", "the hero", "the second hero", "the companion", "the helper", "Grandma"]


@given(
    MADE_UP,
    MADE_UP,
    st.sampled_from(["{} runs", "to {}'s house", "({})", "“{}!”", "x-{}", "{}, {}"]),
    st.integers(0, 2),
)
def test_no_name_survives_in_any_case(first: str, last: str, frame: str, case: int) -> None:
    naming = name_roles(brief_of({"name": f"{first} {last}"}))
    for name in (first, last, f"{first} {last}"):
        text = frame.format(*[(name, name.upper(), name.lower())[case]] * 2)
        scrubbed = naming.scrub(text).lower()
        assert first.lower() not in scrubbed
        assert last.lower() not in scrubbed


@given(st.text(max_size=300))
def test_no_text_begins_a_line_of_its_own(text: str) -> None:
    line = flatten(f"{text}\nNever: {text}", 200)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 200
    assert all(character.isprintable() for character in line)


@given(st.text(alphabet=string.ascii_letters + " .’'", max_size=120))
def test_text_without_names_passes_unchanged(text: str) -> None:
    assert name_roles(brief_of({"name": "Żółćïñ"})).scrub(text) == flatten(text, 280)


@pytest.mark.parametrize("row", NAMES, ids=lambda row: f"{row[0]!r}-{row[2]}")
def test_no_spelling_case_or_script_of_a_name_gets_through(row: Row) -> None:
    typed, _, language, _, hidden = row
    naming = name_roles(brief_of({"name": typed}, language=language))
    for spelling in hidden:
        scrubbed = naming.scrub(f"~ {spelling} ~ a lantern glows ~")
        assert spelling not in scrubbed, scrubbed
        assert "the hero" in scrubbed
        assert scrubbed.endswith("~ a lantern glows ~")


@pytest.mark.parametrize(
    ("name", "language", "text"),
    [
        ("Зоя", "ru", "Зонтик, Солнце, зоопарк"),
        ("Mia", "de", "Milch, Mitte, Miete"),
        ("Ana", "en", "An owl, Answers, Anchor"),
        ("Mira", "en", "Mirror lake, Miracle, mire"),
        ("Zoë", "en", "Zoo, Zone"),
        ("Ян", "ru", "Ястреб, Яхта"),
        ("Jo", "en", "Joy, Job, so"),
        ("Зоя", "en", "So, See, Sea, Sue, Yes"),
        ("ميرا", "en", "More, Mary, Moor, Mr"),
        ("Юля", "en", "Yell, Ill, All"),
    ],
)
def test_other_words_stay_as_they_are(name: str, language: str, text: str) -> None:
    assert name_roles(brief_of({"name": name}, language=language)).scrub(text) == text
