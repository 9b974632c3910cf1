"""Reads what a premise says of somebody, clause by clause: a fear, a wish, a loss, a change, a deed, how somebody is.

Each becomes a thread: a kind (world/threads.toml) with a few safe words in its slots. What fits no kind is left unread.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from studio.storyteller.language.grammar import is_plural, possessive, spell, with_article, without_article
from studio.storyteller.language.pronouns import Pronouns

_FILE = Path(__file__).parent / "world" / "threads.toml"
_MOST_WORDS = 6
_SAFE = re.compile(r"[a-z]+(?:['’-][a-z]+)*(?: [a-z]+(?:['’-][a-z]+)*){0,5}")
_NOBODY = re.compile(r"\b(?:i|me|we|us|you|your|yours|who|that|which|because|if|why|don't|isn't|please)\b")
_CUT = re.compile(
    r"\s*(?:,| but | because | who | that | which | when | while | so | until | after | before | since | although "
    r"| as )\s*"
)
_OWNED = re.compile(r"\b(?:her|his|their|its|my|our)(?= [a-z])")
_AFTER_AND = re.compile(r"\s+and\s+")


@dataclass(frozen=True)
class Subject:
    """Whom a thread is about: the heroes, the companion, or somebody who is told of in words alone."""

    who: str = "hero"
    phrase: str = ""
    plural: bool = False
    his: str = ""


@dataclass(frozen=True)
class Thread:
    """One thing that a premise says, as its kind and the words for the slots; `<his>` in them is the subject's."""

    kind: str
    subject: Subject
    slots: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    """The words of the premise that it stands for, which nothing else is to be read from."""
    keeps: bool = True
    """Whether a thing or creature among them may still have a part in the story."""


@dataclass(frozen=True)
class Kind:
    """How a kind of thread is told: phrasings with bars for the scenes, two plain sentences for the plan."""

    asks: str
    begin: tuple[str, ...]
    middle: tuple[str, ...]
    end: tuple[str, ...]
    bedtime: tuple[str, ...]
    plan: tuple[str, str]
    drive: str


@cache
def read_kinds() -> Mapping[str, Kind]:
    """Every kind of thread, by name."""
    told = _file()["kinds"]
    return {
        name: Kind(
            asks=one["asks"],
            begin=tuple(one["begin"]),
            middle=tuple(one.get("middle", ())),
            end=tuple(one["end"]),
            bedtime=tuple(one.get("bedtime", ())),
            plan=(one["plan"][0], one["plan"][1]),
            drive=one.get("drive", "must_be_there"),
        )
        for name, one in told.items()
    }


def read_threads(premise: str, names: Sequence[str], kinds: frozenset[str]) -> tuple[Thread, ...]:
    """The threads of a premise in its own order.

    ``names`` are the heroes'; ``kinds`` the creatures that may be cast: a clause about one of these is the companion's.
    """
    found: list[Thread] = []
    for sentence in re.split(r"[.;!?:]+|\s[-–—]\s", premise):
        subject, object_ = Subject(), ""
        for clause in _clauses(_lower(sentence, names), names):
            thread, subject = _read_clause(clause, subject, object_, names, kinds)
            if thread and _is_new(thread, found):
                found.append(thread)
                object_ = thread.slots.get("x", "")
    return tuple(found)


def _is_new(thread: Thread, found: Sequence[Thread]) -> bool:
    return not any((one.kind, one.slots, one.subject) == (thread.kind, thread.slots, thread.subject) for one in found)


# Reading ---------------------------------------------------------------------------------------------------------


def _lower(sentence: str, names: Sequence[str]) -> str:
    """In small letters but for names; a star stands for a name that is no hero's, no relative's and no country's."""
    known = {*_words("proper"), *_words("names"), *_words("family"), "i"}
    told = []
    for at, word in enumerate(sentence.replace("’", "'").split()):
        bare = word.strip(",'\"“”()").removesuffix("'s")
        is_name = bool(at) and bare[:1].isupper() and bare not in _parts(names) and bare.lower() not in known
        odd = re.search(r"[\"“”{}<>|\[\]]", word) is not None
        told.append("*" if is_name or odd else word.strip('"“”()').lower() if bare not in _parts(names) else word)
    return " ".join(told)


def _parts(names: Sequence[str]) -> set[str]:
    return {part for name in names for part in name.split()}


def _clauses(sentence: str, names: Sequence[str]) -> Iterator[str]:
    """The clauses; "and" begins one where a verb or a subject with a verb follows, else it joins two nouns."""
    for part in re.split(r",\s*(?:and\s+|but\s+)?|\s+but\s+|\s+because\s+|\s+so\s+(?=[a-z]+ [a-z]+s\b)", sentence):
        rest = part.strip()
        at = 0
        while match := _AFTER_AND.search(rest, at):
            if _starts_with_verb(rest[match.end() :], names) and _has_verb(rest[: match.start()]):
                yield rest[: match.start()]
                rest, at = rest[match.end() :], 0
            else:
                at = match.end()
        if rest:
            yield rest


def _starts_with_verb(text: str, names: Sequence[str]) -> bool:
    first, _, rest = text.partition(" ")
    if first in {"she", "he", "they", "it"} or any(text.startswith(f"{name} ") for name in names):
        return True
    return bool(rest or _base(first)) and (first in _AUXILIARIES or (_base(first) is not None and first != "like"))


def _has_verb(text: str) -> bool:
    return any(word in _AUXILIARIES or _base(word) for word in text.split())


_AUXILIARIES = frozenset(
    spell(
        "is are was were has have had can cannot can't could couldn't won't will would wouldn't does doesn't do don't "
        "did didn't wants want wishes wish hopes hope longs long learns learning hates hate loves love likes like "
        "misses miss lost loses fears afraid scared tries try isn't aren't wanted has hasn't needs moves moved moving "
        "dies died gets getting refuses"
    )
)
_RELATIVE = r"(?:(?:who|that|which)\s+)?"


def _read_clause(
    clause: str, before: Subject, object_: str, names: Sequence[str], kinds: frozenset[str]
) -> tuple[Thread | None, Subject]:
    clause = re.sub(r"^(?:a |the )?story (?:about|of|where|in which)\s+|^(?:about|please|and|when|how|the day)\s+", "",
                    clause.strip())  # fmt: skip
    clause = _without_owner(clause, names)
    subject, rest = _subject(clause, before, object_, names, kinds)
    thread = next((one for read in _READERS if (one := read(rest, subject))), None)
    if thread:
        source = clause if subject.who != "companion" else rest
        thread = Thread(thread.kind, thread.subject, thread.slots, source, thread.keeps and subject.who != "other")
    return thread, subject


def _without_owner(clause: str, names: Sequence[str]) -> str:
    for name in names:
        clause = re.sub(rf"\b{re.escape(name)}(?:'s|')(?= [a-z])", "her", clause)
    return clause


def _subject(
    clause: str, before: Subject, object_: str, names: Sequence[str], kinds: frozenset[str]
) -> tuple[Subject, str]:
    heroes = "|".join(map(re.escape, names))
    match = re.match(
        rf"(?:(?:{heroes})(?: and (?:{heroes}))*|our (?:child|son|daughter)|the hero)\s+(?!and ){_RELATIVE}", clause
    )
    if match:
        said = [name for name in names if re.search(rf"\b{re.escape(name)}\b", match.group(0))]
        whole = len(said) in {0, len(names)}
        return (Subject() if whole else _other(" and ".join(said), plural=len(said) > 1)), clause[match.end() :]
    match = re.match(rf"({heroes}) and ((?:her|his|their|the|an?) (?:[a-z]+ ){{0,2}}?[a-z]+) (?=([a-z']+))", clause)
    if match and (_base(match.group(3)) or match.group(3) in _AUXILIARIES):
        other = _OWNED.sub("<hers>", match.group(2))
        return Subject("other", f"{match.group(1)} and {other}", plural=True, his="their"), clause[match.end() :]
    match = re.match(r"(?:she|he|they|it|i|we|my child|(who|that|which))\s+", clause)
    if match:
        return (_other(object_.replace("<his>", "<hers>")) if match.group(1) and object_ else before), clause[
            match.end() :
        ]
    return _named_thing(clause, kinds)


def _named_thing(clause: str, kinds: frozenset[str]) -> tuple[Subject, str]:
    """Somebody or something with a noun for a name: the companion, if it is one that can be cast and does not die."""
    found = _noun_subject(clause)
    if not found:
        return Subject(), clause
    phrase, rest = found
    kind = next((word for word in phrase.split() if _singular(word, kinds)), "")
    if (
        kind
        and not _OWNED.match(phrase)
        and not (re.match(r"the ", phrase) and re.match(r"(?:has )?(?:die|pass)", rest))
    ):
        _, _, extra = phrase.partition(" and ")
        several = re.match(r"(?:two|three|four|five) ", phrase)
        plus = "<his> twin" if several else with_article(without_article(extra)) if extra else ""
        return Subject("companion", plus, plural=bool(plus)), rest
    return _other(phrase), rest


def _singular(word: str, kinds: frozenset[str]) -> str:
    forms = (word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y")
    return next((form for form in forms if form in kinds), "")


def _noun_subject(clause: str) -> tuple[str, str] | None:
    """A noun with an article or owner, or a relative's name, before a verb: with what follows it."""
    words = clause.split()
    family = {*_words("family"), *_words("names")}
    start = 1 if words and words[0] in _DETERMINERS else 0
    bare = words[:1] and (
        words[0] in family or (is_plural(words[0]) and words[0] not in _AUXILIARIES and not _base(words[0]))
    )
    if not start and not bare:
        return None
    for end in range(start + 1, min(len(words), start + 6)):
        word, earlier = words[end], words[start:end]
        if word in {"who", "that", "which"} and end + 1 < len(words):
            return _phrase_of(words[:end]), " ".join(words[end + 1 :])
        if earlier[-1] == "and" or (word == "and" and end + 1 < len(words)):
            continue
        if word in _AUXILIARIES or ((base := _base(word)) and (word != base or _plural_before(earlier))):
            return _phrase_of(words[:end]), " ".join(words[end:])
    return None


def _plural_before(words: Sequence[str]) -> bool:
    return is_plural(words[-1]) or "and" in words


_DETERMINERS = frozenset(spell("a an the her his their its my our two three four five some every no"))
_PREPOSITIONS = frozenset(spell("in on at by with to from for of about near under over into without"))


def _phrase_of(words: Sequence[str]) -> str:
    return " ".join(words)


def _other(phrase: str, *, plural: bool = False) -> Subject:
    names = _words("names")
    phrase = " ".join(
        word.capitalize() if word in names and (at == 0 or words[at - 1] == "and") else word
        for words in [phrase.split()]
        for at, word in enumerate(words)
    )
    if phrase.startswith(("a ", "an ")):
        phrase = f"the {phrase.partition(' ')[2]}"
    plural = plural or " and " in phrase or (is_plural(phrase) and not phrase.startswith(("a ", "an ")))
    last = set(phrase.lower().split())
    his = "their" if plural else "her" if last & _words("she") else "his" if last & _words("he") else "its"
    his = "their" if his == "its" and last & _words("persons") else his
    return Subject("other", _OWNED.sub("<hers>", phrase), plural, his)


# What is said of somebody ----------------------------------------------------------------------------------------


def _fear(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:is |are |was |gets |feels )?(?:a (?:bit|little) |very |so |too |always |really )?"
        r"(?:afraid|scared|frightened|terrified|nervous|worried|anxious|fears?)"
        r"(?: of| about| for)? (.+)", text,
    )  # fmt: skip
    if not match:
        return None
    doing = re.match(r"to (.+)", match.group(1)) or re.match(r"([a-z]+ing\b.*)", match.group(1))
    verbs = _verb_phrase(doing.group(1)) if doing else None
    if verbs:
        return Thread("fear_of_doing", who, verbs, keeps=False)
    x = _noun_phrase(match.group(1))
    return Thread("fear", who, {"x": x}, keeps=False) if x else None


def _shy(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:is |feels )?(?:a (?:bit|little) |very |so |too )?shy (of|at|in|with|around|about) (.+)", text)
    x = _noun_phrase(match.group(2)) if match else ""
    return Thread("shy", who, {"x": f"{match.group(1)} {x}"}, keeps=False) if match and x else None


def _want(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:really |just )?(?:wants?|wanted|wish(?:es)?|would (?:love|like)|longs?|hopes?|dreams? (?:of|about)|"
        r"dreaming (?:of|about)|can't wait|needs?|tries|try|trying|wishing|hoping)(?: (?:for|more than anything))?"
        r" (.+)",
        text,
    )
    if not match:
        return None
    told = match.group(1)
    verbs = _verb_phrase(told.removeprefix("to ")) if told.startswith("to ") or re.match(r"[a-z]+ing\b", told) else None
    if verbs:
        first, _, rest = verbs["vp"].partition(" ")
        magical = first in {"be", "become", "live"} or (first in _bases("dreams") and not rest)
        return Thread("dream" if magical else "want", who, verbs)
    x = _noun_phrase(told)
    return Thread("want_thing", who, {"x": x}) if x and not told.startswith("to ") else None


def _learn(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:(?:is |are )?learn(?:s|ing|ed)?|practi[sc](?:es|ing)) (?:how )?(?:to )?(.+)", text)
    verbs = _verb_phrase(match.group(1)) if match else None
    return Thread("learn", who, verbs) if verbs else None


def _unwilling(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:(?:does not|doesn't|do not|don't|did not|didn't) (?:want|like|wish) to|won't|will not|refuses to|"
        r"hates to) (.+)",
        text,
    )
    verbs = _verb_phrase(match.group(1)) if match else None
    return Thread("unwilling", who, verbs) if verbs else None


def _never(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:does not|doesn't|do not|don't|never) (.+)", text)
    verbs = _verb_phrase(match.group(1)) if match else None
    return Thread("never", who, verbs) if verbs else None


def _cannot(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:cannot|can not|can't|could not|couldn't|is not able to|isn't able to) (.+)", text)
    verbs = _verb_phrase(match.group(1)) if match else None
    return Thread("cannot", who, verbs) if verbs and verbs["vp"].split()[0] not in {"find", "sleep"} else None


def _dislike(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:hates?|hating|dislikes?|(?:does not|doesn't|do not|don't|did not) like|can't stand) (.+)", text
    )
    if not match:
        return None
    verbs = _verb_phrase(match.group(1))
    x = verbs["vping"] if verbs and match.group(1).split()[0].endswith("ing") else _noun_phrase(match.group(1))
    return Thread("dislike", who, {"x": x}, keeps=False) if x else None


def _love(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:loves?|likes?|adores?|is (?:crazy|mad) about)(?: (?:to|the|an?)(?= ))? (.+)", text)
    if not match:
        return None
    verbs = _verb_phrase(match.group(1))
    x = verbs["vping"] if verbs else _noun_phrase(match.group(1))
    return Thread("love", who, {"x": x}) if x else None


def _lost(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:has |have |had )?(?:just )?(?:lost|loses?|losing|misplaced|can't find|cannot find|is looking for|"
        r"looks for|is missing|searches for) (.+)", text,
    )  # fmt: skip
    x = _noun_phrase(match.group(1)) if match else ""
    if not x:
        return None
    if set(x.split()) & _words("comes_out"):
        return Thread("tooth", who, {"x": x}, keeps=False)
    if set(x.split()) & _words("games"):
        return Thread("match", who, {"x": x}, keeps=False)
    if who.who == "other":
        return Thread("gone", who, {"x": x}, keeps=False)
    return Thread("borrowed", who, {"x": without_article(x.removeprefix("<his> "))}) if who.who == "hero" else None


def _broken(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:has |have |had )?(?:just )?(?:broken?|breaks|sprained|hurts?) (.+)", text)
    x = _noun_phrase(match.group(1)) if match else ""
    return Thread("broken", who, {"x": x}, keeps=False) if x and set(x.split()) & _words("body") else None


def _miss(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:is )?(?:misses|miss|missing) (.+)", text)
    x = _noun_phrase(match.group(1)) if match else ""
    return Thread("miss", who, {"x": _titled(x)}, keeps=False) if x else None


def _died(text: str, who: Subject) -> Thread | None:
    gone = re.match(r"(?:has |have |had |is |was )?(?:just )?(?:died|dies|dead|passed away|gone to heaven)\b", text)
    return Thread("died", _ours(who), keeps=False) if gone and who.phrase else None


def _ill(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:is |has |goes |has to go |are )?(?:(?:very|so|really|quite|badly) )?"
        r"(?:(?:in|to|into|at) (?:the |an? )?(hospital)|(ill|sick|poorly|unwell))$", text,
    )  # fmt: skip
    if not match:
        return None
    x = "in hospital" if match.group(1) else match.group(2)
    return Thread("ill" if who.phrase else "passing", who, {"x": x, "s": _told(who)}, keeps=False)


def _moves(text: str, who: Subject) -> Thread | None:
    match = re.match(
        r"(?:has |have |is |are )?(?:just )?mov(?:ed|es|ing|e)\b ?(?:(away|house|home|out)\b)?(?: ?(?:in)?to (.+))?",
        text,
    )
    if not match:
        return None
    to = _noun_phrase(match.group(2)) if match.group(2) else ""
    if match.group(2) and not to:
        return None
    x = " ".join(part for part in (match.group(1) or "", f"to {to}" if to else "") if part) or "away"
    return Thread("moved" if who.who == "other" else "moving", who, {"x": x}, keeps=False)


def _parted(text: str, who: Subject) -> Thread | None:
    apart = re.match(
        r"(?:do not|don't|no longer) live together|(?:are |is |get |getting )?(?:divorc|separat|live apart|split)", text
    )
    if not apart:
        return None
    return Thread("parted", who if who.plural and who.phrase else _other("mama and papa"), keeps=False)


def _first(text: str, who: Subject) -> Thread | None:
    match = re.match(r"(?:it is |it's )?(?:has |goes to )?(?:her |his |their |my |the |a )?(?:very )?first (.+)", text)
    x = _noun_phrase(match.group(1)) if match else ""
    return Thread("first", who, {"x": x.removeprefix("the ")}) if x else None


def _new(text: str, who: Subject) -> Thread | None:
    owned = r"(?:her |his |their |an? |the )?"
    match = re.match(r"(?:is |are )?(?:having|expecting|gets?|getting) (?:an? )?((?:new |little )*baby\b.*)", text)
    if match:
        who = Subject()
    elif who.who != "other":
        had = r"(?:has |have |gets? |getting |is getting |with |there is |there's )?(?:got )?"
        match = re.match(rf"{had}{owned}(new .+)", text)
        match = match or re.match(r"(?:is )?(?:getting|gets?) (?:an? |the )(.+)", text)
    x = _noun_phrase(match.group(1)) if match else ""
    return Thread("new", who, {"x": without_article(x.removeprefix("<his> "))}) if x else None


def _outing(text: str, who: Subject) -> Thread | None:
    known = "|".join(sorted(_words("outings"), key=len, reverse=True))
    match = re.match(
        rf"(?:goes on |there is |has |going on |on )?((?:(?:an?|the|her|his|their) )?(?:[a-z]+ )?(?:{known})\b.*)$",
        text,
    )
    x = _noun_phrase(match.group(1)) if match else ""
    return Thread("outing", who, {"x": without_article(x.removeprefix("<his> "))}) if x else None


def _is_so(text: str, who: Subject) -> Thread | None:
    """How somebody or something is: late, hungry, tall."""
    match = re.match(
        r"(?:is|are|was|were|feels|gets) (?:(?:very|so|too|always|really|just|a bit|a little) )?([a-z]+)$", text
    )
    if match:
        word = match.group(1)
        return Thread("passing" if word in _words("passing") else "state", who, {"x": word, "s": _told(who)})
    match = re.match(
        r"(?:is|are|was|were) ((?:[a-z]+ (?:to|at|with|for) |an? |the |in |on |under |at |from ).+)$", text
    )
    x = _noun_phrase(match.group(1)) if match else ""
    if x and " to " in f" {x}" and _base(x.partition(" to ")[2].partition(" ")[0]):
        return None  # is going to build, is happy to help: something is done
    return Thread("state", who, {"x": x, "s": _told(who)}, keeps=False) if x else None


def _deed(text: str, who: Subject) -> Thread | None:
    """Anything else that is done, if its verb is known."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    modal = re.match(r"(?:would|will|could|can|is|are|has to|have to|must|goes) (?:going to )?(not )?", text)
    told = text[modal.end() :] if modal and not _verb_phrase(text) else text
    if modal and modal.group(1):
        verbs = _verb_phrase(told)
        return Thread("unwilling", who, verbs) if verbs else None
    verbs = _verb_phrase(told)
    if not verbs or (first in {"be", "is", "are"} and told == text):
        return None
    base = verbs["vp"].split()[0]
    planned = base in _bases("deeds") and (who.who != "other")
    return Thread("deed" if planned else "habit", who, verbs)


_READERS = (
    _fear, _shy, _unwilling, _dislike, _lost, _cannot, _learn, _parted, _moves, _died, _ill, _miss, _broken, _first,
    _want, _love, _new, _outing, _is_so, _never, _deed,
)  # fmt: skip


def _told(who: Subject) -> str:
    return without_article(who.phrase.replace("<hers> ", "")) or "somebody"


def _ours(who: Subject) -> Subject:
    return Subject(who.who, re.sub(r"^the (?=[a-z]+$)", "the ", who.phrase), who.plural, who.his)


def _titled(phrase: str) -> str:
    return " ".join(
        word.capitalize() if word in _words("names") and phrase.startswith(word) else word for word in phrase.split()
    )


# Phrases ---------------------------------------------------------------------------------------------------------


def _noun_phrase(text: str) -> str:
    """A few words that may be told again: letters alone, no clause, no stranger's name; empty if there are none."""
    words = _CUT.split(text, maxsplit=1)[0].split()
    while words and words[-1] in {*_PREPOSITIONS, "and", "any", "more", "the", "a", "again", "very", "much", "yet"}:
        words.pop()
    told = " ".join(words)
    if not told or len(words) > _MOST_WORDS or not _SAFE.fullmatch(told) or _NOBODY.search(told):
        return ""
    return _proper(_OWNED.sub("<his>", told))


def _proper(text: str) -> str:
    proper, names = _words("proper"), _words("names")
    words = text.split()
    return " ".join(
        word.capitalize()
        if word in proper or (word in names and (at == 0 or words[at - 1] in {*_PREPOSITIONS, "and"}))
        else word
        for at, word in enumerate(words)
    )


def _verb_phrase(text: str) -> dict[str, str] | None:
    """A known verb with what follows it, as base, past and -ing; None if it cannot be told safely."""
    first, _, rest = text.partition(" ")
    base = _base(first)
    if base is None:
        return None
    follows = _noun_phrase(rest) if rest else ""
    if rest and not follows:
        return None
    # A second verb goes along: waits for it to grow.
    tail = f" {follows}" if follows else ""
    tail = re.sub(r"\b(?:herself|himself|themselves|itself)\b", "<himself>", tail)
    if " and " in tail:
        before, _, after = tail.rpartition(" and ")
        if _base(after.split()[0]) and after.split()[0] != _base(after.split()[0]):
            tail = before
    return {"vp": base + tail, "vpd": _forms()[base][0] + tail, "vping": _forms()[base][1] + tail}


def _base(word: str) -> str | None:
    return _all_forms().get(word)


@cache
def _bases(group: str) -> frozenset[str]:
    return frozenset(word.partition(":")[0] for word in _file()["verbs"][group].split())


@cache
def _forms() -> Mapping[str, tuple[str, str]]:
    """Past and -ing of every verb, by its base."""
    rows = [word.partition(":")[::2] for group in ("deeds", "habits") for word in _file()["verbs"][group].split()]
    irregular = {base: past for base, past in rows if past}
    return {base: (irregular.get(base) or _regular(base), _doing(base)) for base, _ in rows}


@cache
def _all_forms() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for base, (past, doing) in _forms().items():
        singular = (
            f"{base[:-1]}ies"
            if re.search(r"[^aeiou]y$", base)
            else f"{base}es"
            if re.search(r"(?:s|sh|ch|x|z|o)$", base)
            else f"{base}s"
        )
        found |= dict.fromkeys((base, singular, past, doing), base)
    return found


def _regular(base: str) -> str:
    if base.endswith("e"):
        return f"{base}d"
    if re.search(r"[^aeiou]y$", base):
        return f"{base[:-1]}ied"
    return f"{_doubled(base)}ed"


def _doing(base: str) -> str:
    if base.endswith("ie"):
        return f"{base[:-2]}ying"
    if base.endswith("e") and not base.endswith(("ee", "oe", "ye")) and len(base) > 2:
        return f"{base[:-1]}ing"
    return f"{_doubled(base)}ing"


def _doubled(base: str) -> str:
    short = re.fullmatch(r"(?:qu|[^aeiou])*[aeiou][bdgklmnprt]", base) or base in {"forget", "begin"}
    return base + base[-1] if short else base


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(_file()["words"][name].split())


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text("utf-8"))


# Telling ---------------------------------------------------------------------------------------------------------


def thread_words(
    threads: Sequence[Thread], *, heroes: Pronouns, companion: Pronouns | None, owner: str = ""
) -> dict[str, str]:
    """The slots of all threads, numbered: {x0}, {vp1} …; what begins with the heroes' own is their name's: Tom's dog.

    ``heroes`` and ``companion`` are their pronouns, ``owner`` the heroes' names in the possessive.
    """
    found: dict[str, str] = {}
    for number, thread in enumerate(threads):
        who = thread.subject
        pronouns = companion if who.who == "companion" and companion else heroes
        his = who.his if who.who == "other" else pronouns.possessive
        himself = pronouns.reflexive
        for slot, told in {**thread.slots, "s": who.phrase}.items():
            owned = re.sub(r"^<hers>", owner, told) if owner else told
            owned = owned.replace("<hers>", heroes.possessive)
            found[f"{slot}{number}"] = owned.replace("<his>", his).replace("<himself>", himself)
    return found


def write_line(thread: Thread, number: int, line: str, *, plural: bool = False) -> str:
    """A kind's line with whom it is about, and its slots numbered; ``plural``: there are several heroes."""
    who = thread.subject
    if who.who == "hero":
        told = {"S": "{h}", "Ss": "{namess}", "was": "{was}", "is": "are" if plural else "is"}
    elif who.who == "companion":
        both = who.phrase and f" and {{s{number}}}"
        told = {"S": "{C}" + (both or ""), "Ss": "{C}" + (both or "") + "'s", "was": "were" if both else "was",
                "is": "are" if both else "is"}  # fmt: skip
    else:
        told = {"S": f"{{s{number}}}", "Ss": possessive(f"{{s{number}}}"), "was": "were" if who.plural else "was",
                "is": "are" if who.plural else "is"}  # fmt: skip
    several = plural if who.who == "hero" else who.plural
    for one, many in (("has", "have"), ("does", "do"), ("wants", "want"), ("tries", "try"), ("loves", "love")):
        told[one] = many if several else one
    line = re.sub(r"<(\w+)>", lambda match: told[match.group(1)], line)
    return re.sub(r"\{(x|vp|vpd|vping)\}", rf"{{\g<1>{number}}}", line)


def fits(thread: Thread, line: str) -> bool:
    """Whether a line may be told of this thread: nobody says "her" of what is their own, nobody talks to oneself."""
    quoted = re.findall(r"“[^”]*”", line)
    owned = [f"{{{slot}}}" for slot, told in thread.slots.items() if "<" in told]
    owned += ["<S>"] if "<" in thread.subject.phrase else []
    if any(mark in speech for speech in quoted for mark in owned):
        return False
    return not (thread.subject.who == "companion" and re.search(r"\{(?:C|two)\}", line))
