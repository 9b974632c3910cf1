"""The words: how hard they are, and which language they are in.

Syllables are counted in a dictionary of pronunciations (CMUdict, which comes with PocketSphinx), so that a word has as
many as people say; only a word that it lacks is counted by its vowels.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from storyloom.evaluators.claims import Claim, Measure

LEVEL = Measure("level", "The text is as hard as its readers' age allows", "Flesch-Kincaid by CMUdict", 1, unit="grade")
LANGUAGE = Measure(
    "language", "The text is in the language that was asked for", "py3langid", 1, unit="probability", at_least=0.9
)
_BOUNDS: Mapping[int, tuple[float | None, float]] = {
    3: (None, 3.0),
    4: (None, 3.5),
    5: (None, 4.0),
    6: (0.0, 4.5),
    7: (0.5, 5.5),
    8: (1.5, 6.5),
    9: (2.5, 7.5),
}
"""Grades by age, the lowest and the highest; nine stands for all who are older."""
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_SENTENCE = re.compile(r"[.!?…]+[”’\"')\]]*(?=\s+[^\sa-z]|\s*$)|\n\s*\n")


def judge_text(content: Mapping[str, Any] | None, *, age: int, language: str, names: Sequence[str]) -> list[Claim]:
    """The claims of a text: {scenes: [{paragraphs}]}."""
    if content is None:
        return [one.not_checked("The story has no whole text.") for one in (LEVEL, LANGUAGE)]
    text = "\n\n".join(paragraph for scene in content["scenes"] for paragraph in scene["paragraphs"])
    return [judge_level(text, age=age, language=language, names=names), judge_language(text, language, names)]


def judge_level(text: str, *, age: int, language: str, names: Sequence[str] = ()) -> Claim:
    """The text's grade against those of the age. A name counts as one short word, whatever it is."""
    if language.partition("-")[0] != "en":
        return LEVEL.not_checked("The grade is made for English.")
    low, high = _BOUNDS[min(max(age, 3), 9)]
    measured = grade(_without(text, names, "Bo"))
    told = "" if low is None else f"at least {low:g} and "
    return LEVEL.judge(measured, f"Grade {measured:.1f}; {told}at most {high:g} at {age}.", at_least=low, at_most=high)


def grade(text: str) -> float:
    """Flesch-Kincaid (Kincaid et al. 1975), the syllables by CMUdict."""
    words = _WORD.findall(text)
    sentences = sum(1 for part in _SENTENCE.split(text) if part and _WORD.search(part))
    if not words:
        return 0.0
    spoken = sum(max(1, sum(map(syllables, re.split("[-]", word)))) for word in words)
    return 0.39 * len(words) / max(1, sentences) + 11.8 * spoken / len(words) - 15.59


def syllables(word: str) -> int:
    """How many syllables a word is said with."""
    plain = word.lower().replace("’", "'")
    found = _pronounced().get(plain) or _pronounced().get(plain.removesuffix("'s"))
    if found is not None:
        return found
    return max(1, len(re.findall(r"[aeiouy]+", plain)) - (1 if re.search(r"[^aeiouyl]e$", plain) else 0))


@cache
def _pronounced() -> Mapping[str, int]:
    from pocketsphinx import get_model_path  # noqa: PLC0415 - see sound.py

    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines()
    entries = (line.split() for line in lines)
    vowels = frozenset("AEIOU")
    return {word: sum(sound[0] in vowels for sound in sounds) for word, *sounds in entries if "(" not in word}


def judge_language(text: str, language: str, names: Sequence[str] = ()) -> Claim:
    """How likely the text is in the language, by its letters; names may be of any."""
    identifier = _identifier()
    wanted = _SAME.get(language.partition("-")[0], language.partition("-")[0])
    if wanted not in identifier.labels:
        return LANGUAGE.not_checked("The detector does not know the language.")
    ranked = dict(identifier.rank(_without(text, names, "")))
    best = max(ranked, key=lambda one: ranked[one])
    return LANGUAGE.judge(float(ranked[wanted]), f"It is most likely {best}.")


_SAME = {"nb": "no", "fil": "tl", "iw": "he"}
"""Tags of ours, and the detector's."""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - its model is read when it is imported

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _without(text: str, names: Sequence[str], instead: str) -> str:
    for name in sorted((unicodedata.normalize("NFC", one).strip() for one in names), key=len, reverse=True):
        if name:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text, flags=re.IGNORECASE)
    return text
