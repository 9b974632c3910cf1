"""Topics that no story for children is told about, found by rules of our own in all that people type.

They stand beside the provider's moderation, which judges the whole and may be away: these are plain rows of words
(topics.toml, where a rule's form is explained) and say which field holds what. Text is read as somebody would read it
who has been deceived before: without regard to case, accents and points, with letters of other scripts, digits and
signs taken for what they look like, and words that are spelled out or cut up put together.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product

from storyloom.story.brief import REQUIRED_DETAILS, Brief
from storyloom.story.languages import language_of
from storyloom.story.names import plain_letters

TOPICS = ("self_harm", "abuse", "sexual", "weapons", "drugs", "medical_advice")
"""What is refused; where several are found, the first comes first."""

MAX_GAP = 3
"""Words that ``~`` of a rule may stand for."""
MAX_PIECE_GAP = 8
"""Characters that it may stand for in languages without spaces between words."""
KEY = 2
"""Letters that words are looked up by which only begin as a rule has it."""
SPELLED_OUT = 4
"""Single letters in a row that are a word spelled out."""

_SAME_RULES = {"bs": "hr", "sr-Latn": "hr", "ms": "id", "nn": "nb", "no": "nb", "zh-Hant": "zh"}
"""Languages that are read by the rules of another."""
_PIECES = frozenset({"zh", "ja", "th"})
"""Languages without spaces between words: their rules are pieces of text."""


@dataclass(frozen=True, slots=True)
class RefusedField:
    """A field of a brief that holds a topic; ``pointer`` is a JSON pointer (RFC 6901) into the brief."""

    pointer: str
    topic: str


def refused_fields(brief: Brief) -> tuple[RefusedField, ...]:
    """Every field of the brief that somebody typed into and that holds a topic, the gravest topic first."""
    found = [
        RefusedField(pointer, topic)
        for pointer, text in _typed_fields(brief)
        for topic in find_topics(text, brief.language)
    ]
    return tuple(sorted(found, key=lambda one: TOPICS.index(one.topic)))


def find_topics(text: str, language: str = "en") -> tuple[str, ...]:
    """The topics that a text holds, in the order of TOPICS. ``language``: a tag; the text may be in any other."""
    row = language_of(language).tag
    own = _SAME_RULES.get(row, row)
    read = _read(text)
    found = {topic for words in _views(read) for topic in _found_in(words, own)}
    joined = "".join(read.split())
    harmless, pieces = _pieces()
    clean = harmless.sub("\n", joined)
    found.update(topic for topic, pattern in pieces if pattern.search(clean))
    return tuple(topic for topic in TOPICS if topic in found)


def ruled_topics(tag: str) -> frozenset[str]:
    """The topics that there are rules for in a language of its own."""
    section = _table().get(_SAME_RULES.get(tag, tag), {})
    return frozenset(topic for topic in TOPICS if topic in section)


def load_rules() -> None:
    """Read the rules now, which takes some tenths of a second, and not with the first brief."""
    _indices()
    _pieces()


def _typed_fields(brief: Brief) -> Iterator[tuple[str, str]]:
    """What somebody typed, by pointer. The client's metadata is in no story."""
    for at, character in enumerate(brief.characters):
        place = f"/characters/{at}"
        yield f"{place}/name", character.name
        for name, text in character.appearance.model_dump(exclude_none=True).items():
            yield f"{place}/appearance/{name}", text
        for name in ("features", "personality"):
            texts: tuple[str, ...] = getattr(character, name)
            yield from ((f"{place}/{name}/{number}", text) for number, text in enumerate(texts))
    known = {name for names in REQUIRED_DETAILS.values() for name in names}
    for name, value in brief.type_details.items():
        if name not in known:
            yield "/typeDetails", name  # the pointer would repeat it
        if isinstance(value, str):
            yield f"/typeDetails/{name}" if name in known else "/typeDetails", value
    yield "/setting", brief.setting or ""
    yield "/premise", brief.premise or ""


_PIECE_GAP = rf"[^。.！!？?\n]{{0,{MAX_PIECE_GAP}}}"

# Reading.

_LOOKALIKES = str.maketrans("авекмнорстухіјѕԁԛԝьαβεικνορτυχγ", "abekmhopctyxijsdqwbabeikvoptuxy")
"""Cyrillic and Greek letters that look like Latin ones, as they are after case and accents are gone."""
_ARABIC = str.maketrans({"ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك", "ہ": "ه", "ے": "ي", "ٱ": "ا"})
_SIGNS = {"@": "a", "$": "s", "€": "e", "0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "+": "t"}
_AS_I, _AS_L = (str.maketrans({**_SIGNS, "1": one, "!": one, "|": one}) for one in "il")
_CAN_DISGUISE = re.compile(r"[^\s]*[^\W\d_][^\s]*")
_ENDS = re.compile(r"[.!?…;।۔؟]+(?=\s|$)")
_PLAIN_WORD = re.compile(r"[a-z0-9]+")
_LATIN = re.compile(r"[a-z]")
_OTHER_LETTERS = re.compile(r"[\u0370-\u052f]")
_RUN = re.compile(r"(.)\1{2,}")
_WRITTEN_OUT = re.compile(r"([aou])e")
_PREFIXES = (
    (re.compile(r"[\u0600-\u06ff]"), re.compile(r"^(?:[وف]?(?:ال|بال|كال|لل)|[وفبلس])(?=\w{3})")),
    (re.compile(r"[\u05d0-\u05ea]"), re.compile(r"^[הובלכמש]{1,2}(?=\w{3})")),
)
"""What Arabic and Hebrew write together with a word."""

Word = tuple[str, ...]
"""A word, in every form that it may be meant in. None at all: a sentence's end, or what has been taken out."""
_END: Word = ()


def _read(text: str) -> str:
    """The text as rules are compared with it. Rules go through it too."""
    if text.isascii():
        return text.lower()
    seen = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    return plain_letters(unicodedata.normalize("NFKC", seen).casefold()).translate(_ARABIC)


def _views(read: str) -> Iterator[list[Word]]:
    """The words of a text; and where it may be disguised, those that it may really have."""
    words = list(_words(read))
    yield words
    shown = list(_undisguised(read))
    if shown != words:
        yield shown
    spelled = list(_put_together(words))
    if len(spelled) != len(words):
        yield spelled


def _words(read: str) -> Iterator[Word]:
    for chunk in _ENDS.sub(" \n ", read).split(" "):
        if "\n" in chunk:
            yield _END
        for word in _cut(chunk):
            bare = word.lstrip("0123456789")
            yield from (_forms(part) for part in (word[: len(word) - len(bare)], bare) if part)


def _undisguised(read: str) -> Iterator[Word]:
    """The words with digits and signs as letters, and without what cuts them up: k1ll, s.u.i.cide, pôr-no."""
    for chunk in _ENDS.sub(" \n ", read).split(" "):
        if "\n" in chunk:
            yield _END
        bare = chunk.strip(" \n.,;:!?…\"'()[]{}«»„“”‘’-–—*_")
        if not bare:
            continue
        if bare.isalpha() or not _CAN_DISGUISE.fullmatch(bare):
            yield from _words(bare)
            continue
        forms = (form for signs in (_AS_I, _AS_L) for form in _forms("".join(_cut(bare.translate(signs)))))
        yield tuple(dict.fromkeys(forms))


def _cut(text: str) -> list[str]:
    """The letters and digits that stand together. Vowel signs of Indic scripts are marks."""
    if text.isascii():
        return _PLAIN_WORD.findall(text)
    return "".join(sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in text).split()


def _put_together(words: Sequence[Word]) -> Iterator[Word]:
    run: list[Word] = []
    for word in [*words, _END]:
        if word and len(word[0]) == 1 and word[0].isalpha():
            run.append(word)
            continue
        yield from [_forms("".join(one[0] for one in run))] if len(run) >= SPELLED_OUT else run
        run = []
        yield word


def _forms(word: str) -> Word:
    forms = [word]
    if _RUN.search(word):
        forms += [_RUN.sub(r"\1", word), _RUN.sub(r"\1\1", word)]
    if _WRITTEN_OUT.search(word):
        forms.append(_WRITTEN_OUT.sub(r"\1", word))  # moechte, where a keyboard lacks the letter
    if word.isascii():
        return tuple(forms)
    if _OTHER_LETTERS.search(word):
        latin = word.translate(_LOOKALIKES)
        if _LATIN.search(word) or not _OTHER_LETTERS.search(latin):
            forms.append(latin)
    forms += [bare for script, prefix in _PREFIXES if script.search(word) and (bare := prefix.sub("", word)) != word]
    return tuple(dict.fromkeys(forms))


# Rules.


@dataclass(frozen=True, slots=True)
class _Element:
    """One place of a rule: these words, words that begin so, a number, or a gap."""

    words: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    optional: bool = False
    number: bool = False
    gap: bool = False

    def fits(self, word: Word) -> bool:
        if self.number:
            return bool(word) and word[0].isdigit()
        return any(form in self.words or form.startswith(self.beginnings) for form in word)


_Row = tuple[_Element, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    topic: str
    row: _Row
    language: str
    """Only briefs in this one are read by it; empty: all are."""


@dataclass(frozen=True, slots=True)
class _Index:
    """Rules by what their first place may be."""

    words: dict[str, list[_Rule]]
    beginnings: dict[str, list[tuple[str, _Rule]]]
    """By their first letters: KEY of them, or one."""
    numbers: list[_Rule]

    def that_begin_with(self, word: Word) -> Iterator[_Rule]:
        for form in word:
            yield from self.words.get(form, ())
            for key in {form[:KEY], form[:1]}:
                yield from (rule for begins, rule in self.beginnings.get(key, ()) if form.startswith(begins))
        if word and word[0].isdigit():
            yield from self.numbers


def _found_in(words: list[Word], language: str) -> set[str]:
    harmless, refused = _indices()
    left = list(words)
    for start, word in enumerate(words):
        for rule in harmless.that_begin_with(word):
            if (end := _end_of(rule.row, words, start)) is not None:
                left[start:end] = [_END] * (end - start)
    found: set[str] = set()
    for start, word in enumerate(left):
        found.update(
            rule.topic
            for rule in refused.that_begin_with(word)
            if rule.topic not in found
            and rule.language in {"", language}
            and _end_of(rule.row, left, start) is not None
        )
    return found


def _end_of(row: _Row, words: Sequence[Word], start: int) -> int | None:
    """Where the row ends that begins at ``start``; None where it does not stand there."""
    if not row:
        return start
    first, rest = row[0], row[1:]
    if first.gap:
        for end in range(start, min(start + MAX_GAP, len(words)) + 1):
            if end > start and not words[end - 1]:
                return None
            if (found := _end_of(rest, words, end)) is not None:
                return found
        return None
    if start < len(words) and first.fits(words[start]):
        found = _end_of(rest, words, start + 1)
        if found is not None:
            return found
    return _end_of(rest, words, start) if first.optional else None


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(files(__package__).joinpath("topics.toml").read_text("utf-8"))


@cache
def _indices() -> tuple[_Index, _Index]:
    """The harmless rows, and the rules."""
    harmless: list[_Rule] = []
    refused: list[_Rule] = []
    for language, section in _table().items():
        if language in _PIECES:
            continue
        for topic, lines in section.items():
            if topic not in {*TOPICS, "not"}:
                continue
            for line in filter(None, map(str.strip, _read(lines).split("\n"))):
                own = language if line.startswith("@") else ""
                rules = (_Rule(topic, row, own) for row in _rows(line.removeprefix("@"), section))
                (harmless if topic == "not" else refused).extend(rules)
    return _index(harmless), _index(refused)


def _index(rules: Sequence[_Rule]) -> _Index:
    words: dict[str, list[_Rule]] = {}
    beginnings: dict[str, list[tuple[str, _Rule]]] = {}
    for rule in rules:
        for word in rule.row[0].words:
            words.setdefault(word, []).append(rule)
        for beginning in rule.row[0].beginnings:
            beginnings.setdefault(beginning[:KEY], []).append((beginning, rule))
    return _Index(words, beginnings, [rule for rule in rules if rule.row[0].number])


@cache
def _pieces() -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    """What is harmless in languages without spaces between words, and their rules by topic.

    Japanese and Chinese share their characters: what is harmless in one is so in both.
    """
    patterns: dict[str, list[str]] = {}
    for language in sorted(_PIECES):
        for name, lines in _table()[language].items():
            pieces = (line.replace("~", _PIECE_GAP) for line in _read(lines).split("\n") if line)
            patterns.setdefault(name, []).extend(pieces)
    compiled = {name: re.compile("|".join(pieces)) for name, pieces in patterns.items()}
    return compiled.pop("not"), tuple(compiled.items())


_PARTS = re.compile(r"\s*([()|?~#]|<\w+>|[^\s()|?~#<>]+)")


def _rows(line: str, section: dict[str, str]) -> Iterator[_Row]:
    """The rows of a rule: one for each way to take its alternatives of several words.

    Raises ValueError for a rule that is none, or would begin with a gap.
    """
    parts = _PARTS.findall(line)
    if "".join(parts) != "".join(line.split()):
        raise ValueError(f"no rule: {line}")
    rows, rest = _alternatives(parts, section)
    if rest:
        raise ValueError(f"no rule: {line}")
    for row in rows:
        while row and row[0].optional:  # with it and without: rules are found by their first place
            yield (_Element(row[0].words, row[0].beginnings), *row[1:])
            row = row[1:]  # noqa: PLW2901 - what is left is the row
        if not row or row[0].gap:
            raise ValueError(f"begins with nothing: {line}")
        yield row


def _alternatives(parts: list[str], section: dict[str, str]) -> tuple[list[_Row], list[str]]:
    """The rows up to the end of the parts or of the bracket, and what follows."""
    rows: list[_Row] = []
    row: list[list[_Row]] = []
    while parts and parts[0] != ")":
        part, parts = parts[0], parts[1:]
        match part:
            case "|":
                rows += _taken(row)
                row = []
            case "(":
                inner, rest = _alternatives(parts, section)
                if not rest:
                    raise ValueError("a bracket is open")
                parts = rest[1:]
                inner = _as_one(inner)
                if parts[:1] == ["?"]:
                    parts = parts[1:]
                    inner = _optional(inner)
                row.append(inner)
            case "~":
                row.append([(_Element(gap=True),)])
            case "#":
                row.append([(_Element(number=True),)])
            case _ if part.startswith("<"):
                row.append([(_element(_read(section[part[1:-1]]).split()),)])
            case _:
                row.append([tuple(_element([word]) for word in _rule_words(part))])
    return rows + _taken(row), parts


def _taken(row: list[list[_Row]]) -> list[_Row]:
    return [tuple(element for part in parts for element in part) for parts in product(*row)] if row else []


def _as_one(rows: list[_Row]) -> list[_Row]:
    """Alternatives of one word each as one place; others stay rows of their own."""
    single = [row[0] for row in rows if len(row) == 1 and not (row[0].gap or row[0].number or row[0].optional)]
    several = [row for row in rows if len(row) != 1 or row[0] not in single]
    if not single:
        return several
    words = frozenset(word for one in single for word in one.words)
    beginnings = tuple(beginning for one in single for beginning in one.beginnings)
    return [(_Element(words, beginnings),), *several]


def _optional(rows: list[_Row]) -> list[_Row]:
    if len(rows) == 1 and len(rows[0]) == 1:
        return [(_Element(rows[0][0].words, rows[0][0].beginnings, optional=True),)]
    return [*rows, ()]


def _rule_words(part: str) -> list[str]:
    """The words of what stands in a rule without spaces, as a text's would be cut: l'insuline is two."""
    ending = part.endswith("*")
    words = _cut(part)
    return [*words[:-1], f"{words[-1]}*"] if ending else words


def _element(words: Sequence[str]) -> _Element:
    whole = frozenset(word for word in words if not word.endswith("*"))
    return _Element(whole, tuple(word.removesuffix("*") for word in words if word.endswith("*")))
