"""Whom and what a picture shows, by its metadata: the cast that a checklist describes, and the moment it asks for.

The words of a checklist are read as the painter reads those of a prompt; what they mean is looked for in what was
drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from studio.painting import acting
from studio.painting.creatures import creature_in
from studio.painting.identity import look_of
from studio.painting.prompt import HeroLines, PictureBrief, parse_prompt
from studio.painting.props import props_in
from studio.painting.scenery import PLACES, setting_in

Seen = Mapping[str, Any]
Asked = Mapping[str, str]
_HEROES = ("the hero", "the second hero", "the third hero")
_LOOKS = ("skin", "hair", "clothing")
_ENOUGH = 0.5
"""The share of the looks asked for that a hero must have to be the one who is meant."""


def find_cast(characters: Sequence[Asked], seen: Seen) -> dict[str, Any]:
    """Who of those asked for is drawn, by role: a hero's metadata, a companion's or helper's kind. Nobody is two."""
    heroes = [one for one in characters if one["role"] in _HEROES]
    return {**_find_heroes(heroes, seen), **_find_figures([one for one in characters if one not in heroes], seen)}


def _find_heroes(asked: Sequence[Asked], seen: Seen) -> dict[str, Any]:
    """Whoever are most alike are paired first."""
    pairs = sorted(
        (-_likeness(one, drawn), which, place)
        for which, one in enumerate(asked)
        for place, drawn in enumerate(seen["heroes"])
    )
    found: dict[int, int] = {}
    for unlike, which, place in pairs:
        if -unlike >= _ENOUGH and which not in found and place not in found.values():
            found[which] = place
    return {asked[which]["role"]: seen["heroes"][place] for which, place in found.items()}


def _likeness(asked: Asked, drawn: Seen) -> float:
    """The share of the looks asked for that a drawn hero has; 0 for another kind of being."""
    worn = {label: asked[label] for label in _LOOKS if asked.get(label)}
    features = [str(feature) for feature in drawn.get("features", ())]
    look = look_of(HeroLines(asked.get("kind", ""), worn=worn, features=features))
    if (look.species, look.kind) != (drawn.get("species"), drawn.get("kind")):
        return 0
    meant = {"skin": look.skin, **look.words}
    same = [meant[label] == drawn.get(label) for label in worn]
    return sum(same) / len(same) if same else 1


def _find_figures(asked: Sequence[Asked], seen: Seen) -> dict[str, Any]:
    free = [seen[role] for role in ("companion", "helper") if seen.get(role)]
    found = {}
    for one in asked:
        creature = creature_in(one.get("kind", ""))
        name = creature.name if creature else "person"
        if name in free:
            free.remove(name)
            found[one["role"]] = name
    return found


def compare_moment(moment: Asked, seen: Seen) -> Iterator[tuple[str, bool | None]]:
    """Each part of the moment that is asked for, and whether it is drawn; None where a picture cannot tell."""
    asked = parse_prompt("\n".join(f"{label}: {words}" for label, words in moment.items()))
    answers = {
        "setting": setting_in(asked.line("setting"), asked.line("scene")) == seen.get("setting"),
        "time": asked.time == seen.get("time"),
        "weather": _same_weather(asked, seen),
        "props": _same_props(asked, seen),
        "action": _same_action(asked, seen),
    }
    yield from ((label, answers[label]) for label in moment if label in answers)


def _same_weather(asked: PictureBrief, seen: Seen) -> bool | None:
    place = PLACES.get(str(seen.get("setting")))
    return asked.weather == seen.get("weather") if place is None or place.weather else None


def _same_props(asked: PictureBrief, seen: Seen) -> bool | None:
    """Whether anything of what should lie about does; a picture has room for few things."""
    wanted = {prop.name for prop in props_in(asked.props)}
    return not wanted.isdisjoint(seen.get("props", ())) if wanted else None


def _same_action(asked: PictureBrief, seen: Seen) -> bool:
    # What the words leave open, the mood decides: that of the picture.
    posture = acting.posture_in(asked.line("action"), asked.line("scene"), str(seen.get("emotion")))
    return acting.is_acted(posture, str(seen.get("action")))
