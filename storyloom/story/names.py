"""Names: tidied once at the door, and known again however a model, a text or a cast spells them.

A name is kept as it was typed, but for its normal form and its white space. It is compared folded: without regard to
case, the form of its apostrophes and, where nobody else of the cast is meant by it, its accents.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from anyascii import anyascii

from storyloom.story.model_text import tidy

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼʻ`´′＇ʹ", "'"))
# Letters whose mark is a part of them, so that no normal form takes it away.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
"""German and the Nordic languages, where a keyboard lacks the letter."""
# Accents of Latin, Greek and Cyrillic, Hebrew points, Arabic vowel signs and hamzas. In Indic scripts marks are vowels.
_ACCENTS = re.compile(r"[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c7\u064b-\u065f\u0670\u0640]")
# Letters and symbols by category that show nothing: Hangul fillers, the blank Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_SOUNDS = (("shch", "sh"), ("sch", "sh"), ("ph", "f"), ("ck", "k"), ("qu", "kv"), ("x", "ks"))
_ALIKE = str.maketrans({"y": "i", "j": "i", "w": "v", "c": "k", "q": "k", "z": "s"})


def tidy_name(name: str) -> str:
    """A name as it is kept: composed (NFC), on one line, one space between its words, without what nobody sees.

    ValueError where nothing is left of it to be seen.
    """
    tidied = tidy(name)
    if all(unicodedata.category(sign)[0] in "CZM" or sign in _BLANK for sign in tidied):
        raise ValueError("holds nothing that can be seen")
    return tidied


def fold(name: str) -> str:
    """A name as names are compared: without regard to case, white space and the form of apostrophes."""
    folded = unicodedata.normalize("NFKC", tidy(name)).casefold().translate(_APOSTROPHES)
    return " ".join(folded.split())


@lru_cache(maxsize=1024)
def spellings(name: str) -> frozenset[str]:
    """What a name may be spelt as without accents, apostrophes, hyphens and spaces: Zoe, Bjork and Bjoerk, OBrien."""
    folded = fold(name)
    return frozenset(_bare(form) for form in (folded, folded.translate(_WRITTEN_OUT)))


@lru_cache(maxsize=1024)
def sound(name: str) -> str:
    """A name in Latin letters, roughly as it sounds: Зоя, Zoya and Zoja are the same. Empty for what has no sound."""
    text = re.sub(r"[^a-z]", "", anyascii(_bare(fold(name))).lower())
    for letters, alike in _SOUNDS:
        text = text.replace(letters, alike)
    return re.sub(r"(.)\1+", r"\1", text.translate(_ALIKE))


def find_name(said: str, cast: Iterable[str]) -> str | None:
    """Whom of a cast a name means, as the cast has it: the same, else the same folded, else spelt without accents.

    None where it means nobody, or might mean two.
    """
    cast = tuple(cast)
    if said in cast:
        return said
    same = [name for name in cast if fold(name) == fold(said)]
    found = same or [name for name in cast if spellings(name) & spellings(said)]
    return found[0] if len(found) == 1 else None


def disambiguated(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a cast with a number behind those that are the same folded: Max 1 and Max 2."""
    counts, seen = Counter(map(fold, names)), Counter[str]()
    found = []
    for name in names:
        seen[fold(name)] += 1
        found.append(f"{name} {seen[fold(name)]}" if counts[fold(name)] > 1 else name)
    return tuple(found)


def plain_letters(folded: str) -> str:
    """Folded text without accents, points and vowel signs: ı and ø as i and o too."""
    decomposed = unicodedata.normalize("NFD", folded)
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed)).translate(_PLAIN_LETTERS)


def _bare(folded: str) -> str:
    return re.sub(r"[\s'.\-‐‑–]", "", plain_letters(folded))
