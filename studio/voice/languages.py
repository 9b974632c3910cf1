"""Which language a text is read in, and which one a word of another script is read in.

A reading says no language (ElevenLabs hears it from the text), so it is heard from the text here, too: by script, and
among languages with Latin letters by the small words that every sentence has.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

ENGLISH = "en-us"


def _words(row: str) -> frozenset[str]:
    return frozenset(row.split())


# By the first word of a letter's Unicode name; espeak-ng's names of its voices.
_SCRIPTS: Mapping[str, str] = MappingProxyType({
    "CYRILLIC": "ru", "ARABIC": "ar", "HEBREW": "he", "GREEK": "el", "DEVANAGARI": "hi", "BENGALI": "bn", "TAMIL": "ta",
    "TELUGU": "te", "HANGUL": "ko", "HIRAGANA": "ja", "KATAKANA": "ja", "CJK": "cmn", "GEORGIAN": "ka",
    "ARMENIAN": "hy", "THAI": "th", "ETHIOPIC": "am",
})  # fmt: skip
_SMALL_WORDS: Mapping[str, frozenset[str]] = MappingProxyType({
    ENGLISH: _words("the and was of to it in that he she they with for on had her his said"),
    "de": _words("der die das und war ein eine nicht ist mit es sie er den dem sich auf sagte im zu"),
    "fr": _words("le la les et était un une des dans que pas il elle est avec du qui sur dit au"),
    "es": _words("el la los las y era un una en que no con se por del su dijo lo al es"),
    "it": _words("il lo la gli e era un una di che non con si per del nel disse le al è"),
    "pt": _words("o a os as e era um uma em que não com se por do da disse no ao é"),
    "nl": _words("de het een en was van in dat niet met zij hij op er zei te voor is naar ze"),
    "sv": _words("och det en ett var att som i på inte med hon han sade den till är av för sig"),
    "pl": _words("i w się na nie był była z to że do jest jak po powiedział powiedziała o jego jej"),
    "tr": _words("bir ve bu da de çok için ile ne gibi dedi o var sonra kadar ama daha en mi küçük"),
})  # fmt: skip
_UKRAINIAN = re.compile("[іїєґ]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_FEWEST = 2
"""Small words that another language must have more of than English: a single one may be a name."""


def hear_language(text: str) -> str:
    """The voice for a whole text: of the script that most of its letters have, for Latin ones of its small words."""
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    if not scripts:
        return ENGLISH
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > sum(scripts.values()) / 10:
        return "ja"
    script = scripts.most_common(1)[0][0]
    if script in _SCRIPTS:
        return "uk" if script == "CYRILLIC" and _UKRAINIAN.search(text) else _SCRIPTS[script]
    words = Counter(_WORD.findall(text.lower()))
    votes = {voice: sum(words[word] for word in small) for voice, small in _SMALL_WORDS.items()}
    best = max(votes, key=lambda voice: (votes[voice], voice == ENGLISH))
    return best if votes[best] >= votes[ENGLISH] + _FEWEST else ENGLISH


def voice_for(word: str, language: str) -> str:
    """The voice for one word of a text: its script's own, where it is another than the text's."""
    for letter in word:
        script = _script(letter) if letter.isalpha() else ""
        if script in _SCRIPTS:
            own = _SCRIPTS[script]
            return language if _reads(language, script) else own
        if script == "LATIN" and not _reads(language, "LATIN"):
            return ENGLISH
    return language


def _reads(language: str, script: str) -> bool:
    """Whether the voice is of a language that is written so."""
    if script == "LATIN":
        return language in _SMALL_WORDS
    if script == "CYRILLIC":
        return language in {"ru", "uk"}
    return language == _SCRIPTS[script] or (language == "ja" and script == "CJK")


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
