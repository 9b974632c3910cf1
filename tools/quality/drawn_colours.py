"""Tries the colours of heroes on drawings: each hero as the brief says, but for other skin, hair or clothes.

The pictures are drawn by the studio, portrait and all, from prompts that differ by the one colour; nothing is painted
over, so that ink, eyes and shadows stay what they are.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from PIL import Image

from storyloom.evaluators.pictures import COLOURS, judge_colours, to_lab
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.ports import ImageGenerator
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from studio.app import serve
from studio.settings import StudioSettings
from tools.quality.picture_check import Case, draw_prompt, plan
from tools.quality.trying import Count

CLAIMS = {part: measure.claim for part, measure in COLOURS.items()}
DRAWN = (Asset.COVER, Asset.SCENE_2, Asset.SCENE_4)
"""The pictures of each story that are drawn."""


@dataclass(frozen=True, slots=True)
class Hero:
    """One hero of the brief: the colours asked for, and another one for each part."""

    name: str
    asked: Mapping[str, str]
    other: Mapping[str, str]


def _hero(name: str, skin: tuple[str, str], hair: tuple[str, str], clothing: tuple[str, str]) -> Hero:
    parts = {"skin": skin, "hair": hair, "clothing": clothing}
    first, second = ({part: pair[place] for part, pair in parts.items()} for place in (0, 1))
    return Hero(name, first, second)


HEROES = (
    _hero("Mira", ("#8d5524", "#f1c9a5"), ("curly black", "curly blond"), ("yellow dress", "blue dress")),
    _hero("Jonas", ("#f1c9a5", "#643a1c"), ("#b5541c", "black"), ("blue jumper", "red jumper")),
    _hero("Aiko", ("#e0ac69", "#3f2415"), ("black", "red"), ("red coat", "green coat")),
    _hero("Tunde", ("#5c3a21", "#fbe3d2"), ("#2b1b12", "blond"), ("green shirt", "purple shirt")),
    _hero("Lena", ("#fbe3d2", "#8d5524"), ("blond", "black"), ("purple hoodie", "yellow hoodie")),
    _hero("Sami", ("#d9a066", "#3f2415"), ("brown", "blue"), ("#ffffff shirt", "orange shirt")),
    _hero("Rosa", ("#3f2415", "#d9a066"), ("grey", "red"), ("orange dress", "blue dress")),
    _hero("Emil", ("#f1c9a5", "#5c3a21"), ("pink", "black"), ("#222222 coat", "yellow coat")),
)
_TYPES = ("adventure", "bedtime", "mental_health", "milestones")
_DETAILS = {"mental_health": {"emotion": "worry"}, "milestones": {"milestone": "the first day of school"}}


def briefs() -> Iterator[tuple[Hero, Brief]]:
    """One for each of HEROES, the types in turn."""
    for place, hero in enumerate(HEROES):
        kind = _TYPES[place % len(_TYPES)]
        character = {"name": hero.name, "species": "human", "appearance": {**hero.asked, "eyes": "brown"}}
        more = {"typeDetails": _DETAILS[kind]} if kind in _DETAILS else {}
        yield hero, Brief.asked({"storyType": kind, "age": 5, "seed": 400 + place, "characters": [character], **more})


def changed(case: Case, hero: Hero, part: str) -> Case:
    """The story with one part of its hero of the other colour."""
    character = case.brief.characters[0]
    if character.appearance is None:
        raise ValueError("the hero has no colours")
    appearance = character.appearance.model_copy(update={part: hero.other[part]})
    heroes = (character.model_copy(update={"appearance": appearance}),)
    return replace(case, brief=case.brief.model_copy(update={"characters": heroes}))


class ColourTrial:
    """Draws, and measures. ``counts``: what was found, by claim."""

    def __init__(self, painter: ImageGenerator, note: Callable[[str], object]) -> None:
        self._painter = painter
        self._note = note
        self.counts: dict[str, Count] = {claim: Count() for claim in CLAIMS.values()}

    async def try_case(self, case: Case, hero: Hero) -> None:
        """A story's pictures as they are, then with each part otherwise: a defect is one picture of a story."""
        as_it_is = await self._measure(case, case)
        for part, claim in CLAIMS.items():
            outcomes = [one[part] for one in as_it_is.values() if one[part] != "not_checked"]
            if outcomes:
                self.counts[claim].look(f"{case.name}, drawn", alarm="fail" in outcomes)
        for part, other in hero.other.items():
            for picture, outcome in (await self._measure(changed(case, hero, part), case)).items():
                told = f"{part} drawn as {other}"
                self._note(f"{case.name}, {picture}: {told}: {outcome[part]}")
                if outcome[part] != "not_checked":  # a night tells no colours
                    self.counts[CLAIMS[part]].seed(f"{told} ({case.name}, {picture})", found=outcome[part] == "fail")

    async def _measure(self, drawn: Case, asked: Case) -> dict[str, dict[str, str]]:
        """By picture, the outcome of each part."""
        portrait = await draw_prompt(self._painter, drawn.prompt(Asset.PORTRAIT), None)
        characters = [one.model_dump(mode="json") for one in asked.brief.characters]
        parts = {claim: part for part, claim in CLAIMS.items()}
        found: dict[str, dict[str, str]] = {}
        for asset in DRAWN:
            png = await draw_prompt(self._painter, drawn.prompt(asset), portrait)
            with Image.open(io.BytesIO(png)) as image:
                lab = to_lab(image.convert("RGB"))
            claims = judge_colours({asset.value: lab}, characters)
            found[asset.value] = {parts[one.measure.claim]: one.outcome for one in claims}
        return found


async def try_colours(note: Callable[[str], object], *, only: int | None = None) -> Mapping[str, Count]:
    """All stories, or the first ``only``, by a studio of its own."""
    studio = await serve(StudioSettings(painters=2, speakers=1, voice="espeak"))
    openai = OpenAI(OpenAISettings(openai_api_key="sk-local", openai_base_url=f"{studio.url}/v1"))
    try:
        trial = ColourTrial(openai, note)
        for hero, brief in islice(briefs(), only):
            await trial.try_case(await plan(brief, openai), hero)
        return trial.counts
    finally:
        await openai.close()
        await studio.stop()
