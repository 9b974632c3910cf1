"""The words of a further version: the same scene told in another way."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from random import Random

from studio.storyteller.language.grammar import count_words
from studio.storyteller.language.phrasing import grow
from studio.storyteller.language.rhythm import Weight
from studio.storyteller.plots.parser import Line

_TRIES, _MORE = 12, 48
"""Ways of telling among which the one is chosen that repeats least."""
_REMEMBERED = 6
"""Versions that are told apart by what they say; later ones begin anew with these."""


def choose_wording(
    first: Sequence[str], tell: Callable[[str], Sequence[str]], version: int, *, sentence: float
) -> Sequence[str]:
    """The version's sentences: 0 is the first; each further one is told so that it repeats those before it least.

    ``tell`` gives a way of telling for a key, always the same for the same; ``sentence`` is the length wanted of one,
    in words. Where a scene is so short that every way was told before, there are a few more to try.
    """
    told = [first]
    round_, last = divmod(version - 1, _REMEMBERED)
    for number in range(last + 1 if version else 0):
        tries = (tell(f"{round_}.{number}.{way}") for way in range(_TRIES + _MORE))
        ways = list(islice(tries, _TRIES))
        ways += [way for way in tries if way not in told][:1] if all(way in told for way in ways) else []
        told.append(min(ways, key=lambda way: (way in told, _repeats(way, told) + _missed(way, sentence))))
    return told[-1]


def _missed(way: Sequence[str], sentence: float) -> float:
    """By how many words its sentences are too long or too short, beyond one that nobody minds."""
    return max(0.0, abs(count_words(" ".join(way)) / len(way) - sentence) - 1)


def reword(lines: Sequence[Line], scene: int, rng: Random) -> list[Line]:
    """The lines in other words: another opening, speakers before what they say, small words between.

    What need not be told weighs otherwise, so that what was left out for want of room may come now; what is common to
    all stories comes once, at the end or not at all.
    """
    told = list(dict.fromkeys(lines))
    retold = [_open(told[0], scene, rng)]
    for line in told[1:]:
        linked = retold[-1].phrasings[:1] and retold[-1].phrasings[0].startswith(_LINKS)
        retold.append(_reword(line, rng, link=not linked))
    return retold


def loosen(lines: Sequence[Line], rng: Random, *, sentence: float, accompanied: bool) -> list[Line]:
    """The lines of a first telling, so that no two stories of one plot go the same way.

    What need not be told weighs otherwise, some lines begin with a small word, and some grow in longer steps than they
    are written in, where that is not too long for a ``sentence`` (in words). Of those that name nobody, one or two say
    who was there: any of the heroes, or the companion, if they are ``accompanied``.
    """
    told = list(lines[:1])
    linked, asides = True, 2 if sentence >= _LONG else 1
    for line in lines[1:]:
        if line.weight is Weight.PINNED:  # the brief's own wishes follow from nothing that was told before
            told.append(line)
            continue
        strides = replace(line, phrasings=tuple(_stride(one, rng, sentence) for one in line.phrasings))
        aside = _with_witness(strides, rng, sentence, accompanied=accompanied) if rng.random() < _ASIDE else None
        if aside and asides:
            asides, linked = asides - 1, True
            told.append(replace(aside, weight=_lighter(line.weight, rng)))
            continue
        linked = not linked and rng.random() < _BEGUN
        begun = tuple(_lead(_small_word(one, rng), one) if linked else one for one in strides.phrasings)
        told.append(replace(line, weight=_lighter(line.weight, rng), phrasings=begun))
    return told


def _with_witness(line: Line, rng: Random, sentence: float, *, accompanied: bool) -> Line | None:
    """The line as somebody there took it in; None if it names somebody, or is speech."""
    phrasings = [one for one in line.phrasings if _UNWITNESSED.match(one) and not _ANYBODY.search(one)]
    if not phrasings:
        return None
    phrasing = rng.choice(phrasings)
    being = _BEING.search(phrasing.partition("|")[0]) or not phrasing.startswith(_STARTS)
    ways = [way for way in (_TAKEN_IN if being else _WATCHED) if accompanied or "{C}" not in way]
    if not being and sentence < _LONG:
        return None
    return replace(line, phrasings=(f"{rng.choice(ways)} {phrasing[:1].lower()}{phrasing[1:]}",))


def _stride(phrasing: str, rng: Random, sentence: float) -> str:
    """The phrasing without one of its bars."""
    bars = [at for at, letter in enumerate(phrasing) if letter == "|"]
    if not bars or rng.random() > _STRIDING:
        return phrasing
    at = rng.choice(bars)
    longer = phrasing[:at] + phrasing[at + 1 :]
    return longer if count_words(grow(longer)[0]) <= max(sentence, count_words(grow(phrasing)[0])) else phrasing


def _lighter(weight: Weight, rng: Random) -> Weight:
    if weight is Weight.SHOULD:
        return Weight.MAY if rng.random() < _LIGHTER else weight
    return rng.choice((Weight.ORNAMENT, Weight.MAY)) if weight is Weight.MAY else weight


def _small_word(phrasing: str, rng: Random) -> str:
    return rng.choice(_AS_IT_WAS if _BEING.search(phrasing.partition("|")[0]) else _AS_IT_WENT)


def _open(line: Line, scene: int, rng: Random) -> Line:
    opening = rng.choice(_OPENINGS[scene])
    return replace(line, phrasings=tuple(_lead(opening, phrasing) for phrasing in line.phrasings))


def _reword(line: Line, rng: Random, *, link: bool) -> Line:
    weight = rng.choice((Weight.MAY, Weight.SHOULD)) if line.weight in _FREE else line.weight
    phrasings = line.phrasings
    if rng.random() < _TURNED:
        phrasings = tuple(_SPOKEN.sub(_turn, phrasing) for phrasing in phrasings)
    if link and rng.random() < _LINKED:
        phrasings = tuple(_lead(_link(phrasing, rng), phrasing) for phrasing in phrasings)
    return replace(line, weight=weight, phrasings=phrasings)


def _turn(spoken: re.Match[str]) -> str:
    words, mark, verb, speaker = spoken.groups()
    return f"{speaker} {verb}, “{words}{mark.replace(',', '.')}”"


def _link(phrasing: str, rng: Random) -> str:
    """What is so, is so all the time: only what is done can come next."""
    return "And" if _BEING.search(phrasing.partition("|")[0]) else rng.choice(("And", "Then"))


def _lead(opening: str, phrasing: str) -> str:
    """The phrasing after an opening, if it begins with somebody or something and not with an opening of its own."""
    if phrasing.startswith("{names}") or _SUBJECT.match(phrasing):
        return f"{opening} {phrasing[:1].lower()}{phrasing[1:]}"
    return phrasing


_FREE = {Weight.MAY, Weight.SHOULD}
_TURNED, _LINKED = 0.6, 0.35
_BEGUN, _STRIDING, _LIGHTER = 0.45, 0.5, 0.4
_ASIDE, _LONG = 0.6, 8
_STARTS = ("It ", "There ", "The ", "They ", "A ", "An ")
_UNWITNESSED = re.compile(
    r"(?:(?:It|There|The|They|A|An|Everything|Nothing) |"
    r"(?:In|On|At|Behind|Beside|Outside|Inside|Under) (?=[^|]* (?:was|were|lay|stood|hung)\b))"
    r"(?!.*(?:[“”:?!]|\b(?:is|are|has|have|will|know|knows|can|does|do|that is)\b))"
)
_ANYBODY = re.compile(r"\{(?:h|hs|ho|names|namess|one|ones|two|all|C|P|c\w+|p[kahs]\w*)\}")
_TAKEN_IN = (
    "{names} noticed that", "{C} noticed that", "{one} found that", "{C} found that", "{names} could tell that",
    "{C} could tell that", "{C} was the first to notice that", "{names} knew at once that",
)  # fmt: skip
_WATCHED = (
    "To {namess} surprise,", "Before {names} could blink,", "Before {C} could blink,", "As {C} looked on,",
    "Right beside {names},", "Not far from {C},",
)  # fmt: skip
"""Not all of them can see: what is seen, heard or felt is noticed."""
_AS_IT_WAS = ("And", "Well,", "Now,", "You see,")
_AS_IT_WENT = ("And", "Then", "And then", "Soon", "So", "Well,")
_LINKS = ("And ", "Then ")
_OPENINGS = {
    1: ("Once", "One time", "Not long ago"),
    2: ("A little later,", "By and by", "After that"),
    3: ("And then", "Just then", "Soon"),
    4: ("In the end", "At last", "And so"),
}
_SUBJECT = re.compile(r"\{(?:h|P|C|they|all|one)\} |(?:The|A|An|It|There|Nobody|Someone|Somebody|They) ")
_BEING = re.compile(r"\b(?:was|were|had|lacked|knew)\b|\{(?:was|has)\}")
_SPOKEN = re.compile(r"^“([^“”|]+)([,?!])” (said|called|whispered|asked|sang) (\{\w+\}(?: the \{\w+\})?)\.$")


def _repeats(way: Sequence[str], told: Sequence[Sequence[str]]) -> float:
    """The largest share of a way's sentences that one of those before has word for word."""
    return max(sum(sentence in before for sentence in way) / len(way) for before in told)
