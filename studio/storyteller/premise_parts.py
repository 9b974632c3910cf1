"""What a brief asks for, part by part, and where a plan or the finished texts have it: told as it is, never quoted.

What the storyteller cannot read it says it cannot: such a part is honoured nowhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.language.grammar import spell, with_article, without_article
from studio.storyteller.language.pronouns import TOGETHER
from studio.storyteller.premise import read_refusals, read_wishes, singular
from studio.storyteller.premise_lines import begins_in
from studio.storyteller.threads import Thread, read_kinds, thread_words

_BEATS = ("call", "threshold", "ordeal", "return")
_WORD = re.compile(r"[a-zà-ÿ]+")
_ABSENT = "must_not_be_there"
_MOST = 8
_MOST_WORDS = 4
_LITTLE = set(
    spell(
        "a an and are as at be because been but by can cannot could day did do does for from get gets go goes had has "
        "have he her hers him his how i in into is it its just like little lot loves love make makes many more most "
        "much must my new no not of off on one only or our out over own really she should small so some story tale "
        "tells that the their them then there they this to too until up us very want wants was we were what when "
        "where which while who will with without would you your about after again all also always another any before "
        "big child children once somebody something time together lost loses missing finds find learns learn must "
        "never ever every day night morning wishes afraid scared frightened shy please first two three four five"
    )
)


@dataclass(frozen=True)
class Part:
    """One thing asked for, and the words that it is known by."""

    kind: str
    asks: str
    words: tuple[str, ...]
    read: bool = True
    """False: it is more than the storyteller understands."""
    beats: tuple[str, ...] = ()
    """Where it is told for certain, if the plan has it there; empty: wherever the plan has it."""
    source: str = ""
    """The words of the premise that it stands for."""


def write_parts(brief: Brief, planned: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The outline's `premise`: each part with the beats whose scene has it. An outline without it is looked through."""
    return [
        {
            "kind": part.kind,
            "asks": part.asks,
            "shown_by": list(part.words[:_MOST_WORDS]),
            "beats": (beats := list(_beats(part, planned))),
            "why_not": None if beats else _why_not(part),
        }
        for part in read_parts(brief)
    ]


def find_missing(brief: Brief, planned: Mapping[str, Any], texts: Sequence[str]) -> list[dict[str, Any]] | None:
    """The outline's parts that the finished texts lack, by number; None where the brief asks for nothing.

    An outline that names no parts lacks, by number 0, whatever of the brief's is not told.
    """
    asked = read_parts(brief)
    if not asked:
        return None
    told = set(_words(" ".join(texts)))
    shown = told | set(_words(_strings([one.get("setting") for one in planned["scenes"]])))  # pictures tell of places
    named = _named(planned)
    wanted = list(enumerate(named, 1)) if named else [(0, part) for part in asked]
    missing = [
        (number, part)
        for number, part in wanted
        if not part.read or _has(part, shown if part.kind == "place" else told) == (part.kind == _ABSENT)
    ]
    return [{"part": number, "why": _missed(part)} for number, part in missing[:_MOST]]


def read_parts(brief: Brief) -> list[Part]:
    """What premise and setting ask for, as far as they can be read, and at the end whether there is more."""
    parts = list(_read(brief))[: _MOST - 1]
    rest = _unread(brief, parts)
    if rest:
        parts.append(Part("must_be_there", "more than the stand-in for a writer can read", tuple(rest), read=False))
    return parts


def _read(brief: Brief) -> Iterator[Part]:
    wishes = read_wishes(brief)
    if wishes.kind:
        yield Part("who", f"{with_article(wishes.kind)} goes along", (wishes.kind.split()[-1],))
    if wishes.thing:
        kind, what = ("loss", "is looked for") if wishes.lost else ("must_be_there", "has a part in it")
        yield Part(kind, f"the {wishes.thing} {what}", (wishes.thing.split()[-1],))
    yield from (_of_thread(brief, thread, number) for number, thread in enumerate(wishes.threads))
    if wishes.sleepless:
        yield Part("want", "somebody cannot sleep", ("sleep", "awake"))
    if wishes.place_phrase or wishes.place:
        phrase = wishes.place_phrase or (wishes.place.name if wishes.place else "")
        named = (_telling(phrase) or tuple(_words(phrase)[-1:]))[-2:]
        if not wishes.place_phrase and wishes.place:
            said = [word for word in _words(brief.premise) if word in wishes.place.words]
            named = tuple(dict.fromkeys((*named, *said)))  # "by the sea" is at the seaside
        yield Part("place", f"it happens {phrase}" if wishes.place_phrase else f"it happens at the {phrase}", named)
    for refused in read_refusals(brief):
        yield Part(_ABSENT, f"no {refused}", (singular(refused),))


def _of_thread(brief: Brief, thread: Thread, number: int) -> Part:
    kind, subject = read_kinds()[thread.kind], thread.subject
    heroes = brief.heroes[0].person.pronouns if len(brief.heroes) == 1 else TOGETHER
    slots = thread_words([thread], heroes=heroes, companion=None)
    somebody = without_article(slots["s0"]) or "the hero"
    asks = kind.asks.format(**{name[:-1]: told for name, told in slots.items()} | {"s": somebody})
    about = [slots.get("x0", ""), slots.get("vp0", ""), slots.get("vpd0", "")]
    about += [slots["s0"]] if subject.who != "hero" else []
    words = _telling(" ".join(about)) or tuple(_words(" ".join(about)))[-1:] or ("friends",)
    return Part(
        kind.drive,
        asks,
        tuple(dict.fromkeys(words)),
        beats=(_BEATS[begins_in(brief.age, number) - 1], _BEATS[-1]),
        source=thread.source,
    )


def _unread(brief: Brief, parts: Sequence[Part]) -> list[str]:
    """Telling words of the premise that no part is known by, those of heroes' names and kinds left out."""
    heroes = " ".join([*brief.names, *(hero.species for hero in brief.heroes)]).lower()
    known = {*_words(heroes), *(word for part in parts for word in _words(part.asks))}
    known |= {word for part in parts for word in (*part.words, *_words(part.source))}
    rest = [word for word in _telling(brief.premise.lower()) if not any(_is_form(word, one) for one in known)]
    return list(dict.fromkeys(rest))


def _beats(part: Part, planned: Mapping[str, Any]) -> Iterator[str]:
    if not part.read:
        return
    if part.kind == _ABSENT:
        yield from () if _has(part, set(_words(_strings(planned)))) else _BEATS
        return
    for scene in planned["scenes"]:
        names = scene.get("on_stage") or []
        if part.beats and scene["beat"] not in part.beats:
            continue
        figures = [one for role in ("companion", "helper") if (one := planned.get(role)) and one.get("name") in names]
        if _has(part, set(_words(_strings([scene, *figures])))):
            yield scene["beat"]


def _named(planned: Mapping[str, Any]) -> list[Part]:
    """The parts that an outline names, whoever wrote it."""
    written = planned.get("premise")
    return [
        Part(
            str(one.get("kind")),
            str(one.get("asks")),
            tuple(_words(_strings(one.get("shown_by")))),
            bool(one.get("beats")),
        )
        for one in (written if isinstance(written, list) else [])
        if isinstance(one, Mapping)
    ]


def _has(part: Part, words: set[str]) -> bool:
    return any(_is_form(word, one) for one in part.words for word in words)


def _is_form(word: str, of: str) -> bool:
    """Whether two words are forms of one: lantern and lanterns, dance and dancing."""
    stem = of[: max(4, len(of) - 2)]
    if len(of) < 4:
        return word in {of, f"{of}s", f"{of}es"}
    return word.startswith(stem) and len(word) - len(of) <= 3


def _telling(text: str) -> tuple[str, ...]:
    return tuple(word for word in _words(text) if word not in _LITTLE and len(word) > 2)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _strings(value: Any) -> str:
    """All text of a plain value."""
    if isinstance(value, Mapping):
        return " ".join(map(_strings, value.values()))
    if isinstance(value, list | tuple):
        return " ".join(map(_strings, value))
    return value if isinstance(value, str) else ""


def _why_not(part: Part) -> str:
    if not part.read:
        return "The stand-in for a writer knows a few kinds of wish, and this is none of them."
    return "The plan has it." if part.kind == _ABSENT else "The plot that was chosen has it nowhere."


def _missed(part: Part) -> str:
    if not part.read:
        return "The plan has it nowhere."
    return "The texts have what was not to be there." if part.kind == _ABSENT else "The texts do not have it."
