"""Tells an outline that somebody else has written, out of its own words."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from studio.storyteller.language.grammar import capitalise, count_words, past, split_sentences
from studio.storyteller.language.rhythm import Weight
from studio.storyteller.plots.parser import Line
from studio.storyteller.premise import find_place, spots_of, with_preposition
from studio.storyteller.tale import Tale

_CUTS = re.compile(r"(?=,? (?:and|while|so|but|because|until|as|with|where|under|beside|towards?) )|(?=[,;] )")
_VERB_FIRST = re.compile(r"^(?:to|wants? to|wishes to|hopes to|needs? to)\s+", re.IGNORECASE)
_LONGEST_OPENING = 9
_FEELINGS = {
    "happy": "Something warm and light| hopped about in {ho}| like a sparrow.",
    "excited": "{h} could hardly keep still,| not even {their} toes,| not even for a moment.",
    "worried": "{hs} tummy felt wobbly,| like a boat| on a pond.",
    "scared": "{h} kept close,| since being close| makes any place smaller.",
    "sad": "It was a quiet moment,| the kind| that wants a hand to hold.",
    "proud": "{h} stood a little taller| than before,| though nobody measured.",
    "curious": "{h} leaned in| to see it better| from every side.",
    "calm": "Everything in {ho} grew still| and smooth| like water after a boat.",
    "surprised": "{hs} mouth made a round shape,| as round| as an egg.",
    "determined": "{h} nodded once,| which meant| that it would be done.",
}
_WORDS = {"joyful": "happy", "nervous": "worried", "afraid": "scared", "sleepy": "calm", "hopeful": "curious"}
_COMMON = {
    1: (
        (Weight.SHOULD, "“Come on,” said {two},| “the day| is not going to wait.”"),
        (Weight.SHOULD, "{C} {cmove} close behind,| as good friends do| when things begin."),
        (Weight.MAY, "There was a {o} in it,| and a question,| and a long way to go."),
    ),
    2: (
        (Weight.SHOULD, "“This way,” said {two},| “or at least I think so.”"),
        (Weight.SHOULD, "{h} took it all in| one bit at a time,| and left nothing out."),
        (Weight.MAY, "It was further than it looked,| as most good places are,| and more fun."),
    ),
    3: (
        (Weight.SHOULD, "“We can try it another way,” said {one},| “and then| one more.”"),
        (Weight.SHOULD, "{h} took a slow breath| and counted to three| and a half."),
        (Weight.MAY, "{C} stayed right there,| and that made it half as hard."),
    ),
    4: (
        (Weight.SHOULD, "“We did it together,” said {two},| and it was true."),
        (Weight.SHOULD, "{h} looked back once| and waved| at the whole of it."),
        (Weight.MAY, "The {o} {odid},| as if it| had known all along."),
    ),
}  # fmt: skip


def foreign_lines(tale: Tale, planned: Mapping[str, Any], number: int) -> list[Line]:
    """Lines for one scene: what happens, what the elements say of this beat, how it feels, how it goes on."""
    scene = planned["scenes"][number - 1]
    elements = planned.get("elements")
    elements = elements if isinstance(elements, Mapping) else {}
    lines = list(_happening(tale, scene, number))
    lines += _elements(elements, number)
    feeling = str(scene.get("emotion") or "").strip().lower()
    known = _FEELINGS.get(_WORDS.get(feeling, feeling))
    felt = [str(one.get("emotion") or "").strip().lower() for one in planned["scenes"][: number - 1]]
    if known and feeling not in felt:
        lines.insert(1, Line(Weight.SHOULD, (known,)))
    return [*_of_cast(tale, lines), *common_lines(tale, number)]


def common_lines(tale: Tale, number: int) -> list[Line]:
    """Lines that suit a scene of any story."""
    return _of_cast(tale, [Line(weight, (line,)) for weight, line in _COMMON[number]])


def _of_cast(tale: Tale, lines: list[Line]) -> list[Line]:
    return [
        line for line in lines if tale.companion or ("{C" not in line.phrasings[0] and "{c" not in line.phrasings[0])
    ]


def place_spot(tale: Tale, scene: Mapping[str, Any]) -> str:
    """Where a scene stands, with its preposition: our own spot if the setting names it, else the setting as written."""
    setting = _plain(scene.get("setting"))
    place = find_place(setting) or tale.place
    ours = tuple(tale.plot.spot(number) for number in range(1, 5)) if tale.plot else ()
    for spot in (*filter(None, ours), *(place.spots if place else spots_of(tale.where))):
        if spot.partition(" ")[2] in setting:
            return spot
    if not setting:
        return tale.where
    bare = (
        setting if setting.lower().startswith(("the ", "a ", "an ", "in ", "on ", "at ", "by ")) else f"the {setting}"
    )
    return with_preposition(bare)


def _happening(tale: Tale, scene: Mapping[str, Any], number: int) -> Iterator[Line]:
    told = split_sentences(_plain(scene.get("what_happens"))) or ["Something was about to happen."]
    names = [hero.name for hero in tale.brief.heroes]
    if number == 1 and not any(name in told[0] for name in names):
        yield Line(Weight.MUST, ("This is the story of {names}.",))
    for index, sentence in enumerate(told):
        clause = past(sentence.rstrip(".!?"))
        yield Line(Weight.MUST if index == 0 else Weight.SHOULD, (_growing(capitalise(clause)) + ".",))
    if number > 1 and not any(name in " ".join(told) for name in names):
        yield Line(Weight.MUST, ("{names} {was} right there| in the middle of it.",))


def _growing(clause: str) -> str:
    """A bar at the first cuts, so that a long clause has a short form."""
    parts = [part for part in _CUTS.split(clause) if part]
    while len(parts) > 1 and count_words(parts[0]) < 4:
        parts[:2] = [parts[0] + parts[1]]
    return "|".join(parts) if count_words(clause) > _LONGEST_OPENING - 3 else clause


def _elements(elements: Mapping[str, Any], number: int) -> Iterator[Line]:
    key = {1: "want", 3: "obstacle", 4: "payoff"}.get(number, "")
    if number == 1:
        yield from _sentence(elements, "planted", Weight.MUST)
        want = _VERB_FIRST.sub("", _plain(elements.get("want")))
        if want and _VERB_FIRST.match(_plain(elements.get("want"))):
            yield Line(Weight.SHOULD, (f"{{h}} wanted to {want[:1].lower() + want[1:]}.",))
            return
    if key:
        yield from _sentence(elements, key, Weight.MUST if key == "payoff" else Weight.SHOULD)


def _sentence(elements: Mapping[str, Any], key: str, weight: Weight) -> Iterator[Line]:
    """An element as a sentence if it is one, else as something that was there."""
    text = _plain(elements.get(key)).rstrip(".!?")
    if not text:
        return
    if re.match(r"^(?:an?|the|some|one)\s+(?:\S+\s*){1,6}$", text, re.IGNORECASE) and past(text) == text:
        frame = {"planted": "There was {}, too", "obstacle": "But in the way stood {}", "payoff": "And then came {}"}
        yield Line(weight, (frame.get(key, "There was {}").format(text[:1].lower() + text[1:]) + ".",))
    else:
        yield Line(weight, (_growing(capitalise(past(text))) + ".",))


def _plain(value: Any) -> str:
    """Free text without the marks that lines give a meaning to."""
    return " ".join(re.sub(r"[{}|\[\]<>]", " ", value).split()) if isinstance(value, str) else ""
