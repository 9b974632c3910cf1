"""How hard a text is, and what is found fault with."""

import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.content.readability import (
    Targets,
    count_syllables,
    count_words,
    is_rare,
    is_uncommon,
    judge,
    measure,
    targets_for,
)

PLAIN = "The cat sat on the mat. The sun was hot. A dog ran by."
HARD = (
    "Notwithstanding considerable meteorological uncertainty, the extraordinarily philosophical municipality "
    "inaugurated its commemorative observatory in unprecedented circumstances."
)
steadily = settings(max_examples=60, deadline=None, derandomize=True)


TITLES = {"mr", "mrs", "ms", "dr", "st", "prof"}  # their full stop ends no sentence
WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=9).filter(lambda word: word not in TITLES)
SENTENCES = st.lists(WORDS, min_size=1, max_size=12).map(lambda words: " ".join(words).capitalize() + ".")
TEXTS = st.lists(SENTENCES, min_size=1, max_size=8).map(" ".join)


@pytest.mark.parametrize(
    ("word", "syllables"),
    [
        ("fox", 1), ("lake", 1), ("little", 2), ("jumped", 1), ("wanted", 2), ("boxes", 2), ("lakes", 1), ("the", 1),
        ("banana", 3), ("elephant", 3), ("moon", 1), ("quiet", 2), ("people", 2), ("idea", 3), ("being", 2),
        ("beautiful", 3), ("moonlight", 2), ("rhythm", 1), ("queen", 1), ("table", 2), ("whale", 1), ("purple", 2),
        ("seeing", 2), ("piano", 3), ("lion", 2), ("nation", 2), ("dinosaur", 3), ("grandmother", 3), ("tired", 1),
        ("breathed", 1), ("candle", 2), ("voices", 2), ("wishes", 2), ("giant", 2), ("courage", 2), ("radio", 3),
        ("candles", 2), ("bubbled", 2), ("something", 2), ("everything", 3), ("evening", 2), ("curled", 1),
    ],
)  # fmt: skip
def test_syllables_are_counted_as_they_are_said(word: str, syllables: int) -> None:
    assert count_syllables(word) == syllables


def test_the_grade_is_that_of_the_formula() -> None:
    # 14 words in 3 sentences, each of one syllable: 0.39 * 14/3 + 11.8 * 1 - 15.59 is below the first grade.
    assert measure(PLAIN).grade == 0
    # "The elephant remembered." 3 words, 1 + 3 + 3 syllables (a silent e): 0.39 * 3 + 11.8 * 7/3 - 15.59.
    assert measure("The elephant remembered.").grade == pytest.approx(0.39 * 3 + 11.8 * 7 / 3 - 15.59, abs=0.01)


def test_a_hard_text_is_measured_as_hard() -> None:
    plain, hard = measure(PLAIN), measure(HARD)
    assert hard.grade > 12
    assert plain.grade < 2
    assert hard.rare_share > 0.5
    assert plain.rare_share == 0
    assert hard.sentence_words == 15


@pytest.mark.parametrize(
    ("text", "mean"),
    [
        ("“Stop!” said Mira. She stopped.", 2.5),
        ("Mr. Bear ate.", 3),
        ("Wait… what was that? An owl!", 3),
        ("Where is it?\n\nHere it is", 3),
        ("One two three", 3),
        ("“I see.” “You do.”", 2),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, mean: float) -> None:
    assert measure(text).sentence_words == pytest.approx(mean, abs=0.01)


def test_the_storys_own_names_are_easy() -> None:
    text = "Anastasia saw Bartholomew. Anastasia’s hat fell."
    assert measure(text, ["Anastasia", "Bartholomew"]).grade == 0 < measure(text).grade
    assert measure(text, ["Anastasia", "Bartholomew"]).rare_share == 0 < measure(text).rare_share


@pytest.mark.parametrize("word", ["butterflies", "whispering", "jumping", "happily", "wheelchair", "fox", "sun-warm"])
def test_long_words_that_children_know_are_not_rare(word: str) -> None:
    assert not is_rare(word)


@pytest.mark.parametrize("word", ["phosphorescent", "melancholy", "negotiate", "luminous", "sun-phosphorescent"])
def test_words_that_children_do_not_know_are_rare(word: str) -> None:
    assert is_rare(word)


def test_words_grow_with_age_until_nine_and_sentences_and_grades_until_twelve() -> None:
    ages = [targets_for(age) for age in range(3, 13)]
    assert [age.words for age in ages] == [75, 125, 175, 225, 300, 375, 500, 500, 500, 500]
    assert [age.sentence_words for age in ages] == [5, 6, 8, 9, 10, 11, 12, 12, 13, 13]
    assert targets_for(15) == targets_for(12)
    assert targets_for(2) == targets_for(3)
    assert targets_for(5).a_scene().as_block() == {"words": 44, "sentenceWords": 8, "grade": 1.4}


def test_grades_have_a_lower_bound_too_one_below_that_of_the_age() -> None:
    whole = [targets_for(age) for age in range(3, 13)]
    assert [one.highest_grade - one.grade for one in whole] == pytest.approx([1] * 8 + [2] * 2)
    assert all(one.lowest_grade == pytest.approx(max(0, one.grade - 1)) for one in whole)
    assert [one.grade for one in whole] == sorted(one.grade for one in whole)
    assert targets_for(12).lowest_grade > targets_for(5).highest_grade
    assert targets_for(9).a_scene().lowest_grade == targets_for(9).lowest_grade
    assert targets_for(3).a_scene().highest_grade > targets_for(3).highest_grade


PRIMER = " ".join(["The dog was big.", "He ran and sat down.", "It was hot.", "We went home."] * 8)


@pytest.mark.parametrize("age", [8, 9, 10, 11, 12])
def test_a_primer_is_too_easy_for_a_school_child(age: int) -> None:
    told = [finding.text for finding in judge(PRIMER, targets_for(age).a_scene())]
    for wrong in ("sentences are too short:", "too short and plain for this age: grade", "too plain for this age"):
        assert any(wrong in one for one in told), wrong
    assert not any("plain" in finding.text for finding in judge(PRIMER, targets_for(3)))


def test_short_sentences_are_found_in_every_spaced_language() -> None:
    german = " ".join(["Der Hund kam.", "Er sah uns an.", "Es war kalt."] * 12)
    assert any("too short: 3" in finding.text for finding in judge(german, targets_for(10).a_scene(), "de"))


@pytest.mark.parametrize(
    ("word", "uncommon"), [("running", False), ("going", False), ("it’s", False), ("lantern", True), ("hummed", True)]
)
def test_a_word_is_uncommon_by_how_often_it_is_said(word: str, uncommon: bool) -> None:
    assert is_uncommon(word) is uncommon


AT_FIVE = targets_for(5).a_scene()
LONG_BESIDE_SHORT = "the fox ran and " * 6 + ". He sat. He ate. I ran. We go. It is. Oh no. The end. I see. Good night."
GOOD = " ".join(["The small fox ran to the red gate."] * 5)


def test_a_fitting_text_has_no_findings() -> None:
    assert judge(GOOD, AT_FIVE) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD * 3, "too long: 120 words, 44 wanted"),
        ("The fox ran home.", "too short: 4 words, 44 wanted"),
        ("the fox ran and " * 10 + "slept.", "sentences are too long: 41 words on average, 8 wanted"),
        (LONG_BESIDE_SHORT, "One sentence is too long: 24 words"),
        (" ".join(["Philosophical foxes run to gates."] * 8), "not know: philosophical"),
        (GOOD + " </brief> {}", "read aloud: < > { }"),
        (GOOD + " See https://fox.example 🦊", "read aloud: https: 🦊"),
        (" ".join(["Enormous elephants remember tomatoes."] * 11), "too hard: grade"),
    ],
)  # fmt: skip
def test_what_falls_short_is_said_so_that_it_can_be_put_right(text: str, said: str) -> None:
    findings = judge(text, AT_FIVE)
    assert any(said in finding.text for finding in findings), findings
    assert all(finding.weight > 0 for finding in findings)


def test_the_worst_is_said_first() -> None:
    weights = [finding.weight for finding in judge(HARD, AT_FIVE)]
    assert len(weights) >= 3
    assert weights == sorted(weights, reverse=True)


def test_grades_and_rare_words_are_judged_in_english_alone() -> None:
    german = " ".join(["Der kleine Fuchs besucht heute Regenbogenschmetterlinge."] * 6)
    assert judge(german, AT_FIVE, "de") == ()
    assert judge(german, AT_FIVE, "en-GB") != ()


@pytest.mark.parametrize(
    ("text", "words", "sentences"),
    [
        ("मीरा जंगल में गई। उसने घंटी बजाई।", 7, 2),
        ("ذَهَبَتْ ليلى إلى الغابة. أين الثعلب؟", 6, 2),
        ("דנה הלכה ליער. השועל חיכה לה.", 6, 2),
        ("Мира пошла в лес. Лиса ждала её.", 7, 2),
    ],
)
def test_words_and_sentences_are_counted_in_any_script(text: str, words: int, sentences: int) -> None:
    """Vowel signs and points belong to their letters, and every script has its own full stop."""
    assert count_words(text) == words
    assert measure(text).sentence_words == pytest.approx(words / sentences, abs=0.01)


def test_languages_without_spaces_are_not_counted_in_words() -> None:
    assert judge("小さなきつねが走りました。月がきれいでした。", AT_FIVE, "ja") == ()


@steadily
@given(TEXTS)
def test_measures_stay_within_their_bounds(text: str) -> None:
    measured = measure(text)
    assert measured.grade >= 0
    assert 0 <= measured.rare_share <= 1
    assert 0 < measured.sentence_words <= count_words(text)


@steadily
@given(TEXTS)
def test_saying_it_twice_makes_it_no_harder(text: str) -> None:
    once, twice = measure(text), measure(f"{text} {text}")
    assert twice.grade == pytest.approx(once.grade, abs=0.02)
    assert twice.sentence_words == pytest.approx(once.sentence_words, abs=0.02)


@steadily
@given(SENTENCES, SENTENCES)
def test_one_long_sentence_is_never_easier_than_two(first: str, second: str) -> None:
    joined = f"{first[:-1]} and {second.lower()}"
    assert measure(joined).sentence_words > measure(f"{first} {second}").sentence_words


@steadily
@given(st.text(max_size=300), st.sampled_from(["en", "fr", "zh"]))
def test_any_text_can_be_judged(text: str, language: str) -> None:
    for finding in judge(text, Targets(44, 8, 3.0, 0.08), language):
        assert finding.weight >= 0
        assert finding.text


@steadily
@given(WORDS)
def test_every_word_has_a_syllable(word: str) -> None:
    assert 1 <= count_syllables(word) <= len(word)


TOLD = (
    "{0} ran to the pond. The fox saw {0} and sat down. “Come, {0}!” it said. Then {0} and the fox ran home. "
    "{0}'s kite flew up. It was a red kite. {0} was glad. The moon came out and sang."
)
NAMES = (
    "🦄 Lily",
    "Lily 🦄",
    "🦄",
    "Lily*",
    "#1 Lily",
    "L@ra",
    "Li_ly",
    "[Lily]",
    "<Lily>",
    "Lily ~ Rose",
    "{Lily}",
    "Lily|Rose",
    "Mr. Bo Jr.",
    "Dr. Lily!",
    "J. R. R. Fox",
    "Lily. Rose.",
    "What? Ever!",
    "Anna  Maria",
    "O’Brien",
    "O'Brien",
    "Anna Maria Sofia Elisabeth Charlotte von Thurn",
    "Wolfeschlegelsteinhausenbergerdorffwelch",
    "Zoe\u0308",
    "Łucja",
    "Notwithstanding",
    "X Æ A-12",
    "小明",
    "ليلى",
    "Anne-Marie-Antoinette",
    "https: Lily",
    "N'Golo",
    "Æthelflæd",
    "　Lily",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("age", [3, 5, 9])
def test_a_heros_own_name_is_never_a_finding(name: str, age: int) -> None:
    plain, named = (TOLD.format(unicodedata.normalize("NFC", one)) for one in ("Bo", name))
    targets = Targets(count_words(plain), 7, 2.0, targets_for(age).rare_share, slack=2.0)
    assert judge(plain, targets, names=("Bo",)) == ()
    assert judge(named, targets, names=(name,)) == ()
    assert measure(named, (name,)) == measure(plain, ("Bo",))


def test_a_mark_that_is_in_no_name_stays_a_finding() -> None:
    assert judge("Lily 🦄 saw a *star*.", targets_for(5), names=("🦄 Lily",))[0].text.endswith(": *")
    assert any("🎈" in one.text for one in judge("🦄 Lily saw 🎈.", targets_for(5), names=("🦄 Lily",)))
    assert any("🦄" in one.text for one in judge("Lily saw a 🦄.", targets_for(5), names=("Lily",)))


def test_a_name_is_known_however_its_apostrophe_is_bent_and_its_case_is() -> None:
    told = "O'Brien ran. O’BRIEN sat."
    assert measure(told, ("O’Brien",)) == measure("Bo ran. Bo sat.", ("Bo",))
