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
    "language", "Every scene is in the language that was asked for", "py3langid", 2, unit="probability", at_least=0.5
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
LEAST_LETTERS = 40
"""A scene of fewer says too little of its language: it is judged with the one before it, the first with the next."""
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_SENTENCE = re.compile(r"[.!?…]+[”’\"')\]]*(?=\s+[^\sa-z]|\s*$)|\n\s*\n")


def judge_text(content: Mapping[str, Any] | None, *, age: int, language: str, names: Sequence[str]) -> list[Claim]:
    """The claims of a text: {scenes: [{paragraphs}]}."""
    if content is None:
        return [one.not_checked("The story has no whole text.") for one in (LEVEL, LANGUAGE)]
    scenes = ["\n\n".join(scene["paragraphs"]) for scene in content["scenes"]]
    level = judge_level("\n\n".join(scenes), age=age, language=language, names=names)
    return [level, judge_language(scenes, language, names)]


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


def judge_language(scenes: Sequence[str], language: str, names: Sequence[str] = ()) -> Claim:
    """How likely the least likely scene is in the language, by its letters; names may be of any."""
    tag = language.partition("-")[0]
    wanted = next((one for one in _ALIKE if tag in one), frozenset({_SAME.get(tag, tag)}))
    if not wanted & _KNOWN:
        return LANGUAGE.not_checked("The detector does not know the language.")
    parts = _joined([_without(scene, names, "") for scene in scenes])
    if not parts:
        return LANGUAGE.not_checked("The text has too few letters to tell.")
    ranked = {where: dict(_identifier().rank(text)) for where, text in parts.items()}
    likely = {where: sum(float(found[one]) for one in wanted & _KNOWN) for where, found in ranked.items()}
    where = min(likely, key=lambda one: likely[one])
    best = max(ranked[where], key=lambda one: ranked[where][one])
    return LANGUAGE.judge(likely[where], f"The least likely is {where}: it is most likely {best}.")


def _joined(scenes: Sequence[str]) -> dict[str, str]:
    """The texts that are long enough to be judged, by which scenes they are of; none where all are too short."""
    parts: list[tuple[list[int], str]] = []
    for number, text in enumerate(scenes, start=1):
        if parts and min(_letters(text), _letters(parts[-1][1])) < LEAST_LETTERS:
            numbers, before = parts[-1]
            parts[-1] = [*numbers, number], f"{before}\n\n{text}"
        else:
            parts.append(([number], text))
    return {
        f"scene {' and '.join(map(str, numbers))}": text for numbers, text in parts if _letters(text) >= LEAST_LETTERS
    }


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


_SAME = {"fil": "tl", "iw": "he"}
"""Tags of ours, and the detector's."""
_ALIKE = (frozenset({"bs", "hr", "sr"}), frozenset({"nb", "nn", "no"}), frozenset({"id", "ms"}))
"""Languages that the detector takes for one another however long a text is. They count as one."""
_TOLD_IN = (
    "af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk kn ko "
    "lb lt lv mk ml mr ms mt ne nl nn no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur vi zh"
)
_KNOWN = frozenset(_TOLD_IN.split())
"""Languages that stories are told in. Of a short text the detector's other seventy, most of them dialects, would take
a share each from what it is in.
"""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - its model is read when it is imported

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_KNOWN)
    return identifier


def _without(text: str, names: Sequence[str], instead: str) -> str:
    for name in sorted((unicodedata.normalize("NFC", one).strip() for one in names), key=len, reverse=True):
        if name:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", instead, text, flags=re.IGNORECASE)
    return text
