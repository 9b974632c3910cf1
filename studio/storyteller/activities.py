"""Devises four activities out of a story: its companion, thing and place, safe for the age, fit for the hero."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from studio.storyteller.brief import Brief
from studio.storyteller.foreign_outline import place_spot
from studio.storyteller.language.grammar import capitalise
from studio.storyteller.language.phrasing import Phrasing
from studio.storyteller.tale import Tale, recall

_FILE = Path(__file__).parent / "world" / "activities.txt"
_COUNT = 4
# What no activity may bring near a hero, whatever the story planted: another thing of the story takes its place.
_KEPT_AWAY = (
    (
        ("asthma", "tracheostomy", "oxygen"),
        re.compile(r"feather|pollen|flower|blossom|dandelion|bouquet|perfume|incense|\bdust"),
    ),
    (("type1_diabetes", "feeding"), re.compile(r"biscuit|cake|\btart|sweets|\bbun\b|toffee")),
)
_TOO_HOT = re.compile(r"candle|match(?:es|box)?\b|fire\b|torch|flame|spark")
_MAY_SEE_FLAMES = 8
_PLAIN_THING, _PLAIN_TOKEN = "treasure", "secret"

# What the hero's own body or senses ask of an activity, said as a change that works, not as a limit.
_ACCESS = (
    (("wheelchair", "walker", "crutches", "cerebral", "prosthetic_leg", "orthotic", "dwarfism", "limb_length"),
     "Set everything up at seat height with clear ways between; rolling, leaning and reaching count as steps."),
    (("prosthetic_arm", "limb_difference"),
     "Fix paper and trays with tape or a non-slip mat, so that one hand or the feet can do it all."),
    (("visual", "albinism"),
     "Describe each step aloud, and use strong contrasts and things that can be told apart by touch."),
    (("deaf", "hearing", "cochlear"),
     "Show each step, sign or point as well as speak, and let sounds be felt through a table top or a drum skin."),
    (("autism", "adhd"),
     "Show the steps as pictures first, offer a quiet corner, and let the child stop or repeat a step at any time."),
    (("down_syndrome", "intellectual", "dyslexia"),
     "Show one step at a time, do it together once, and take pictures or speech instead of writing."),
    (("tracheostomy", "oxygen", "asthma", "feeding", "port_a_cath", "iv_picc", "dialysis", "childhood_cancer"),
     "Do it sitting down, keep tubes and lines free of paint and sand, and plan a rest after every step."),
    (("type1_diabetes",), "Count any snack as usual, and keep a check and something to eat within reach."),
    (("halo", "scoliosis", "helmet"), "Do it at table height, with no bending or sudden turns, and let the eyes lead."),
)  # fmt: skip
_ACCESS_ANY = "Do each step lying, sitting or standing; point, sign or speak; and share any step with a partner."


def write_activities(brief: Brief, planned: Mapping[str, Any], *, seed: int, version: int = 0) -> dict[str, Any]:
    """Four activities of four types, each with something of this story in it; of the next version, four others."""
    tale = _kept_safe(recall(brief, planned))
    rng = Random(f"{seed}|{planned.get('title')}|activities")
    first = rng.sample(_ideas(), _COUNT)
    others = [idea for idea in _ideas() if idea not in first]
    rng.shuffle(others)
    order = [*first, *others]
    chosen = [order[(version * _COUNT + at) % len(order)] for at in range(_COUNT)]
    return {"activities": [_activity(idea, tale, planned) for idea in chosen]}


def _kept_safe(tale: Tale) -> Tale:
    """The tale for playing: with nothing that burns for the young, and nothing that takes a hero's breath."""
    return replace(
        tale,
        thing=_PLAIN_THING if _harms(tale.brief, tale.thing) else tale.thing,
        token=_PLAIN_TOKEN if _harms(tale.brief, tale.token) else tale.token,
    )


def _harms(brief: Brief, thing: str) -> bool:
    if brief.age < _MAY_SEE_FLAMES and _TOO_HOT.search(thing):
        return True
    traits = [trait for hero in brief.heroes for trait in hero.traits]
    return any(
        kept.search(thing) for keys, kept in _KEPT_AWAY for key in keys for trait in traits if trait.startswith(key)
    )


def _activity(idea: Mapping[str, str], tale: Tale, planned: Mapping[str, Any]) -> dict[str, Any]:
    age, teller = tale.brief.age, _teller(tale, planned)

    def said(key: str) -> str:
        return capitalise(teller.fill(idea[key]))

    def each(key: str) -> list[str]:
        return [capitalise(teller.fill(part)) for part in idea[key].split(" / ")]

    return {
        "id": _slug(teller.fill(idea["id"])),
        "title": said("title"),
        "description": said("description"),
        "type": idea["type"],
        "age_range": f"{max(age - 1, 3)}-{age + 1}",
        "duration": f"{int(idea['minutes']) - (5 if age <= 3 else 0)} minutes",
        "materials": [teller.fill(part) for part in idea["materials"].split(" / ")],
        "instructions": each("steps"),
        "learning_objectives": each("objectives"),
        "story_connection": _connection(tale, planned),
        "adaptations": {"younger": said("younger"), "older": said("older"), "access_needs": _access(tale.brief)},
        "safety_notes": [*each("safety"), *_watch(age)],
        "parent_tips": each("tips"),
    }


def _teller(tale: Tale, planned: Mapping[str, Any]) -> Phrasing:
    """The story's teller with the words that only activities use; without a companion the heroes play the part."""
    spots = [place_spot(tale, scene) for scene in planned["scenes"]]
    teller = tale.phrasing(spots[0])
    hero = tale.brief.heroes[0]
    alone = {
        "C": hero.name,
        "che": hero.person.pronouns.subject,
        "chim": hero.person.pronouns.object,
        "chis": hero.person.pronouns.possessive,
        "csound": "laughed",
        "cmove": "hurried",
    }
    move = tale.companion.creature.move if tale.companion else "hurried"
    return Phrasing(
        heroes=teller.heroes,
        words={
            **alone,
            **teller.words,
            "slug": tale.thing,
            "where1": spots[0],
            "where4": spots[3],
            "cgo": f"as {tale.companion.name} {move}" if tale.companion else "quick and light",
            "start": spots[0],
        },
    )


def _connection(tale: Tale, planned: Mapping[str, Any]) -> str:
    title = str(planned.get("title") or "the story")
    names = " and ".join(tale.brief.names)
    friend = f" and {tale.companion.name} the {tale.companion.kind}" if tale.companion else ""
    motif = str(planned.get("motif") or "").strip()
    seen = f"; look for {motif}" if motif else ""
    return f"In “{title}”, {names}{friend} have their adventure with the {tale.thing} {tale.where}{seen}."


def _access(brief: Brief) -> str:
    traits = [trait for hero in brief.heroes for trait in hero.traits]
    fitting = [advice for keys, advice in _ACCESS if any(trait.startswith(key) for trait in traits for key in keys)]
    return " ".join(fitting) or _ACCESS_ANY


def _watch(age: int) -> list[str]:
    return ["A grown-up stays close by the whole time."] if age <= 4 else ["A grown-up is within call."]


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:60].strip("-")


@cache
def _ideas() -> tuple[Mapping[str, str], ...]:
    ideas = []
    for part in _FILE.read_text("utf-8").split("\n# ")[1:]:
        name, *rows = part.strip().splitlines()
        ideas.append({"id": name, **dict(row.split(": ", 1) for row in rows)})
    return tuple(ideas)
