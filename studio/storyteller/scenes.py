"""Tells one scene of an outline, at the length asked for."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.feedback import apply_feedback
from studio.storyteller.foreign_outline import common_lines, foreign_lines, place_spot
from studio.storyteller.language.grammar import count_words, split_sentences
from studio.storyteller.language.joining import Told, join
from studio.storyteller.language.phrasing import Phrasing, grow
from studio.storyteller.language.rhythm import Choice, Target, Weight, fit
from studio.storyteller.ornaments import add_ornaments
from studio.storyteller.plots.parser import Line
from studio.storyteller.premise import mentions, read_refusals, singular
from studio.storyteller.premise_lines import add_premise_lines
from studio.storyteller.rewording import choose_wording, loosen, reword
from studio.storyteller.synonyms import enrich, vary
from studio.storyteller.tale import Tale, recall

_COMPANION = re.compile(r"\{(?:C|ck|cak|che|chim|chis|csound|cmove|all)\}")
_HELPER = re.compile(r"\{(?:P|pk|pak|phe|phim|phis|psound|pmove)\}")
_HERO = re.compile(r"\{(?:h|hs|ho|names|namess|one|ones|all)\}")
_INSISTED = re.compile(r"\{(?:to|from|years|message|subject|fact\d|concept|lang|l_\w+)\}")
# What is planted has to be there at the beginning and at the end; in between it may rest.
_PLANTED = re.compile(r"\{(?:t|at|challenge|emotion|milestone)\}")
_TOKEN = re.compile(r"\{(?:t|at)\}")
_THERE = (
    "{names} took it all in.", "{names} thought about it.", "{names} listened to every word.", "{names} had an idea.",
    "{names} waited a moment.", "{names} would not forget that.",
)  # fmt: skip
"""Where a scene's own lines leave the heroes out."""
_THING = re.compile(r"\{(?:o|ao)\}")
_TOLERANCE = 0.04
_CROWDED = 1.1
_TRIES, _RUN = 3, 6
_READS_MUCH, _SPARE = 9, 0.7
"""The age in years from which sentences are joined into longer ones, and words are richer; and the words by which they
are longer where much fits together, since in other scenes little does."""
_READS_LONGER, _FEW = 5, 6
_BREATH = 0.8
"""Words by which the sentences of another telling may be shorter or longer."""
_TIMES = {"day": "by day", "dawn": "at dawn", "dusk": "at dusk", "night": "at night"}


@dataclass(frozen=True)
class Wanted:
    """Which scene, how long, what was told before, what was wrong with the last try, and how often it is told anew."""

    scene: int
    words: float
    sentence: float
    before: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    version: int = 0


def write_scene(brief: Brief, planned: Mapping[str, Any], wanted: Wanted, *, seed: int) -> dict[str, Any]:
    """Paragraphs and alt text of one scene, true to the outline."""
    scene = planned["scenes"][wanted.scene - 1]
    tale = _on_stage(recall(brief, planned), scene)
    rng = Random(f"{seed}|{planned.get('title')}|{planned.get('logline')}|{wanted.scene}")
    first = _sentences(tale, planned, wanted, rng, None)
    told = choose_wording(
        first,
        lambda way: _sentences(tale, planned, wanted, Random(f"{seed}|{wanted.scene}|{way}"), way),
        wanted.version,
        sentence=wanted.sentence,
    )
    return {"paragraphs": _paragraphs(told, brief.age), "alt_text": _alt_text(scene)}


def _sentences(tale: Tale, planned: Mapping[str, Any], wanted: Wanted, rng: Random, other: str | None) -> list[str]:
    """The scene told once: as it comes first, or in the other way that a key names."""
    lines = add_premise_lines(tale, wanted.scene, _lines(tale, planned, wanted.scene))
    if other:
        common = (line for line in common_lines(tale, wanted.scene) if line.weight is Weight.SHOULD)
        lines = reword([*lines, *common], wanted.scene, rng)
    elif tale.plot:
        lines = loosen(lines, rng, sentence=wanted.sentence, accompanied=tale.companion is not None)
    needed = tuple(_needed(tale, wanted.scene))
    spoken = [line for line in lines if line.phrasings]
    chosen = _choose_all(spoken, needed, rng, tale.brief.age)
    told = [Told(line.weight, phrasing) for line, phrasing in zip(spoken, chosen, strict=True)]
    if not any(_HERO.search(one.line) for one in told if one.weight >= Weight.MUST):
        told += [Told(Weight.MUST, rng.choice(_THERE))]
    # The first line sets the stage: what follows would point at nothing without it.
    told[:1] = [
        Told(Weight.PINNED if one.weight is Weight.MUST else one.weight, _named_at_once(one.line)) for one in told[:1]
    ]
    told = add_ornaments(tale, planned, wanted.scene, told, rng, other=other)
    told = [one._replace(weight=_pinned(one.line, one.weight, wanted.scene)) for one in told]
    for who in needed:
        told = _name(told, who)
    told = [one._replace(line=vary(one.line, rng)) for one in told]
    if tale.brief.age >= _READS_MUCH:
        told = [one._replace(line=enrich(one.line, rng)) for one in told]
    told = _relieve(told, wanted.words)
    target = apply_feedback(wanted.feedback, Target(wanted.words, wanted.sentence))
    if other:
        target = Target(target.words, target.sentence + rng.uniform(-_BREATH, _BREATH))
    refused = {singular(word) for word in read_refusals(tale.brief)}
    playable = [one for one in told if _playable(tale, one.line) and not mentions(one.line, refused)]
    return _tell(tale, wanted, playable, planned["scenes"][wanted.scene - 1], target)


def _on_stage(tale: Tale, scene: Mapping[str, Any]) -> Tale:
    """The tale as this scene's cast sees it; who is not on stage neither acts nor speaks."""
    cast = scene.get("on_stage")
    names = {str(name) for name in cast} if isinstance(cast, list) else set()
    heroes = tuple(hero for hero in tale.brief.heroes if hero.name in names) or tale.brief.heroes
    return replace(
        tale,
        brief=replace(tale.brief, heroes=heroes),
        companion=tale.companion if tale.companion and tale.companion.name in names else None,
    )


def _playable(tale: Tale, line: str) -> bool:
    return (tale.companion is not None or not _COMPANION.search(line)) and (
        tale.helper is not None or not _HELPER.search(line)
    )


def _lines(tale: Tale, planned: Mapping[str, Any], number: int) -> list[Line]:
    """The plot's own lines; when the stage lacks somebody whom they need, or nobody knows the plot, the outline's."""
    if tale.plot:
        lines = tale.plot.beats[number - 1].lines
        musts = [line for line in lines if line.weight is Weight.MUST]
        if all(_playable(tale, phrasing) for line in musts for phrasing in line.phrasings):
            return [line for line in lines if all(_playable(tale, phrasing) for phrasing in line.phrasings)]
    return foreign_lines(tale, planned, number)


def _pinned(line: str, weight: Weight, scene: int) -> Weight:
    """What is planted and what the brief insists on stays, however short the scene."""
    core = grow(line)[0]
    insisted = _INSISTED.search(core) or (scene in {1, 4} and _PLANTED.search(core))
    return Weight.PINNED if weight is Weight.MUST and insisted else weight


def _needed(tale: Tale, scene: int) -> Iterator[re.Pattern[str]]:
    """Heroes are named in every scene, the companion in the first, the helper when it first appears."""
    yield _HERO
    if scene == 1 and tale.companion:
        yield re.compile(r"\{C\}")
    if tale.helper and tale.plot and scene == min(tale.plot.helper_scenes, default=0):
        yield re.compile(r"\{P\}")
    if tale.plot and scene in {1, 4}:
        yield _TOKEN
    if tale.wishes.thing:
        yield _THING


def _choose_all(lines: Sequence[Line], needed: Sequence[re.Pattern[str]], rng: Random, age: int) -> list[str]:
    """A phrasing of every line, so that among those which must be told somebody or something needed is named."""
    chosen = [_choose(line.phrasings, rng, age, opens=at == 0) for at, line in enumerate(lines)]
    for who in needed:
        must = [at for at, line in enumerate(lines) if line.weight >= Weight.MUST]
        if any(who.search(chosen[at]) for at in must):
            continue
        other = next(((at, one) for at in must for one in lines[at].phrasings if who.search(one)), None)
        if other:
            chosen[other[0]] = other[1]
    return chosen


def _choose(phrasings: Sequence[str], rng: Random, age: int, *, opens: bool) -> str:
    """One phrasing; for the youngest one in few words, where there is such a one.

    ``opens``: the scene begins with it, so that the heroes are named in it however short it is.
    """
    if age >= _READS_LONGER:
        return rng.choice(phrasings)
    sizes = [count_words(grow(_named_at_once(line) if opens else line)[0]) for line in phrasings]
    few = max(min(sizes), _FEW)
    return rng.choice([line for line, size in zip(phrasings, sizes, strict=True) if size <= few])


def _named_at_once(line: str) -> str:
    """The line with the heroes already in its shortest form, if it names them at all."""
    while _HERO.search(line) and not _HERO.search(grow(line)[0]):
        line = line.replace("|", "", 1)
    return line


def _name(told: Sequence[Told], who: re.Pattern[str]) -> list[Told]:
    """Makes sure that a line which must be told names somebody, however short the scene."""
    naming = [index for index, one in enumerate(told) if who.search(one.line)]
    at_once = [index for index in naming if who.search(grow(told[index].line)[0])]
    if not naming or any(told[index].weight is Weight.PINNED for index in at_once):
        return list(told)
    if who is _THING and max(told[index].weight for index in naming) < Weight.MUST:
        return list(told)  # what the brief asks for is told where the tale turns on it, not wherever it could be
    chosen = max(at_once or naming, key=lambda index: told[index].weight)
    line = told[chosen].line
    while not who.search(grow(line)[0]):
        line = line.replace("|", "", 1)
    return [*told[:chosen], told[chosen]._replace(weight=Weight.PINNED, line=line), *told[chosen + 1 :]]


def _relieve(told: Sequence[Told], words: float) -> list[Told]:
    """Where all that must be told is too long for the scene, the longest of it need not be; what is pinned stays."""
    relieved = list(told)
    sizes = [count_words(grow(one.line)[0]) if one.weight >= Weight.MUST else 0 for one in told]
    free = [at for at, one in enumerate(told) if one.weight is Weight.MUST]
    while free and sum(sizes) > words * _CROWDED:
        longest = max(free, key=lambda at: sizes[at])
        free.remove(longest)
        sizes[longest], relieved[longest] = 0, told[longest]._replace(weight=Weight.SHOULD)
    return relieved


def _tell(tale: Tale, wanted: Wanted, told: Sequence[Told], scene: Mapping[str, Any], target: Target) -> list[str]:
    """The lines as sentences, cut to length. Names are longer than pronouns, hence the second and third look."""
    key = f"{scene.get('what_happens')}|{wanted.version}|joined"
    spot = place_spot(tale, scene)
    preview = tale.phrasing(spot)
    told = list(_fresh(preview, told, wanted.before, joined=tale.brief.age >= _READS_MUCH))
    plain = replace(preview)
    preview.say("{names}")
    told = [
        one._replace(line=_without_stubs(one.line, target)) if one.weight is Weight.ORNAMENT else one for one in told
    ]
    choices = [Choice(one.weight, tuple(preview.say(form) for form in grow(one.line))) for one in told]
    aim, best, miss = target, [""], float("inf")
    for _ in range(_TRIES):
        teller = replace(plain, turn=wanted.scene - 1, introduced=wanted.scene > 1)
        forms = fit(choices, aim)
        grown = [
            one._replace(line=grow(one.line)[form]) for one, form in zip(told, forms, strict=True) if form is not None
        ]
        if tale.brief.age >= _READS_MUCH:
            words = sum(
                count_words(choice.forms[form]) for choice, form in zip(choices, forms, strict=True) if form is not None
            )
            grown = join(grown, words, target.sentence + _SPARE, Random(key), alone=len(tale.brief.heroes) == 1)
        sentences = [teller.say(one.line) for one in grown]
        off = count_words(" ".join(sentences)) / target.words
        if abs(off - 1) < miss:
            best, miss = sentences, abs(off - 1)
        if miss <= _TOLERANCE or not off:
            break
        aim = Target(aim.words / off, aim.sentence)
    return best


def _without_stubs(line: str, target: Target) -> str:
    """An ornament of two words is no ornament; it grows to half a sentence at least."""
    while "|" in line and count_words(grow(line)[0]) < target.sentence / 2:
        line = line.replace("|", "", 1)
    return line


def _fresh(teller: Phrasing, told: Sequence[Told], before: Sequence[str], *, joined: bool) -> Iterator[Told]:
    """Leaves out what an earlier scene has told in the same words.

    Where sentences are ``joined`` a few of the words are enough, since the others may have been changed.
    """
    heard = {sentence.casefold() for text in before for sentence in split_sentences(text)}
    runs = {run for text in before for run in _runs(text)} if joined else set()
    seen: set[str] = set()
    for one in told:
        forms = [replace(teller).say(form).casefold() for form in grow(one.line)] if heard else []
        known = any(form in heard or not runs.isdisjoint(_runs(form)) for form in forms)
        if one.line not in seen and not (one.weight < Weight.MUST and known):
            yield one
        seen.add(one.line)


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    """Every few words in a row."""
    words = re.findall(r"[\w'’-]+", text.casefold())
    return (tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1))


def _paragraphs(sentences: Sequence[str], age: int) -> list[str]:
    """Two or three sentences each; speech begins its own where the paragraph is not too short."""
    size = 2 if age <= 4 else 3
    parts: list[list[str]] = [[]]
    for index, sentence in enumerate(sentences):
        last = parts[-1]
        alone = index == len(sentences) - 1 and size > 2
        if last and ((len(last) >= size and not alone) or (sentence.startswith("“") and len(last) > 1)):
            parts.append([])
        parts[-1].append(sentence)
    return [" ".join(part) for part in parts if part]


def _alt_text(scene: Mapping[str, Any]) -> str:
    shows = str(scene.get("what_happens") or "A scene of the story").strip()
    sentence = (split_sentences(shows) or [shows])[0].rstrip(".!?")
    when = _TIMES.get(str(scene.get("time_of_day")), "")
    return f"{sentence}{f', {when}' if when and when not in sentence else ''}."
