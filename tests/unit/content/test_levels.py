"""The levels of whole stories: the studio's, written with the product's own findings as feedback, and a model's prose.

A few seeds by default; LEVEL_SEEDS=200 measures a whole corpus.
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest
from piper.phonemize_espeak import EspeakPhonemizer

from services.content.readability import count_syllables, count_words, judge, measure, targets_for
from tests.unit.studio.storyteller.briefs import DETAILS, brief, outline_of, scene_of

SEEDS = int(os.environ.get("LEVEL_SEEDS", "20"))
ATTEMPTS = 3
NUCLEUS = re.compile(r"aɪ|eɪ|oʊ|aʊ|ɔɪ|əʊ|[aeiouæɑɐɒɔəɛɜɪʊʌɚɝᵻ]ː?|[nl]̩")
"""What espeak-ng's IPA has one of in each syllable."""

PASSAGES = [
    (int(passage.partition("\n")[0]), passage.partition("\n")[2].strip())
    for passage in Path(__file__).with_name("prose.txt").read_text("utf-8").split("## ")[1:]
]


def write(seed: int) -> tuple[int, str, tuple[str, ...]]:
    """A story of the studio's as the writer keeps it: of each scene's attempts the one that falls least short."""
    age = 3 + seed % 10
    asked = brief(list(DETAILS)[seed % 11], age=min(age, 9))
    plan = outline_of(asked, seed)
    names = ("Mira", *(plan[figure]["name"] for figure in ("companion", "helper") if plan[figure]))
    targets, texts = targets_for(age).a_scene(), list[str]()
    for scene in (1, 2, 3, 4):
        attempts: list[tuple[float, str]] = []
        feedback: list[str] = []
        while len(attempts) < ATTEMPTS and (feedback or not attempts):
            blocks = {"before": list(texts), "targets": targets.as_block(), "feedback": feedback}
            text = "\n\n".join(scene_of(asked, plan, scene, seed, **blocks)["paragraphs"])
            findings = judge(text, targets, "en", names)
            attempts.append((sum(finding.weight for finding in findings), text))
            feedback = [finding.text for finding in findings]
        texts.append(min(attempts)[1])
    return age, "\n\n".join(texts), names


@cache
def corpus() -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    return tuple(map(write, range(SEEDS)))


def off(age: int, text: str, names: tuple[str, ...]) -> float:
    """Grades beyond the bounds of the age, below 0 where they are missed from below; 0 within."""
    grade, targets = measure(text, names).grade, targets_for(age)
    return min(0.0, grade - targets.lowest_grade) + max(0.0, grade - targets.highest_grade)


@pytest.mark.parametrize("ages", [range(3, 9), range(9, 13)], ids=["younger", "older"])
def test_nineteen_stories_of_twenty_are_within_a_grade_of_their_age(ages: range) -> None:
    asked = [one for one in corpus() if one[0] in ages]
    wrong = [(one[0], off(*one)) for one in asked if off(*one)]
    assert len(wrong) <= 0.05 * len(asked), wrong


@cache
def phonemizer() -> EspeakPhonemizer:
    return EspeakPhonemizer()


def syllables_spoken(text: str) -> int:
    """Syllables as espeak-ng says them, which shares no code and no rule with ours."""
    said = ("".join(part) for sentence in phonemizer().phonemize("en-us", text) for part in sentence)
    return len(NUCLEUS.findall("".join(said)))


def test_two_counters_of_syllables_agree_and_so_do_the_grades_that_come_of_them() -> None:
    texts = [text for _, text, _ in corpus()[:10]] + [text for _, text in PASSAGES]
    words = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
    plain = [[word for word in words.findall(text) if "Mira" not in word] for text in texts]
    ours = [sum(map(count_syllables, one)) for one in plain]
    spoken = [syllables_spoken(" ".join(one)) for one in plain]
    assert sum(ours) == pytest.approx(sum(spoken), rel=0.02)
    grades = [11.8 * abs(one - other) / count_words(text) for one, other, text in zip(ours, spoken, texts, strict=True)]
    assert sum(grade <= 0.6 for grade in grades) >= 0.9 * len(texts), grades


@pytest.mark.parametrize(("age", "text"), PASSAGES)
def test_a_models_prose_for_an_age_is_within_a_grade_of_it(age: int, text: str) -> None:
    low, high = targets_for(age).lowest_grade, targets_for(age).highest_grade
    assert low <= measure(text, ["Mira"]).grade <= high
    said = [finding.text for finding in judge(text, targets_for(age).a_scene(), "en", ["Mira"])]
    assert not [one for one in said if "plain" in one or "hard" in one or "may not know" in one]


def test_prose_for_another_age_is_found_too_easy_or_too_hard() -> None:
    prose = dict(PASSAGES)
    for younger, older in ((3, 7), (5, 12)):
        up = judge(prose[younger], targets_for(older), "en", ["Mira"])
        down = judge(prose[older], targets_for(younger), "en", ["Mira"])
        assert any("too short and plain" in finding.text for finding in up)
        assert any("too hard: grade" in finding.text for finding in down)
