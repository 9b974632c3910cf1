"""Reads what a brief's premise and setting ask for, word by word; what it cannot read it leaves to the plot."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from studio.storyteller.brief import Brief
from studio.storyteller.language.grammar import is_plural, spell, without_article
from studio.storyteller.threads import Thread, read_threads
from studio.storyteller.world.parser import Place, read_creatures, read_places, read_things

_STOP = spell(
    "in on at and who that while for from by with to into under near because so but when after before again "
    "which where as is was can could has have of find finds build builds make makes its their his her my our goes go "
    "come comes until"
)
_NOUN = r"((?:(?!(?:" + "|".join(_STOP) + r")\b)[a-z][a-z'’-]*\s*){1,3})"
_LOST = re.compile(
    r"\b(?:lost|loses?|losing|missing|misplaced|misses|(?:can(?:no|'|’)t find)|looking for|searching for|looks for)\s+"
    r"(?:all\s+(?:of\s+)?)?(?:her|his|their|its|the|an?|my)\s+(?:lost\s+|missing\s+)?" + _NOUN
)
_MISSING = re.compile(r"\b(?:an?|the|her|his|their|its|my)\s+(?:lost|missing|vanished|stolen)\s+" + _NOUN)
_FOUND = re.compile(
    r"\b(?:finds?|found|discovers?|gets?|receives?|builds?|makes?|and|with|about|repairs?|fixes|steals?|brings?|"
    r"saves?|follows?)\s+(?:an?|the|her|his|their|some)\s+" + _NOUN
)
_CANNOT = re.compile(r"\b(?:who|that|he|she|they|it)\s+(?:cannot|can't|can’t|could not|couldn't|won't)\s+([a-z]+)\b")
_CALLED = re.compile(r"\b(?:called|named)\s+([A-Z][\w'’-]{1,20})")
_WEATHER = {
    "fog": "fog foggy mist misty haze hazy", "snow": "snow snowy snowing blizzard frosty icy winter",
    "rain": "rain rainy raining storm stormy drizzle wet puddles", "wind": "wind windy breezy gale gusty",
    "cloudy": "cloudy grey overcast clouds", "clear": "sunny clear bright starry",
}  # fmt: skip
_TIMES = {
    "night": "night midnight moonlit starlit starry dark evening", "dusk": "dusk sunset twilight",
    "dawn": "dawn sunrise morning early",
}  # fmt: skip
_ON = spell(
    "island beach moon mountain ship boat train hill planet street farm roof balcony bus cloud road path "
    "bank bridge track ledge cliff pier stage bench stairs mars earth venus jupiter saturn"
)
_AT = spell(
    "school zoo party hospital fair museum circus library playground market station seaside festival home "
    "tower edge door gate corner end top window"
)
_BY = spell("lake river sea pond ocean stream creek fire waterfall canal")
_PEOPLE = spell("brother sister friend mother father mum mom dad grandma grandpa granny baby girl boy child team class")
_YOUNG = {
    "puppy": "dog", "puppies": "dog", "kitten": "cat", "bunny": "rabbit", "mice": "mouse", "wolves": "wolf",
    "bunnies": "rabbit", "kittens": "cat", "geese": "goose",
}  # fmt: skip
_FEW, _SOME, _READS_LONGER = 2, 3, 5
_BARE = {"space", "outer space", "home", "school", "town", "heaven", "fairyland"}
_PREPOSITION = re.compile(r"^(in|on|at|by|near|under|inside|among|beside)\s+", re.IGNORECASE)
_WHEN = re.compile(
    r"\s+(?:at|by|in the|on an?)\s+(?:\w+\s+)?(?:night|dawn|dusk|sunset|morning|evening|rain|snow|fog|day)$"
)
_WORD = re.compile(r"[a-zà-ÿ]+(?:['’-][a-zà-ÿ]+)*")


_NOT = re.compile(
    r"\b(?:(?:without|no|avoid|leave out|no mention of|don['’]t mention)\s+"
    r"(?:(?:a|an|any|the|one|single|more|other)\s+)?|"
    r"(?:not|never)\s+(?:an?|any|one|single|too|so|at all)\s+)"
    r"(?!longer\b|more\b|one\b|matter\b|body\b|idea\b|wants?\b)"
    r"([a-z][a-z'’-]{2,})(?:\s+(?:or|and|nor)\s+(?:any\s+|no\s+)?([a-z][a-z'’-]{2,}))?"
    r"(?:\s+(?:please|at all))?",
    re.IGNORECASE,
)
# How something is done, as in "rides a bike without training wheels"; whoever or whatever is kept out is known to us.
_MANNER = re.compile(
    r"\b(?:rid|sleep|swim|walk|go|eat|draw|read|climb|skat|fall)[a-z]*\b[^,.;]*?\s"
    r"without(?= (?:(?:her|his|a|the) )?([a-z]+))",
    re.IGNORECASE,
)
_NOT_A_THING = spell("know see sleep want like find let have her his their being able yet again only just very even")


def _as_is(found: re.Match[str]) -> str:
    """A way of doing something, marked so that it is not taken for something unwanted."""
    unwanted = _kind(found.group(1).lower()) or found.group(1).lower() in {"magic", "fighting", "violence", "any"}
    return found.group(0) if unwanted else f"{found.group(0)}_"


def read_refusals(brief: Brief) -> list[str]:
    """What must not be there: the nouns behind "no", "without" and "never", as they are written."""
    found = _NOT.findall(_MANNER.sub(_as_is, f"{brief.premise}. {brief.setting}".lower()))
    return [word for words in found for word in words if word and word not in _NOT_A_THING and not word.endswith("ing")]


def mentions(text: str, refused: Collection[str]) -> bool:
    """Whether a text has one of the refused words in it, in one number or the other."""
    words = _WORD.findall(text.lower()) if refused else ()
    return any(word in {one, f"{one}s", f"{one}es", f"{one}al", f"{one}ic"} for word in words for one in refused)


def singular(word: str) -> str:
    """A noun as one of its kind, by the creatures that are known, else by its ending."""
    return _kind(word) or word.removesuffix("s")


@dataclass(frozen=True)
class Wishes:
    """What the brief asks for, each empty when it does not say. `lost`: the thing is to be looked for."""

    kind: str = ""
    she: bool | None = None
    thing: str = ""
    lost: bool = False
    threads: tuple[Thread, ...] = ()
    sleepless: bool = False
    place: Place | None = None
    place_phrase: str = ""
    name: str = ""
    weather: str = ""
    time: str = ""


def read_wishes(brief: Brief) -> Wishes:
    """From premise and setting; the same brief always gives the same wishes."""
    threads = _threads(brief)
    premise = _without(brief.premise.lower(), read_refusals(brief))
    for thread in threads:
        if not thread.keeps:
            premise = premise.replace("’", "'").replace(thread.source.lower(), " ")
    kind = _creature(premise.replace(_lost(premise), " ") if _lost(premise) in read_things() else premise, brief)
    place, phrase = _place(brief.setting, premise)
    words = set(_WORD.findall(f"{brief.setting} {brief.premise}".lower()))
    lost = _lost(premise)
    cannot = _CANNOT.search(premise)
    return Wishes(
        kind=kind,
        she=_is_she(premise, kind),
        thing=lost or _thing(premise),
        lost=bool(lost),
        threads=threads,
        sleepless=bool(cannot and cannot.group(1) in {"sleep", "nap", "rest"}),
        place=place,
        place_phrase=phrase,
        name=_called(brief) if kind else "",
        weather=_named(_WEATHER, words),
        time=_named(_TIMES, words),
    )


def _threads(brief: Brief) -> tuple[Thread, ...]:
    """What can be told besides the plot; for the youngest, whose scenes are short, less of it."""
    premise = _NOT.sub(" ", _MANNER.sub(_as_is, brief.premise)).replace("_", "")
    creatures = frozenset({*read_creatures(), *_YOUNG})
    threads = read_threads(premise, brief.names, creatures)
    heroes_are = {hero.species for hero in brief.heroes}
    told = [
        one
        for one in threads
        if not (one.kind == "love" and _kind(one.slots["x"]) and not heroes_are & {_kind(one.slots["x"])})
    ]
    return tuple(told[: _FEW if brief.age < _READS_LONGER else _SOME])


def find_place(phrase: str) -> Place | None:
    """The place that a phrase means, by its last telling word: "the foggy forest" is the forest."""
    named = (place for place in read_places() for name in place.names if name.partition(" ")[2] in phrase)
    found = next(named, None)
    if found:
        return found
    for word in reversed(_WORD.findall(phrase.lower())):
        for place in read_places():
            if word in place.words:
                return place
    return None


def spots_of(where: str) -> tuple[str, ...]:
    """Four spots of a place that nobody has described."""
    place = where.partition(" ")[2]
    return (
        f"at the edge of {place}",
        f"on a winding path through {place}",
        f"in the very middle of {place}",
        f"at the way out of {place}",
    )


def with_preposition(phrase: str) -> str:
    """Such as "in the foggy forest", "on the moon", "at the fair"."""
    if _PREPOSITION.match(phrase):
        return phrase
    words = _WORD.findall(phrase.lower())
    last = words[-1] if words else ""
    return f"{'on' if last in _ON else 'at' if last in _AT else 'by' if last in _BY else 'in'} {phrase}"


def _without(premise: str, refused: list[str]) -> str:
    """The premise without the words that it names only to keep them out."""
    return re.sub(rf"\b(?:{'|'.join(map(re.escape, refused))})\b", " ", premise) if refused else premise


def _place(setting: str, premise: str) -> tuple[Place | None, str]:
    if setting:
        phrase = _PREPOSITION.sub("", setting.strip().rstrip("."))
        phrase = _WHEN.sub("", phrase)
        phrase = re.sub(r"^(?:an?|the)\s+", "the ", " ".join(phrase.split()[:8]), flags=re.IGNORECASE)
        found = find_place(phrase)
        owned = re.match(r"^(?:the|my|her|his|their|our)\b|^\w+['’]s?\b|^[A-Z]", phrase)
        if not owned and phrase.lower() not in _BARE:
            phrase = f"the {phrase}"
        phrase = re.sub(r"^my (?=\w+['’]s)", "", phrase)
        return found, with_preposition(re.sub(r"^my\b", "the", phrase))
    match = re.search(r"\b(?:in|on|at|by|under)\s+(?:the|an?)\s+([a-z -]{3,40})", premise)
    found = find_place(match.group(1)) if match else None
    return (found, "") if found else (None, "")


def _creatures(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        kind = _kind(word)
        if kind:
            yield kind


def _kind(word: str) -> str:
    known = read_creatures()
    for form in (word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y"):
        if form in known:
            return form
    return _YOUNG.get(word, "")


def _creature(premise: str, brief: Brief) -> str:
    lost = _lost(premise)
    heroes_are = {word for hero in brief.heroes for word in (hero.species, *hero.features)}
    for kind in _creatures(premise):
        if kind not in heroes_are and not (lost and kind in lost.split() and kind in read_things()):
            return kind
    stranger = re.match(r"^(?:an?|the)\s+([a-z-]+)\s+(?:who|that)\b", premise)
    people = {
        *_PEOPLE,
        *read_things(),
        "girl",
        "boy",
        "child",
        "kid",
        "prince",
        "princess",
        "person",
        "hero",
        "sister",
        "brother",
        "friend",
    }
    return stranger.group(1) if stranger and stranger.group(1) not in people else ""


def _called(brief: Brief) -> str:
    """The companion's name, when the premise gives one that is no hero's."""
    match = _CALLED.search(brief.premise)
    return match.group(1) if match and match.group(1) not in brief.names else ""


def _is_she(premise: str, kind: str) -> bool | None:
    after = premise.partition(kind)[2] if kind else ""
    told = re.search(r"\b(she|her|hers|he|him|his)\b", after)
    return told.group(1).startswith(("she", "her")) if told else None


def _noun(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match.group(1).strip(" -'’") if match else ""


def _lost(premise: str) -> str:
    """The thing that is gone; somebody who is gone is company, not a thing."""
    lost = _noun(_LOST, premise) or _noun(_MISSING, premise)
    known = lost in read_things() or any(lost.endswith(f" {thing}") for thing in read_things())
    return "" if not known and any(_kind(word) and word not in read_things() for word in lost.split()) else lost


def _thing(premise: str) -> str:
    things = read_things()
    for word in _WORD.findall(premise):
        single = word if word in things else word.removesuffix("s")
        if single in things and not _kind(word):
            return _with_adjective(premise, word)
    found = without_article(_noun(_FOUND, premise))
    last = found.split()[-1] if found else ""
    # What nobody has described can be neither drawn nor played with: it is told of in words.
    return found if last in things or last.removesuffix("s") in things else ""


def _with_adjective(premise: str, noun: str) -> str:
    match = re.search(rf"\b(?:an?|the|her|his|their|its)\s+((?:[a-z-]+\s+){{0,2}}{noun})\b", premise)
    phrase = match.group(1) if match else noun
    return phrase if match else (noun.removesuffix("s") if is_plural(noun) and noun not in read_things() else noun)


def _named(names: dict[str, str], words: set[str]) -> str:
    return next((name for name, told in names.items() if words & set(told.split())), "")
