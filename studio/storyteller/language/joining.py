"""Joins short sentences into longer ones, for whoever reads in long breaths.

Two sentences that stand side by side become one where English has a natural way: "and" where the same person goes on,
"who" after somebody's words, "while" and "as" for what goes on around, "and it" for what is told of the same thing.
Lines are still in slots (language/phrasing.py), so that names and pronouns are chosen for the whole sentence.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from typing import NamedTuple

from studio.storyteller.language.grammar import count_words
from studio.storyteller.language.phrasing import SPEAKING
from studio.storyteller.language.rhythm import Weight


class Told(NamedTuple):
    """A line of a scene. `meanwhile`: it goes on while something else is told, such as weather."""

    weight: Weight
    line: str
    meanwhile: bool = False


@dataclass(frozen=True)
class _Joint:
    """One sentence out of two lines: which stays, which goes into it, how, and how much one would rather not."""

    stays: int
    goes: int
    way: str
    line: str
    price: float

    def touches(self, other: "_Joint") -> bool:
        return bool({self.stays, self.goes} & {other.stays, other.goes})


def join(told: Sequence[Told], words: int, sentence: float, rng: Random, *, alone: bool) -> list[Told]:
    """The lines, joined two by two until a sentence has about ``sentence`` words on average, if so many go together.

    ``told`` are whole sentences without bars, which have ``words`` once their slots are filled; ``alone``: there is a
    single hero, whom all of a hero's slots mean. What reads best is joined first; a way of joining that was used is
    used again only where the others read worse by far.
    """
    free = [*_neighbours(told, alone=alone), *_backgrounds(told, rng)]
    sentences = sum(count_ends(one.line) for one in told)
    chosen: list[_Joint] = []
    while free and _is_nearer(words, sentences - len(chosen), sentence):
        used = Counter(joint.way for joint in chosen)
        best = min(free, key=lambda joint: joint.price + _AGAIN * used[joint.way])
        chosen.append(best)
        free = [joint for joint in free if not joint.touches(best)]
    joined = {joint.stays: joint for joint in chosen}
    gone = {joint.goes for joint in chosen}
    return [
        Told(max(one.weight, told[joined[at].goes].weight), joined[at].line) if at in joined else one
        for at, one in enumerate(told)
        if at not in gone
    ]


def _is_nearer(words: int, sentences: int, wanted: float) -> bool:
    """Whether one sentence less would bring their mean nearer to the words that are wanted."""
    return sentences > 1 and words / sentences + words / (sentences - 1) < 2 * wanted


def count_ends(text: str) -> int:
    """Sentences, where “Stop!” said Mira is one."""
    return max(1, len(_END.findall(text)))


_END = re.compile(r"[.!?…]+[”’\"')]*(?=\s+[^\sa-z]|\s*$)")
_AGAIN = 1.5
_LONGEST, _COMFORTABLE = 27, 21
"""Words of a joined sentence: more are too many to say in one breath; from there on shorter ones are preferred."""
_SHORT, _BACKGROUND = 8, 15


def _neighbours(told: Sequence[Told], *, alone: bool) -> Iterator[_Joint]:
    """Every way in which a line goes on with the next one."""
    for at, (first, second) in enumerate(pairwise(told)):
        if not first.line.endswith(".") or _is_around(first) or _is_around(second):
            continue
        for way, line, price in (
            *_linked(first, second, alone=alone),
            *_same_person(first.line, second.line, alone=alone),
            *_same_thing(first, second),
            *_side_by_side(first, second),
        ):
            yield from _priced(_Joint(at, at + 1, way, line, price), first, second)


def _backgrounds(told: Sequence[Told], rng: Random) -> Iterator[_Joint]:
    """Every way in which what goes on around is told with what somebody near does or says."""
    for around, one in enumerate(told):
        if not one.meanwhile or not _goes_on(one.line):
            continue
        for at in range(max(0, around - _NEAR), min(len(told), around + _NEAR + 1)):
            clings = at + 1 < len(told) and _CLINGS.match(told[at + 1].line) is not None
            if at != around and not _is_around(told[at]) and not _shares_person(one.line, told[at].line):
                for way, line, price in _meanwhile(told[at], one, rng, clings=clings):
                    yield from _priced(_Joint(at, around, way, line, price + 0.2 * abs(at - around)), told[at], one)


def _priced(joint: _Joint, first: Told, second: Told) -> Iterator[_Joint]:
    """The joint, unless it makes too long a sentence; dearer for a long one, cheaper where a stub goes into it."""
    lengths = count_words(first.line), count_words(second.line)
    if sum(lengths) <= _LONGEST and joint.line.count(" and ") <= _MOST_ANDS and joint.line.count(", and ") < _MOST_ANDS:
        bulk = 0.3 * max(0, sum(lengths) - _COMFORTABLE) - (1.0 if min(lengths) < _SHORT else 0.0)
        yield replace(joint, price=joint.price + bulk)


_MOST_ANDS = 3
_Way = tuple[str, str, float]


def _linked(first: Told, second: Told, *, alone: bool) -> Iterator[_Way]:
    """The second begins with a word that links it to the first; whoever goes on is not named again."""
    found = _LINK.match(second.line)
    if not found or first.weight is Weight.ORNAMENT:
        return
    link, rest = found.group(1), second.line[found.end() :]
    if not _may_follow(first.line, link, rest):
        return
    who, ended, began = _SUBJECT.match(rest), _LAST.search(first.line), _SUBJECT.match(first.line)
    before = ended or (None if _TURNS.search(first.line) else began)
    if who and before and link != "And so" and _is_same(before.group(1), who.group(1), alone=alone):
        rest = rest[who.end() :]
    yield "link", f"{_open(first.line)}, {_LINKS[link]} {rest}", 0.5


def _may_follow(first: str, link: str, rest: str) -> bool:
    """Whether what comes after a link goes on from the first sentence, and not from what was told before it."""
    who = _SUBJECT.match(rest)
    if _STOPS.search(first) or _PRESENT.search(rest) or (link == "But" and " but " in first):
        return False
    if link in {"And then", "Then", "Soon"} and who and _STATE.match(rest[who.end() :]):
        return False  # what is so does not come next
    if "“" in first or link == "Soon":
        return who is not None or rest.startswith(("they ", "she ", "he "))
    return not (rest.startswith(("it ", "they ")) and _REPORTS.search(first))


_LINK = re.compile(r"(And then|And so|And|But|Then|Soon) (?!if )(?=[a-z{])")
_LINKS = {
    "And then": "and then", "And so": "and so", "And": "and", "But": "but", "Then": "and then",
    "Soon": "and soon",
}  # fmt: skip
# A sentence that is full already: it has a clause of its own after a comma, a list, or somebody's words without a tag.
_STOPS = re.compile(r", (?:and|but|so|which|who|since|because|for|as|until|till|while)\b|[:;]|”\.$|\.”$")


def _same_person(first: str, second: str, *, alone: bool) -> Iterator[_Way]:
    """Whoever acts or speaks goes on: "Mira sat down and …", "said Mira, who …"."""
    found = _SUBJECT.match(second)
    if not found or "“" in second or not second.endswith("."):
        return
    who, rest = found.group(1), second[found.end() :]
    ended, began = _LAST.search(first), _SUBJECT.match(first)
    if ended and _is_same(ended.group(1), who, alone=alone) and not _UNLIKE_A_SPEAKER.search(rest):
        yield "who", f"{_open(first)}, who {rest}", 0.5
    if not began or not _is_same(began.group(1), who, alone=alone) or _TURNS.search(first):
        return
    done = _open(first[began.end() :])
    if _STATE.match(done) or _STATE.match(rest):
        return
    if " and " not in done:
        yield "and", f"{_open(first)} and {rest}", 0.5
    yield "then", f"{_open(first)}, then {rest}", 1.0
    if _REGULAR.match(done):
        yield "having", f"Having {done}, {began.group(0)}{rest}", 0.8


def _is_same(one: str, other: str, *, alone: bool) -> bool:
    """Whether two slots mean the same: the heroes by any of theirs, unless they take turns."""
    return one == other if one in {"C", "P"} else other not in {"C", "P"} and (alone or "one" not in {one, other})


_SUBJECT = re.compile(r"\{(h|names|one|C|P)\}(?: the \{(?:ck|pk)\})? (?=[a-z{])")
_LAST = re.compile(r"\{(h|names|one|C|P)\}(?: the \{(?:ck|pk)\})?\.$")
# What somebody is, knows or would do, rather than does.
_STATE = re.compile(
    r"(?:would|had|has|knew|could|was|were|did|thought|said|felt|wanted|noticed|realised|discovered|hoped)(?:n't)?\b"
    r"|(?:never|always|only|found that)\b|\{(?:was|has|is)\}"
)
_UNLIKE_A_SPEAKER = re.compile(r"\b(?:quiet\w*|silent|said|asked|whisper\w*|told|called|slept|nobody|thought|never)\b")
# A verb whose participle is its past tense, and any other one too.
_REGULAR = re.compile(
    r"(?!(?:lik|want|need|seem|look|appear|remain|stay|lov|hop)ed\b)[a-z]+ed\b(?!.*\band (?![a-z]+ed\b)(?!the\b|an?\b))"
)
# A clause with another subject: whatever is added would be told of that one.
_TURNS = re.compile(
    r"[,“”]|\b(?:and|but|so|for|since|that|which|as|until|till|when|where|if|though|because|while) "
    r"(?:it|they|that|there|the|this|a|an|nobody|no one|somebody|everyone|everybody|\{)"
)


def _meanwhile(told: Told, around: Told, rng: Random, *, clings: bool) -> Iterator[_Way]:
    """What somebody does or says with what goes on around: "While the bees hummed, Mira …".

    ``clings``: what follows goes on about what is told, so that nothing may come between.
    """
    word = "as" if " as " not in told.line + around.line and rng.random() < _AS else "while"
    if _does(told.line) and not _GOES_BACK.search(told.line) and count_words(around.line) <= _BACKGROUND:
        yield f"{word} before", f"{word.capitalize()} {_lower(_open(around.line))}, {told.line}", 1.0
    opening = _OPENING.match(told.line)
    does = _does(told.line[opening.end() :] if opening else told.line) or _THEY_DO.match(told.line) is not None
    if (
        ((does and told.line.endswith(".")) or _TAGGED.search(told.line))
        and not clings
        and not _STOPS.search(told.line)
    ):
        yield f"{word} after", f"{_open(told.line)}, {word} {_lower(around.line)}", 1.0


def _is_around(told: Told) -> bool:
    """Weather and the like, of which nobody is the subject."""
    return told.meanwhile and not _SUBJECT.match(told.line)


def _goes_on(line: str) -> bool:
    found = _SUBJECT.match(line)
    return _does(line) and not _NAMING.search(line[found.end() :]) if found else not _NO_BACKGROUND.search(line)


def _does(line: str) -> bool:
    """Whether somebody does something, rather than is, has or would."""
    found = _SUBJECT.match(line)
    return found is not None and not _STATE.match(line[found.end() :])


def _shares_person(one: str, other: str) -> bool:
    """Whether a person is the subject of one and named in the other, who would be told of twice."""
    found = _SUBJECT.match(one)
    if found is None:
        return False
    same = "C" if found.group(1) == "C" else "P" if found.group(1) == "P" else "hs?|ho|names|namess|ones?|two|they"
    return re.search(rf"\{{(?:{same})\}}", other) is not None


_AS = 0.4
_NEAR = 6
_GOES_BACK = re.compile(r"^\{\w+\} (?:[^\s,]+ ){0,4}(?:it|them|that|this|there)\b")
"""It speaks of what was told just before."""
_THEY_DO = re.compile(r"(?:They|[A-Z][a-z ]{2,25} they) (?!were|had|could|knew|would|did|all)[a-z]+")
_OPENING = re.compile(
    r"(?:Back home|At home|On the way home|Then|So|And so|In the end|In the morning|At last|Now) (?=\{)"
)
_CLINGS = re.compile(r"(?:It|They|That|This|And|But|So|Then|Not|No) ")
# What is so at all times is no background, nor is what names a hero or begins otherwise than with its subject.
_NO_BACKGROUND = re.compile(
    r"^(?:It|Not|On|Under|Far|Hush|Breath went|Quiet|Small blue)\b"
    r"|^[^,]*\b(?:was|were|wasn't|had|could|is|are|smelled|smelt|tasted)\b|[“”]|\{(?:h|hs|ho|one|ones|names|namess|their|them|they)\}|[^.]$"
)
_NAMING = re.compile(r"[“”]|\{(?:h|hs|ho|ones?|namess?)\}|[^.]$|\b(?:was|were) (?!getting)")
_TAGGED = re.compile(rf"” (?:{SPEAKING}) \{{\w+\}}(?: the \{{\w+\}})?\.$")


def _same_thing(first: Told, second: Told) -> Iterator[_Way]:
    """The second goes on about what the first is about."""
    found = _GOES_ON.match(second.line)
    needed = min(first.weight, second.weight) > Weight.ORNAMENT and not _REPORTS.search(first.line)
    if found and needed and not _STOPS.search(first.line) and not _PRESENT.search(second.line):
        yield "it", f"{_open(first.line)}, and {_lower(second.line)}", 1.0


_GOES_ON = re.compile(r"(?:It|They) (?!is\b|are\b)[a-z]+[^“”:]*\.$")
_REPORTS = re.compile(r"[“”]|\bthat\b")
"""It is not sure of which of two things the second speaks."""
_PRESENT = re.compile(r"\b(?:is|are|has|does|do|can|will)\b|'s\b|’s\b")


def _side_by_side(first: Told, second: Told) -> Iterator[_Way]:
    """Two short things that happen, one after the other."""
    short = max(count_words(first.line), count_words(second.line)) <= _SHORT
    plain = not _STOPS.search(first.line) and "“" not in first.line + second.line
    if short and plain and _BEGINS.match(second.line) and first.line.split(" ", 1)[0] != second.line.split(" ", 1)[0]:
        yield "side", f"{_open(first.line)}, and {_lower(second.line)}", 2.5


_BEGINS = re.compile(r"(?:The|A|An|There) [a-z{][^!?]*\.$|\{(?:h|names|one|C|P)\} [a-z{][^!?]*\.$")


def _open(line: str) -> str:
    return line.removesuffix(".")


def _lower(line: str) -> str:
    return line[:1].lower() + line[1:]
