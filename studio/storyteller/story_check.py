"""Reads a finished story once more: does it name its heroes, keep its company, pay off what it planted?"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.language.grammar import count_words, spell, split_sentences
from studio.storyteller.premise_parts import find_missing

_WORD = re.compile(r"[a-zà-ÿ]{3,}")
_COMMON = set(
    spell(
        "the and for her his its all one out has who was are not but end get put out old off own let it too how "
        "that with from into this they them their there then than were have been what when where which while along "
        "over under very only every everybody everyone home leads whole comes back brings makes find finds turns "
        "story ends safe together same again once more pocket kept inside last keeps stays"
    )
)
_SHORTEST = 3


def check_story(brief: Brief, planned: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    """`consistent`: nothing found but a missing pay-off; `payoff`: what beat 1 plants is in beat 4; the premise."""
    faults = [*_missing_heroes(brief, planned, texts), *_company(planned, texts), *_repeats(texts)]
    payoff, why = _pays_off(planned, texts)
    missing = find_missing(brief, planned, texts)
    return {
        "consistent": not faults and len(texts) == 4,
        "payoff": payoff,
        "findings": [*faults, *why],
        "premise_honoured": None if missing is None else not missing,
        "premise_missing": missing or [],
    }


def _missing_heroes(brief: Brief, planned: Mapping[str, Any], texts: Sequence[str]) -> Iterator[str]:
    if len(texts) != 4:
        yield f"The story has {len(texts)} scenes, 4 were wanted."
    for number, (text, cast) in enumerate(zip(texts, _casts(planned), strict=False), 1):
        expected = [name for name in brief.names if not cast or name in cast]
        if not any(_names(name, text) for name in expected or brief.names):
            yield f"Scene {number} does not name {' or '.join(expected or brief.names)}."
    whole = " ".join(texts)
    yield from (f"{name} is never named." for name in brief.names if not _names(name, whole))


def _company(planned: Mapping[str, Any], texts: Sequence[str]) -> Iterator[str]:
    for role in ("companion", "helper"):
        friend = planned.get(role)
        name = str(friend.get("name") or "") if isinstance(friend, Mapping) else ""
        if not name:
            continue
        if not any(_names(name, text) for text in texts):
            yield f"The {role} {name} is never named."
        for number, (text, cast) in enumerate(zip(texts, _casts(planned), strict=False), 1):
            if role == "companion" and cast and name not in cast and _acts(name, text):
                yield f"{name} acts in scene {number} without being on stage."


def _repeats(texts: Sequence[str]) -> Iterator[str]:
    told = Counter(
        sentence.casefold()
        for text in texts
        for sentence in split_sentences(text.replace("\n", " "))
        if count_words(sentence) >= _SHORTEST
    )
    yield from (f"A sentence is told {count} times: {sentence}" for sentence, count in told.items() if count > 1)


def _pays_off(planned: Mapping[str, Any], texts: Sequence[str]) -> tuple[bool, list[str]]:
    """Looks in the first and last text for the telling words that `planted` and `payoff` share (else all planted)."""
    elements = planned.get("elements")
    elements = elements if isinstance(elements, Mapping) else {}
    planted, payoff = (_telling(str(elements.get(key) or "")) for key in ("planted", "payoff"))
    words = planted & payoff or planted
    if not words or not texts:
        return False, ["The outline does not say what is planted."]
    where = [name for name, text in (("first", texts[0]), ("last", texts[-1])) if not words & _telling(text)]
    return not where, [f"The {name} scene does not mention the {' '.join(sorted(words))}." for name in where]


def _telling(text: str) -> set[str]:
    return {word.removesuffix("s") for word in _WORD.findall(text.lower())} - _COMMON


def _casts(planned: Mapping[str, Any]) -> list[list[str]]:
    scenes = planned.get("scenes")
    scenes = scenes if isinstance(scenes, list) else []
    return [[str(name) for name in scene.get("on_stage") or []] for scene in scenes if isinstance(scene, Mapping)]


def _names(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _acts(name: str, text: str) -> bool:
    """A name followed by a verb; to be spoken of is not to be there."""
    return re.search(rf"(?<!\w){re.escape(name)} (?:said|was|took|went|held|ran|looked)\b", text) is not None
