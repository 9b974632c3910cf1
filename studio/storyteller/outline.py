"""Makes an outline: picks the plot, the company and the place, and plans the five pictures."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.casting import Friend, cast_companion, cast_helper, recast
from studio.storyteller.language.grammar import capitalise, count_words
from studio.storyteller.language.phrasing import Phrasing
from studio.storyteller.language.pronouns import TOGETHER
from studio.storyteller.plots.parser import Plot, plots_for
from studio.storyteller.premise import (
    Wishes,
    find_place,
    mentions,
    read_refusals,
    read_wishes,
    singular,
    spots_of,
    with_preposition,
)
from studio.storyteller.premise_lines import plan_threads
from studio.storyteller.premise_parts import write_parts
from studio.storyteller.tale import Tale
from studio.storyteller.world.parser import INDOORS, Place, read_places, read_things

_CASTS = 20
"""How often somebody is looked for whom a brief does not keep out."""
BEATS = ("call", "threshold", "ordeal", "return")
_TITLE_WORDS = 7
_NAMED = 0.7  # as often a title has the companion's name in it: names are many, plots are few
_HERO_NAMED = 0.6  # as often it has a hero's in it, where the plot or the list has such a title: it is their book
_TITLES = {
    "bedtime": (
        "Goodnight, {C}", "Sleep Well, {C}", "Hush Now, {C}", "{C} by Moonlight", "{C} and the Moon", "{C} Goes to Bed",
        "A Pillow for {C}", "One More Yawn, {C}", "The Night of {C} and {names}", "Starlight for {C}",
        "{C} and the Quiet Night", "Dream of {C}",
    ),
    "any": (
        "Come Along, {C}", "{C} Leads the Way", "Wait for {C}", "A Day with {C}", "This Way, {C}", "Hello, {C}",
        "{names} Meets {C}", "The Day of {C} and {names}", "Just Ask {C}", "{C} Has a Plan", "Well Done, {C}",
        "What {C} Knew",
    ),
    "every": (
        "{C} and the {T}", "{C} and the {O}", "{names} and {C}", "{names}, {C} and the {O}", "A Friend Called {C}",
        "{C} of {Place}", "{namess} Friend {C}", "{names}, {C} and the {T}",
    ),
}  # fmt: skip
_START = "{all} wait side by side with the {o}, ready for anything."
_HUNT = "{all} set out side by side, and they dream of the {o}."
_USUAL_PLACES = (
    "forest", "seaside", "meadow", "mountain", "town", "snow", "river", "castle", "desert", "space", "garden", "jungle",
)  # fmt: skip
_BEDTIME_PLACES = ("forest", "meadow", "town", "river", "house", "seaside", "snow", "castle", "garden")
THINGS_CAST = (
    "lantern", "kite", "whistle", "compass", "umbrella", "bell", "music box", "drum", "scarf", "key", "feather",
    "shell", "marble", "teapot", "telescope", "clock", "snow globe", "hat", "flute",
)  # fmt: skip
_ADJECTIVES = ("little", "old", "red", "blue", "silver", "yellow", "tiny", "striped", "shiny", "green")
_TIMES = {
    "bedtime": (("dusk", "dusk", "night", "night"), ("dusk", "night", "night", "night")),
    "any": (
        ("dawn", "day", "day", "dusk"), ("day", "day", "dusk", "dusk"), ("day", "day", "dusk", "night"),
        ("dawn", "day", "dusk", "night"),
    ),
    "night": (("night", "night", "night", "night"),),
    "dusk": (("dusk", "dusk", "night", "night"), ("day", "dusk", "dusk", "night")),
    "dawn": (("dawn", "dawn", "day", "day"), ("dawn", "day", "day", "dusk")),
}  # fmt: skip
_CAMERAS = (
    ("wide", "medium", "close", "medium"),
    ("medium", "wide", "medium", "close"),
    ("wide", "close", "wide", "medium"),
)
# Milestones that lead through a new door; all others are something to be learned or lived through.
_AWAY = re.compile(r"school|class|kinder|nursery|camp|sleep|mov|trip|daycare|flight|grade|hospital", re.IGNORECASE)
_SKIES = {"day": "#9fd3e0", "dawn": "#f6c9b8", "dusk": "#e09a7a", "night": "#24345c"}
_SNOWY = ("snow", "snow", "clear", "wind")
_WEATHERS = ("clear", "clear", "clear", "cloudy", "wind", "fog", "rain")


def write_outline(brief: Brief, seed: int, *, version: int = 0) -> dict[str, Any]:
    """A whole outline as docs/providers.md has it. The seed decides all that the brief leaves open.

    The next version has another plot, where there is one that fits.
    """
    asked = f"{seed}|{brief.story_type}|{brief.premise}|{brief.setting}|{'|'.join(brief.names)}"
    plots = _plots(brief, read_wishes(brief))
    rng = Random(asked)
    first = plots.index(rng.choice(plots))
    rng = Random(f"{asked}|{version}") if version else rng
    tale = _begin(brief, plots[(first + version) % len(plots)], rng)
    assert tale.plot is not None
    plot, teller = tale.plot, tale.phrasing()
    times = plot.one("times").split() if "times" in plot.head else _times(brief, tale.wishes, rng)
    weather = _weather(tale, rng)
    spots = tale.place.spots if tale.place else spots_of(tale.where)
    cameras = rng.choice(_CAMERAS)
    scenes = [
        _scene(
            tale,
            index,
            {"time_of_day": times[index], "weather": weather, "camera": cameras[index]},
            plot.spot(index + 1) or spots[index],
        )
        for index in range(4)
    ]
    planned = {
        "title": _title(plot, teller, rng, tale),
        "logline": teller.say(rng.choice(plot.head["logline"])),
        "motif": teller.fill(plot.one("motif")),
        "palette": _palette(tale.place, times, rng),
        "elements": {
            "want": teller.fill(plot.one("want")),
            "flaw": teller.fill(plot.one("flaw")),
            "place": teller.words["place"],
            "object": tale.thing,
            **{key: teller.fill(plot.one(key)) for key in ("obstacle", "planted", "payoff")},
        },
        "companion": _friend_block(tale.companion),
        "helper": _friend_block(tale.helper),
        "cover": _cover(tale, scenes[1]),
        "scenes": scenes,
    }
    return {**planned, "premise": write_parts(brief, planned)}


def _begin(brief: Brief, plot: Plot, rng: Random) -> Tale:
    wishes = read_wishes(brief)
    place, where = _choose_place(brief, wishes, plot, rng)
    heroes = brief.heroes[0].person.pronouns if len(brief.heroes) == 1 else TOGETHER
    companion = _welcome(
        brief,
        lambda: cast_companion(
            rng,
            kind=wishes.kind,
            she=wishes.she if wishes.kind else None,
            place=place.name if place else "",
            heroes=heroes,
            taken=[*brief.names, *brief.details.values()],
        ),
    )
    if wishes.name:
        companion = replace(companion, name=wishes.name)
    if brief.earlier and brief.earlier.name:
        friend = recast(brief.earlier.name, brief.earlier.kind or "friend", she=None, heroes=heroes)
        companion = replace(friend, creature=replace(friend.creature, look=brief.earlier.look or friend.creature.look))
    helper = None
    if plot.helper_scenes:
        taken = [*brief.names, companion.name]
        helper = _welcome(
            brief,
            lambda: cast_helper(
                rng,
                place=place.name if place else "",
                besides=companion,
                taken=taken,
                letter=plot.head.get("letter", ("",))[0],
                short=brief.age <= 4,
            ),
        )
    tokens = plot.head.get("tokens", ("button",))
    return Tale(
        brief=brief,
        wishes=wishes,
        plot=plot,
        companion=companion,
        helper=helper,
        thing=wishes.thing or _choose_thing(plot, brief, rng),
        token=rng.choice([token for token in tokens if token not in wishes.thing] or tokens),
        place=place,
        where=where,
    )


def _welcome(brief: Brief, cast: Callable[[], Friend]) -> Friend:
    """Somebody whom the brief does not keep out; after many tries whoever comes, and the outline says so."""
    refused = {singular(word) for word in read_refusals(brief)}
    friend = cast()
    for _ in range(_CASTS):
        if not refused & set(friend.kind.split()):
            break
        friend = cast()
    return friend


def _plots(brief: Brief, wishes: Wishes) -> Sequence[Plot]:
    """Those that fit what the brief asks for."""
    plots: Sequence[Plot] = plots_for(brief.story_type)
    asked = {"lost"} if wishes.lost else {"sleepless"} if wishes.sleepless else set()
    if brief.story_type == "birthday":
        asked = {"own" if brief.details.get("to", brief.names[0]) in brief.names else "other"}
    if brief.story_type == "milestones":
        asked = {"away" if _AWAY.search(brief.details.get("milestone", "school")) else "skill"}
    plots = [plot for plot in plots if plot.youngest <= brief.age]
    refused = {singular(word) for word in read_refusals(brief)}
    plots = [plot for plot in plots if not mentions(str(plot), refused)] or plots
    fitting = [plot for plot in plots if asked & set(plot.head.get("fits", ()))]
    return fitting or plots


def _choose_place(brief: Brief, wishes: Wishes, plot: Plot, rng: Random) -> tuple[Place | None, str]:
    if wishes.place_phrase:
        return wishes.place, wishes.place_phrase
    if brief.earlier and brief.earlier.place and not wishes.place:
        where = with_preposition(brief.earlier.place)
        return find_place(where), where
    usual = _BEDTIME_PLACES if brief.story_type == "bedtime" else _USUAL_PLACES
    refused = {singular(word) for word in read_refusals(brief)}
    names = plot.head.get("places", usual)
    name = rng.choice([one for one in names if not mentions(one, refused)] or names)
    place = wishes.place or next(place for place in read_places() if place.name == name)
    return place, rng.choice(place.names)


def _choose_thing(plot: Plot, brief: Brief, rng: Random) -> str:
    things = plot.head.get("things", THINGS_CAST)
    if any(trait.startswith("asthma") for hero in brief.heroes for trait in hero.traits):
        things = tuple(thing for thing in things if thing != "feather")
    refused = {singular(word) for word in read_refusals(brief)}
    things = tuple(one for one in things if not mentions(f"{one} {read_things().get(one)}", refused)) or things
    thing = rng.choice(things)
    return f"{rng.choice(_ADJECTIVES)} {thing}" if thing in read_things() else thing


def _times(brief: Brief, wishes: Wishes, rng: Random) -> Sequence[str]:
    if wishes.time and not (brief.story_type == "bedtime" and wishes.time == "dawn"):
        return rng.choice(_TIMES[wishes.time])
    return rng.choice(_TIMES["bedtime" if brief.story_type == "bedtime" else "any"])


def _weather(tale: Tale, rng: Random) -> str:
    if tale.wishes.weather:
        return tale.wishes.weather
    name = tale.place.name if tale.place else ""
    if name in INDOORS:
        return "clear"
    return rng.choice(_SNOWY if name == "snow" else _WEATHERS)


def _title(plot: Plot, teller: Phrasing, rng: Random, tale: Tale) -> str:
    written = [*plot.head["title"], *_TITLES["bedtime" if plot.story_type == "bedtime" else "any"], *_TITLES["every"]]
    if rng.random() < _NAMED:
        written = [title for title in written if "{C}" in title]
    if len(tale.brief.heroes) > 1:
        written = [title for title in written if "{names} Meets" not in title]
    titles = [capitalise(teller.fill(title)) for title in rng.sample(written, len(written))]
    if tale.brief.earlier:
        titles = [title for title in titles if title != tale.brief.earlier.title]
    if rng.random() < _HERO_NAMED:
        titles.sort(key=lambda title: not any(hero.name in title for hero in tale.brief.heroes))
    assert tale.companion is not None
    titles.append(f"{tale.companion.name}'s Story")
    return next(title for title in titles if count_words(title) <= _TITLE_WORDS and len(title.split()) <= _TITLE_WORDS)


def _palette(place: Place | None, times: Sequence[str], rng: Random) -> list[str]:
    colours = [*(place.colours if place else ("#6a8f7a", "#d9b26f", "#b3667a")), _SKIES[times[0]], _SKIES[times[-1]]]
    if times[0] == times[-1]:
        colours[-1] = "#f4e3b2"  # lamplight, so that the five stay five
    return [_shade(colour, rng) for colour in colours]


def _shade(colour: str, rng: Random) -> str:
    parts = (min(max(int(colour[at : at + 2], 16) + rng.randint(-9, 9), 0), 255) for at in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _friend_block(friend: Friend | None) -> dict[str, str] | None:
    return None if friend is None else {"name": friend.name, "kind": friend.kind, "look": friend.creature.look}


def _scene(tale: Tale, index: int, light: Mapping[str, str], spot: str) -> dict[str, Any]:
    assert tale.plot is not None
    beat, teller = tale.plot.beats[index], tale.phrasing(spot)
    cast = [*tale.brief.names, *([tale.companion.name] if tale.companion else [])]
    if tale.helper and index + 1 in tale.plot.helper_scenes:
        cast.append(tale.helper.name)
    seen = [prop for prop in tale.plot.beats[index].props if "{o}" not in prop or index + 1 >= tale.plot.found]
    return {
        "beat": BEATS[index],
        "what_happens": " ".join([teller.say(beat.shows) + ".", *_threads_of(tale, index + 1, spot)]),
        "on_stage": cast,
        "setting": write_setting(spot, tale.where),
        "time_of_day": light["time_of_day"],
        "weather": light["weather"],
        "props": [teller.fill(prop) for prop in seen],
        "action": teller.fill(beat.action),
        "emotion": beat.emotion,
        "camera": light["camera"],
    }


def _threads_of(tale: Tale, scene: int, spot: str) -> Iterator[str]:
    """What of the brief's wishes begins or ends in a scene, each in a sentence."""
    for line in plan_threads(tale, scene):
        said = tale.phrasing(spot).say(line)
        yield said if said.endswith((".", "!", "?")) else f"{said}."


def write_setting(spot: str, where: str) -> str:
    """A spot of a place as a picture's setting: "mossy path in the forest"."""
    bare = spot.partition(" ")[2]
    place = where.partition(" ")[2]
    return bare if place and place in bare else f"{bare} {where}"


def _cover(tale: Tale, like: Mapping[str, Any]) -> dict[str, Any]:
    teller = tale.phrasing()
    known = find_place(tale.where)
    return {
        "what_happens": teller.say(_HUNT if tale.plot and tale.plot.found else _START),
        "on_stage": [*tale.brief.names, *([tale.companion.name] if tale.companion else [])],
        "setting": write_setting(known.spots[1] if known else tale.where, tale.where),
        "time_of_day": like["time_of_day"],
        "weather": like["weather"],
        "props": [tale.thing],
        "action": "standing close together",
        "emotion": "happy",
        "camera": "medium",
    }
