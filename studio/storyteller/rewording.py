"""The words of a further version: the same scene told in another way."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from random import Random

from studio.storyteller.language.grammar import count_words
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
