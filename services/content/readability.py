"""Readability: how hard a text is for an age, measured, and what is to be done about it. Pure.

Grades are Flesch–Kincaid (Kincaid et al. 1975, Derivation of new readability formulas): 0.39 words a sentence +
11.8 syllables a word − 15.59. It is made for English, so that grades, rare and plain words are judged in English alone.
Elsewhere sentences are measured. A text may be too easy as well as too hard: who is ten wants more than "The dog ran."
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from storyloom.story.languages import language_of
from storyloom.story.names import spellings
from storyloom.story.results import Readability

# Vowel signs and points, which Python does not count among the letters that they belong to: combining accents, Hebrew,
# Arabic, and the Indic blocks but for their full stops.
_MARKS = "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0dff"
_LETTER = rf"(?:(?!_)[\w{_MARKS}])"
_WORD = re.compile(rf"[^\W_]{_LETTER}*(?:['’\-][^\W_]{_LETTER}*)*")
# A sentence ends where its mark, and quotes or brackets after it, are followed by anything but a small letter:
# “Stop!” said Mira is one sentence.
_END = re.compile(r"[.!?…؟۔।॥。！？]+[”’\"')\]]*(?=\s+[^\sa-zà-ÿ]|\s*$)")
_ABBREVIATED = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|Prof)\.(?=\s)")
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿаеёиоуыэюяєіїαεηιουω]+")
# Vowels side by side that are said apart: giant, quiet, lion; radio, piano; museum, video; seeing; actual; idea.
_APART = re.compile(
    r"^(?:d|g|l|qu|sc|tr|v)i(?:[ao]|e(?!d?$|s$|w))|(?<![cgqst])i[ao](?!u)|eo(?=n|$)|eum|[aeiouy]ing$|(?<=[^gq])ua"
    r"|(?<=d)ea$|(?<=[dt])ier$"
)
_SILENT_END = re.compile(r"(?<![td])(?<![aeiouy])ed$|[^aeiouyscxz](?<!ch)(?<!sh)(?<!g)es$")
_LES = re.compile(r"[bcdfgkpstz]le[sd]$")
# A silent e within: something, everything, evening, different, notebook.
_SILENT_INSIDE = re.compile(r"some(?=[bhtwd])|every|evening|different|note(?=b)|hedge(?=h)")
_UNSPEAKABLE = re.compile(r"[<>{}\[\]\\#*_|`=@^~]|https?:|[\U0001f300-\U0001faff]")


@dataclass(frozen=True, slots=True)
class Targets:
    """What a text for an age should be: words in all, words a sentence, and a grade, from which it is one off at most.

    ``rare_share`` is the highest share of words that a child may not know, ``uncommon_share`` the lowest of those that
    are not among the commonest. ``harder``: grades more that do no harm at this age. ``slack`` widens its bounds
    where a text is so short that a word moves it.
    """

    words: int
    sentence_words: int
    grade: float
    rare_share: float
    uncommon_share: float = 0.0
    harder: float = 0.0
    slack: float = 0.0

    @property
    def lowest_grade(self) -> float:
        return max(0.0, self.grade - GRADES_OFF - self.slack)

    @property
    def highest_grade(self) -> float:
        return self.grade + GRADES_OFF + self.harder + self.slack

    def a_scene(self) -> "Targets":
        """The same for one scene of four."""
        words = round(self.words / 4)
        return replace(self, words=words, slack=_SHORT_SLACK if words < _SHORT_WORDS else 0.0)

    def as_block(self) -> dict[str, float]:
        """As the prompts' ``targets`` block (docs/providers.md)."""
        return {"words": self.words, "sentenceWords": self.sentence_words, "grade": self.grade}


@dataclass(frozen=True, slots=True)
class Finding:
    """What falls short, as a sentence for the writer; ``weight`` is how far, 0 being not at all."""

    text: str
    weight: float


GRADES_OFF = 1.0
"""Grades by which a story may miss that of its age."""
SHORTEST_SENTENCES = 0.7
"""Of the wanted length of sentences: the mean of shorter ones is a primer's."""
_SHORT_WORDS, _SHORT_SLACK = 60, 0.6
"""Of a text shorter than so many words one long word is a third of a grade."""

# Words of a story and of a sentence by age are the product's. Grades are what sentences of that length come to with
# 1.2 syllables a word at three and 1.27 at nine.
_TARGETS = {
    3: Targets(75, 5, 0.6, 0.08),
    4: Targets(125, 6, 1.0, 0.08),
    5: Targets(175, 8, 1.4, 0.08),
    6: Targets(225, 9, 2.0, 0.10, 0.02),
    7: Targets(300, 10, 2.6, 0.12, 0.03),
    8: Targets(375, 11, 3.2, 0.15, 0.04),
    9: Targets(500, 12, 4.0, 0.18, 0.05),
    10: Targets(500, 12, 4.0, 0.18, 0.05),
    11: Targets(500, 13, 4.0, 0.20, 0.05, harder=1.0),
    12: Targets(500, 13, 4.0, 0.20, 0.05, harder=1.0),
}


def targets_for(age: int) -> Targets:
    """The targets of a whole story; it is no longer than at nine for who is older, but harder. Twelve is the last."""
    return _TARGETS[min(max(age, 3), 12)]


def count_words(text: str) -> int:
    """Words; a number is one, and so is what a hyphen or an apostrophe joins."""
    return len(_WORD.findall(text))


def measure(text: str, names: Collection[str] = ()) -> Readability:
    """How hard a text is. Names count as known and easy: a child can read those of the story's own people."""
    return _measure(_with_easy_names(text, names), names)


def _measure(text: str, names: Collection[str]) -> Readability:
    words = _WORD.findall(text)
    if not words:
        return Readability(grade=0, sentence_words=0, rare_share=0)
    known = _parts(names)
    sentences = max(1, len(_lengths(text)))
    syllables = sum(1 if word.casefold() in known else count_syllables(word) for word in words)
    grade = 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59
    rare = sum(is_rare(word) for word in words if word.casefold() not in known)
    return Readability(
        grade=round(max(grade, 0.0), 2),
        sentence_words=round(len(words) / sentences, 2),
        rare_share=round(rare / len(words), 4),
    )


def judge(text: str, targets: Targets, language: str = "en", names: Collection[str] = ()) -> tuple[Finding, ...]:
    """What falls short of the targets, worst first; empty if all is well.

    Words are not counted where no spaces stand between them.
    """
    text = _with_easy_names(text, names)
    measured = _measure(text, names)
    found = _judge_marks(text, names)
    if language_of(language).spaced:
        found += [*_judge_length(text, targets), *_judge_sentences(text, targets)]
    if language_of(language).tag == "en":
        found += [*_judge_grade(measured.grade, targets), *_judge_rare_words(text, targets, names)]
        found += _judge_plain_words(text, targets, names)
    return tuple(sorted(found, key=lambda finding: -finding.weight))


def count_syllables(word: str) -> int:
    """Syllables by the sounds that vowels make together, at least one: an estimate, good for a mean over a text."""
    bare = re.sub(r"['’\-]", "", word.casefold())
    count = len(_VOWELS.findall(bare))
    count += len(_APART.findall(bare))
    if re.search(r"[^aeiouy]e$", bare) and not re.search(r"[^aeiouylr]le$", bare):
        count -= 1  # a silent e: "lake", but not "little"
    elif not _LES.search(bare) and _SILENT_END.search(bare):
        count -= 1  # "jumped", "lakes", but not "wanted", "boxes", "candles"
    count -= len(_SILENT_INSIDE.findall(bare))
    return max(count, 1)


def is_rare(word: str) -> bool:
    """Whether a child may not know a word: it is long, and not one of the long words that children know."""
    bare = re.sub(r"['’]s?$", "", word.casefold())
    if "-" in bare:
        return any(is_rare(part) for part in bare.split("-"))
    if len(bare) < 7 and count_syllables(bare) < 3:
        return False
    return not any(form in _familiar() or form in _said()[4.0] or _is_short(form) for form in _stems(bare))


def is_uncommon(word: str) -> bool:
    """Whether a word is none of the 1,600 commonest, in whatever form: "tank", "hummed", but not "running"."""
    bare = re.sub(r"['’](?:s|m|d|re|ve|ll|t)?$", "", word.casefold())
    return len(bare) > 2 and not bare.isdigit() and not any(form in _said()[4.5] for form in _stems(bare))


def _is_short(form: str) -> bool:
    """A word whose stem is short is as easy as its stem: "whispering" is hard, "jumping" is not."""
    return len(form) <= 5 and count_syllables(form) < 3


def _stems(word: str) -> set[str]:
    """The word, and what it may have been before its ending."""
    forms = {word}
    for ending in ("s", "es", "d", "ed", "r", "er", "st", "est", "ly", "ing", "y", "ness", "ful", "less"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3:
            forms |= {stem, stem + "e"}
            if stem[-1] == stem[-2]:
                forms.add(stem[:-1])
            if stem[-1] == "i":
                forms.add(stem[:-1] + "y")
    return forms


@cache
def _said() -> Mapping[float, frozenset[str]]:
    """Words whose Zipf value is at least so high, as words/zipf.txt has them."""
    sections = re.split(r"^\[([\d.]+)\]$", _ZIPF_COMMENT.sub("", _read("zipf.txt")), flags=re.MULTILINE)
    common, known = (frozenset(words.split()) for words in sections[2::2])
    return MappingProxyType({4.5: common, 4.0: common | known})


_ZIPF_COMMENT = re.compile(r"^#.*$", re.MULTILINE)


def _read(name: str) -> str:
    return files(__package__).joinpath(f"words/{name}").read_text("utf-8")


@cache
def _familiar() -> frozenset[str]:
    return frozenset(_read("familiar.txt").split())


_EASY_NAME = "Bo"
"""What stands for a name in a text that is measured: one short word, whatever the name is made of."""


def _with_easy_names(text: str, names: Collection[str]) -> str:
    """The text with every whole name replaced: a name's words, stops, signs and emoji are no fault of the text's."""
    longest_first = sorted({unicodedata.normalize("NFC", name).strip() for name in names}, key=lambda name: -len(name))
    patterns = [_name_pattern(name) for name in longest_first if name]
    return re.sub("|".join(patterns), _EASY_NAME, text, flags=re.IGNORECASE) if patterns else text


@cache
def _name_pattern(name: str) -> str:
    """The name as it may stand in a text: any white space within, either apostrophe, not as a part of a word."""
    spelt = [re.sub("['’]", "['’]", re.escape(word)) for word in name.split()]
    before = r"(?<!\w)" if name[0].isalnum() else ""
    return before + r"\s+".join(spelt) + (r"(?!\w)" if name[-1].isalnum() else "")


def _parts(names: Collection[str]) -> frozenset[str]:
    words = [word for name in names for word in _WORD.findall(unicodedata.normalize("NFC", name).casefold())]
    spelt = {_EASY_NAME.casefold(), *words, *(spelling for word in words for spelling in spellings(word))}
    return frozenset(part for word in spelt for part in (word, word + "'s", word + "’s"))


def _lengths(text: str) -> list[int]:
    """Words in each sentence; a paragraph's end ends a sentence too."""
    plain = _ABBREVIATED.sub(r"\1", text)
    pieces = (piece for paragraph in plain.split("\n\n") for piece in _END.split(paragraph))
    return [length for piece in pieces if (length := count_words(piece))]


def _judge_marks(text: str, names: Collection[str]) -> list[Finding]:
    marks = sorted(set(_UNSPEAKABLE.findall(text)) - set("".join(names)))
    return [Finding(f"The text holds what nobody can read aloud: {' '.join(marks)}", 1.0)] if marks else []


def _judge_length(text: str, targets: Targets) -> list[Finding]:
    words = count_words(text)
    spare = max(6.0, targets.words * 0.3)
    if words > targets.words + spare:
        return [Finding(f"The text is too long: {words} words, {targets.words} wanted.", words / targets.words - 1)]
    if words < targets.words - spare:
        return [Finding(f"The text is too short: {words} words, {targets.words} wanted.", 1 - words / targets.words)]
    return []


def _judge_sentences(text: str, targets: Targets) -> list[Finding]:
    lengths = _lengths(text) or [0]
    mean, longest, wanted = sum(lengths) / len(lengths), max(lengths), targets.sentence_words
    if mean > max(wanted * 1.3, wanted + 2):
        wrong = f"The sentences are too long: {mean:.0f} words on average, {wanted} wanted."
        return [Finding(wrong, mean / wanted - 1)]
    if longest > wanted * 2.5:
        wrong = f"One sentence is too long: {longest} words, about {wanted} wanted."
        return [Finding(wrong, longest / wanted / 2.5 - 1)]
    if mean < wanted * SHORTEST_SENTENCES:
        wrong = f"The sentences are too short: {mean:.1f} words on average, {wanted} wanted."
        return [Finding(wrong, 1 - mean / wanted)]
    return []


def _judge_grade(grade: float, targets: Targets) -> list[Finding]:
    low, high = targets.lowest_grade, targets.highest_grade
    if grade > high:
        return [Finding(f"The words are too hard: grade {grade:.1f}, at most {high:.1f} wanted.", (grade - high) / 3)]
    if grade < low:
        wrong = f"The sentences are too short and plain for this age: grade {grade:.1f}, at least {low:.1f} wanted."
        return [Finding(wrong, (low - grade) / 3)]
    return []


def _judge_plain_words(text: str, targets: Targets, names: Collection[str]) -> list[Finding]:
    known = _parts(names)
    words = [word for word in _WORD.findall(text) if word.casefold() not in known]
    share = sum(map(is_uncommon, words)) / max(1, len(words))
    if share >= targets.uncommon_share:
        return []
    wrong = "The words are too plain for this age: choose exact ones for things, sounds and movements."
    return [Finding(wrong, 0.2)]


def _judge_rare_words(text: str, targets: Targets, names: Collection[str]) -> list[Finding]:
    known = _parts(names)
    words = _WORD.findall(text)
    rare = [word for word in words if word.casefold() not in known and is_rare(word)]
    if len(rare) <= 1 + targets.rare_share * len(words):  # one in a short scene is a treat, not a fault
        return []
    some = ", ".join(sorted({word.casefold() for word in rare})[:6])
    return [Finding(f"Too many words that a child may not know: {some}.", len(rare) / len(words))]
