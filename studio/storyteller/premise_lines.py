"""Weaves the brief's own wishes into a plot: begun in the first scene, thought of on the way, tied in the last."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from studio.storyteller.language.rhythm import Weight
from studio.storyteller.ornaments import CLINGING
from studio.storyteller.plots.parser import Line
from studio.storyteller.tale import Tale
from studio.storyteller.threads import Thread, fits, read_kinds, write_line

_READS_LONGER = 5
_LAST = 4
_LATER = {"borrowed"}
"""Kinds that follow from what the plot tells first."""


def begins_in(age: int, number: int) -> int:
    """The scene in which a story's thread is begun: a short first scene has room for one."""
    return 2 if age < _READS_LONGER and number else 1


def add_premise_lines(tale: Tale, scene: int, lines: Sequence[Line]) -> list[Line]:
    """The lines with the threads of the brief. A thread that begins or ends is told, however short the scene."""
    threads = tale.wishes.threads
    begun = list(_begun(tale, scene)) if tale.companion or not any(_of_companion(one) for one in threads) else []
    ended = list(_ended(tale)) if scene == _LAST else []
    told = list(lines)
    if ended:
        at = _gap(told, range(len(told) - 1, 0, -1))
        told[at:at] = ended
    first = [line for line, opens in begun if opens]
    rest = [line for line, opens in begun if not opens]
    if rest:
        known = next((at for at, line in enumerate(told) if all("{C}" in one for one in line.phrasings)), 0)
        at = _gap(told, range(min(known + 1, len(told) - 1), len(told)))
        told[at:at] = rest
    if first and told:  # the plot's own opening still sets the stage for what follows it
        weight = Weight.PINNED if told[0].weight is Weight.MUST else told[0].weight
        phrasings = told[0].phrasings
        if _is_of_heroes(threads, scene, tale.brief.age):
            phrasings = tuple(re.sub(r"^\{names\}", "{h}", one) for one in phrasings)
        told[:1] = [*first, replace(told[0], weight=weight, phrasings=phrasings)]
    return told


def _is_of_heroes(threads: Sequence[Thread], scene: int, age: int) -> bool:
    """Whether the last thread begun in a scene is about the heroes, so that whatever follows may say "she"."""
    begun = [one for number, one in enumerate(threads) if begins_in(age, number) == scene and not _of_companion(one)]
    return bool(begun) and begun[-1].subject.who == "hero"


def _of_companion(thread: Thread) -> bool:
    return thread.subject.who == "companion"


def plan_threads(tale: Tale, scene: int) -> Iterator[str]:
    """A plain sentence for each thread that is begun or tied in a scene, with slots."""
    for number, thread in enumerate(tale.wishes.threads):
        kind, plural = read_kinds()[thread.kind], len(tale.brief.heroes) > 1
        if scene == begins_in(tale.brief.age, number):
            yield write_line(thread, number, kind.plan[0], plural=plural)
        elif scene == _LAST:
            yield write_line(thread, number, kind.plan[1], plural=plural)


def _begun(tale: Tale, scene: int) -> Iterator[tuple[Line, bool]]:
    """Lines, and whether each may open the story: what is so before anything happens."""
    for number, thread in enumerate(tale.wishes.threads):
        kind = read_kinds()[thread.kind]
        first = begins_in(tale.brief.age, number)
        if scene == first:
            opens = scene == 1 and not _of_companion(thread) and thread.kind not in _LATER
            yield _line(tale, thread, number, Weight.PINNED, kind.begin), opens
        elif scene == first + 1 + number and scene < _LAST:
            middle = [one for one in kind.middle if fits(thread, one)]
            if middle:
                yield _line(tale, thread, number, Weight.SHOULD, middle), False


def _ended(tale: Tale) -> Iterator[Line]:
    for number, thread in enumerate(tale.wishes.threads):
        kind = read_kinds()[thread.kind]
        bedtime = kind.bedtime if tale.brief.story_type == "bedtime" else ()
        yield _line(tale, thread, number, Weight.PINNED, bedtime or kind.end)


def _line(tale: Tale, thread: Thread, number: int, weight: Weight, phrasings: Sequence[str]) -> Line:
    plural = len(tale.brief.heroes) > 1
    suited = [one for one in phrasings if fits(thread, one)] or phrasings[:1]
    return Line(weight, tuple(write_line(thread, number, one, plural=plural) for one in suited))


def _gap(lines: Sequence[Line], places: Sequence[int]) -> int:
    """The first of the places before which nothing is cut in two."""
    free = (at for at in places if not any(one.startswith(CLINGING) for one in lines[at].phrasings))
    return next(free, places[0] if places else len(lines))
