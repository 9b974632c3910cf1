"""Dresses a scene with small lines of place, weather, hour, hero and companion, no line twice in a story."""

import re
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from studio.storyteller.brief import Hero
from studio.storyteller.language.joining import Told
from studio.storyteller.language.rhythm import Weight
from studio.storyteller.tale import Tale
from studio.storyteller.world.parser import INDOORS, read_ornaments

# Lines that answer the line before them; nothing may come between.
CLINGING = ("“", "But ", "And ", "So ", "Then ", "{P} said", "{C} said", "{h} said", "{one} said", "It ", "That ",
             "Out ", "Up ", "This ", "{oit}", "At last", "Nobody", "She ", "He ", "Not ", "No ", "Soon ",
             "Well, ", "Now, ", "You see, ")  # fmt: skip
_SOMEBODY = ("{names} ", "{h} ", "{one} ", "{C} ")
_ROOMS = ("bed", "stairs", "kitchen", "window")

_MOVING = (2, 4)  # the scenes in which everybody is on the way, so that wheels may sing
_THOUGHTFUL = 8
_GENTLE = {"bedtime", "medical_bravery", "mental_health"}


def add_ornaments(
    tale: Tale, planned: Mapping[str, Any], scene: int, lines: Sequence[Told], rng: Random, *, other: str | None
) -> list[Told]:
    """The lines with ornaments between them. The outline decides which are this scene's, so that none comes twice.

    ``other`` names another way of telling, with other ornaments; None is the first one.
    """
    dressed = list(lines)
    title = f"{planned.get('title')}|{other}" if other else str(planned.get("title"))
    light = planned["scenes"][scene - 1]
    wanted: list[tuple[float, str]] = []
    around = _share(_around(tale, light, scene), f"{title}|around", scene)
    wanted += zip((0.0 if scene > 1 else 0.3, 0.55, 0.9, 0.75), around, strict=False)
    of_companion = _share(_of_companion(tale), f"{title}|companion", scene) if scene > 1 else []
    wanted += zip((0.5,), of_companion, strict=False)
    meanwhile = {*around, *of_companion}
    heroes = _share(_of_heroes(tale), f"{title}|hero", scene)[:1]
    if _in_a_room(tale, scene):
        heroes = [line for line in heroes if line not in read_ornaments()["hair"]]  # no breeze gets in there
    trait = _of_trait(tale.brief.heroes)
    moving = [number for number in _MOVING if not _in_a_room(tale, number)] or [2]
    if trait and scene == Random(f"{planned.get('title')}|trait").choice(moving):
        heroes = [trait]
    wanted += zip((0.65,), heroes, strict=False)
    thoughts = _thoughts(tale, scene)
    Random(f"{title}|thoughts").shuffle(thoughts)
    meanwhile |= {line for line in thoughts if line.startswith(_SOMEBODY)}
    wanted += zip((0.6, 0.2, 0.85, 0.35), thoughts, strict=False)
    if scene == 1 and tale.companion:
        wanted.append((0.5, tale.companion.creature.habit))
    for share, line in sorted(wanted, key=lambda one: -one[0]):
        weight = Weight.SHOULD if line in heroes else Weight.ORNAMENT
        dressed.insert(_gap(dressed, share), Told(weight, line, meanwhile=line in meanwhile))
    if scene == 4:
        kind = "closing.bedtime" if tale.brief.story_type == "bedtime" else "closing.any"
        dressed.append(Told(Weight.ORNAMENT, rng.choice(read_ornaments()[kind])))
    return dressed


def _thoughts(tale: Tale, scene: int) -> list[str]:
    """For older listeners, whose scenes are long; where feelings are the matter nobody cracks jokes."""
    if tale.brief.age < _THOUGHTFUL:
        return []
    lines = read_ornaments()[f"beat.{scene}"]
    return [line for line in lines if tale.brief.story_type not in _GENTLE or "{C}" not in line]


def _gap(lines: Sequence[Told], share: float) -> int:
    """The gap nearest to a share of the way where a line may be slipped in."""
    free = [
        index
        for index in range(1, len(lines))  # the first line says who is meant by all the others
        if not lines[index].line.startswith(CLINGING) and lines[index].weight is not Weight.ORNAMENT
    ]
    if not free:
        return len(lines)
    return min(free, key=lambda index: abs(index - share * len(lines)))


def _share(lines: Sequence[str], key: str, scene: int) -> list[str]:
    """Every fourth line of a shuffle that the outline's title fixes."""
    shuffled = list(lines)
    Random(key).shuffle(shuffled)
    return shuffled[scene - 1 :: 4]


def _around(tale: Tale, light: Mapping[str, Any], scene: int) -> list[str]:
    bank = read_ornaments()
    if _in_a_room(tale, scene):
        return list(bank["indoors"])
    found = list(tale.place.lines) if tale.place else []
    if not tale.place or tale.place.name not in INDOORS:
        found += bank.get(f"weather.{light.get('weather')}", ())
        found += bank.get(f"time.{light.get('time_of_day')}", ())
    return found


def _in_a_room(tale: Tale, scene: int) -> bool:
    return tale.plot is not None and any(room in tale.plot.spot(scene) for room in _ROOMS)


def _of_companion(tale: Tale) -> Sequence[str]:
    return read_ornaments()["calm" if tale.brief.story_type in _GENTLE else "humour"] if tale.companion else ()


def _of_heroes(tale: Tale) -> list[str]:
    found = [line for hero in tale.brief.heroes for line in _of_hero(hero, alone=len(tale.brief.heroes) == 1)]
    return list(dict.fromkeys(found))


def _of_trait(heroes: Sequence[Hero]) -> str:
    """One line in the whole story: a trait is part of the hero, not the story's business."""
    bank = read_ornaments()
    traits = heroes[0].traits if len(heroes) == 1 else ()
    return next((bank[f"trait.{trait}"][0] for trait in traits if f"trait.{trait}" in bank), "")


def _of_hero(hero: Hero, *, alone: bool) -> Iterator[str]:
    bank = read_ornaments()
    yield from bank.get(f"species.{hero.species}", ())
    words = [word.lower() for word in hero.personality]
    yield from (line for word in words for line in bank.get(f"personality.{word}", bank["personality.any"]))
    if alone:  # with siblings the line could fall to the one who is not meant
        # A scar, a device or a headscarf is nothing to make play with; glasses may wink in the light.
        worn = hero.features[:1] if hero.features and "glasses" in hero.features[0].lower() else ()
        hair = "" if re.search(r"bald|\bno\b|none|scarf|hijab|shav", hero.hair) else hero.hair
        looks = (("hair", hair), ("clothing", hero.clothing), ("features", worn))
        yield from (line for name, told in looks if told for line in bank[name])
