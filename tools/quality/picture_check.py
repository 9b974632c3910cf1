"""Tries the maker's own picture check on drawings of the studio's: as they are, and with one defect each.

The claim ``cast_and_traits`` rests on that check (services/images/critic.py), so its error is that of the check.
Stories are planned, drawn and looked at as the services do it, with the studio for a provider: of a defect, only the
words that the picture is drawn from are changed, and the check is asked for what should be in it. The studio answers
from what it noted in the picture's metadata; how well a vision model sees is not measured.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from services.content.writer import Writer
from services.images.critic import Critic
from services.images.prompts import Prompt, draft_picture, draft_portrait
from storyloom.evaluators.recorded import CAST, judge_recorded
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.ports import ImageGenerator, StructuredModel, VisionModel
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.brief import Brief, Character
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Outline, PictureBrief
from storyloom.story.sides import SIDED
from studio.app import serve
from studio.settings import StudioSettings
from tools.quality.trying import Count

CLAIM = CAST.claim
_STORIES = UUID("5a2a6c8e-0c39-4b0e-9c7a-94f2a1a6d0aa")
"""Namespace of the stories' ids, so that they are the same every time."""
_SIDE = re.compile(r"\b(?:left|right)\b")
_OTHER = {"left": "right", "right": "left"}
_NEWCOMER = Character(name="Noor", species="human", pronouns="she/her")


def _hero(name: str, *traits: str, species: str = "human", **more: Any) -> dict[str, Any]:
    return {"name": name, "species": species, "traits": list(traits), **more}


HEROES: tuple[Sequence[Mapping[str, Any]], ...] = (
    [_hero("Mira", "wheelchair_manual", "hearing_aids", features=["round blue glasses"])],
    [_hero("Jonas", "prosthetic_leg", appearance={"hair": "short red", "clothing": "green jumper and blue shorts"})],
    [_hero("Aiko", "crutches", "facial_differences")],
    [_hero("Tunde", "walker", "cochlear_implant_external")],
    [_hero("Lena", "prosthetic_arm", appearance={"skin": "#f1c9a5", "clothing": "red dress"})],
    [_hero("Sami", "visual_impairment", "burn_scars")],
    [_hero("Rosa", "type1_diabetes", "birthmark_large")],
    [_hero("Emil", "tracheostomy", "wheelchair_power", "vitiligo")],
    [_hero("Wren", "oxygen_cannula", "limb_difference_arm_missing", species="animal")],
    [_hero("Bolt", "limb_length_discrepancy", "medical_alert_symbol", species="robot")],
    [_hero("Ines", "dialysis_access", "albinism"), _hero("Theo", "hearing_aids")],
    [_hero("Nils", "hearing_aids"), _hero("Ada", "hearing_aids", "orthotic_devices")],
    [_hero("Kai", "feeding_tube_gtube", "childhood_cancer", species="superhero")],
)
"""The heroes of each story."""
_TYPES: tuple[Mapping[str, Any], ...] = (
    {"storyType": "adventure", "setting": "a foggy forest"},
    {"storyType": "bedtime"},
    {"storyType": "educational", "typeDetails": {"subject": "the moon"}},
    {"storyType": "medical_bravery", "typeDetails": {"challenge": "a visit to the doctor"}},
    {"storyType": "mental_health", "typeDetails": {"emotion": "worry"}},
)


def briefs() -> Iterator[Brief]:
    """One for each of HEROES: the types in turn."""
    for place, heroes in enumerate(HEROES):
        yield Brief.asked({**_TYPES[place % len(_TYPES)], "age": 5, "seed": 300 + place, "characters": list(heroes)})


@dataclass(frozen=True, slots=True)
class Case:
    """One story, as far as its pictures need it."""

    name: str
    brief: Brief
    outline: Outline

    def prompt(self, asset: Asset) -> Prompt:
        """What the images service draws a picture from, and asks the check for."""
        job = _job(asset, self.name, self.brief)
        return draft_portrait(job) if asset is Asset.PORTRAIT else draft_picture(job, self.outline)


@dataclass(frozen=True, slots=True)
class Seeded:
    """A picture with a defect: which, and what it is drawn from. ``portrait``: of whom; None: the story's own."""

    kind: str
    what: str
    asset: Asset
    drawn: Prompt
    portrait: Prompt | None = None


def seeded(case: Case) -> Iterator[Seeded]:
    """Every defect of a story, each in the pictures that can have it."""
    yield from _traits(case)
    yield from _sides(case)
    for asset in (Asset.COVER, Asset.SCENE_2):
        yield from _casts(case, asset)
    yield _moment(case)


def _traits(case: Case) -> Iterator[Seeded]:
    """A trait that is left out of the words, the portrait's too, in the first picture that can show it."""
    for hero in case.brief.characters:
        for trait in hero.traits:
            bare = hero.model_copy(update={"traits": tuple(one for one in hero.traits if one != trait)})
            heroes = tuple(bare if one is hero else one for one in case.brief.characters)
            without = replace(case, brief=case.brief.model_copy(update={"characters": heroes}))
            for asset in PICTURES:
                drawn = without.prompt(asset)
                if len(drawn.must_show) < len(case.prompt(asset).must_show):
                    yield Seeded("missing trait", trait, asset, drawn, without.prompt(Asset.PORTRAIT))
                    break


def _sides(case: Case) -> Iterator[Seeded]:
    """A one-sided trait on the other side, in the words for the portrait too, in the first picture that can show it."""
    for trait in dict.fromkeys(trait for hero in case.brief.characters for trait in hero.traits if trait in SIDED):
        what = SIDED[trait].what
        for asset in PICTURES:
            asked = case.prompt(asset)
            if any(item.id.startswith(trait) for item in asked.must_show):
                drawn, portrait = (_swapped(prompt, what) for prompt in (asked, case.prompt(Asset.PORTRAIT)))
                yield Seeded("swapped side", trait, asset, drawn, portrait)
                break


def _swapped(prompt: Prompt, what: str) -> Prompt:
    """Left for right, and right for left, in the line that says on which side it is."""
    lines = [
        _SIDE.sub(lambda found: _OTHER[found[0]], line) if line.startswith(f"Side: {what} ") else line
        for line in prompt.text.split("\n")
    ]
    return replace(prompt, text="\n".join(lines))


def _casts(case: Case, asset: Asset) -> Iterator[Seeded]:
    """Somebody more, somebody less, and somebody in the place of another, in one picture."""
    outline, brief = case.outline, case.brief
    on_stage = _picture(outline, asset).on_stage
    if len(brief.characters) < 3:
        more = brief.model_copy(update={"characters": (*brief.characters, _NEWCOMER)})
        crowded = replace(case, brief=more, outline=_staged(outline, asset, (*on_stage, _NEWCOMER.name)))
        yield Seeded("extra character", "a hero more", asset, crowded.prompt(asset))
    figures = {"companion": outline.companion, "helper": outline.helper}
    away = [figure for figure in figures.values() if figure and figure.name not in on_stage]
    for role, figure in figures.items():
        if figure is None or figure.name not in on_stage:
            continue
        fewer = tuple(name for name in on_stage if name != figure.name)
        drawn = replace(case, outline=_staged(outline, asset, fewer)).prompt(asset)
        yield Seeded("missing companion or helper", f"no {role}", asset, drawn)
        for other in away:
            taken = replace(case, outline=_staged(outline, asset, (*fewer, other.name))).prompt(asset)
            yield Seeded("another in somebody's place", f"the other figure for the {role}", asset, taken)
    if len(brief.characters) > 1:
        second = brief.characters[1].name
        fewer = tuple(name for name in on_stage if name != second)
        if fewer != on_stage:
            drawn = replace(case, outline=_staged(outline, asset, fewer)).prompt(asset)
            yield Seeded("missing hero", "no second hero", asset, drawn)


def _moment(case: Case) -> Seeded:
    """Scene 1 in the place of scene 3, with the cast and the camera of scene 3."""
    first, third = case.outline.scenes[0], case.outline.scenes[2]
    kept = {"on_stage": third.on_stage, "camera": third.camera, "beat": third.beat}
    outline = _with(case.outline, Asset.SCENE_3, first.model_copy(update=kept))
    drawn = replace(case, outline=outline).prompt(Asset.SCENE_3)
    return Seeded("another moment", "scene 1 in the place of 3", Asset.SCENE_3, drawn)


def _picture(outline: Outline, asset: Asset) -> PictureBrief:
    return outline.scenes[asset.scene - 1] if asset.scene else outline.cover


def _staged(outline: Outline, asset: Asset, on_stage: tuple[str, ...]) -> Outline:
    return _with(outline, asset, _picture(outline, asset).model_copy(update={"on_stage": on_stage}))


def _with(outline: Outline, asset: Asset, picture: PictureBrief) -> Outline:
    if not asset.scene:
        return outline.model_copy(update={"cover": picture})
    scenes = [picture if place == asset.scene else scene for place, scene in enumerate(outline.scenes, 1)]
    return outline.model_copy(update={"scenes": tuple(scenes)})


class PictureCheckTrial:
    """Draws, and has the check look. Counts what it finds."""

    def __init__(self, painter: ImageGenerator, model: VisionModel, note: Callable[[str], object]) -> None:
        self._painter = painter
        self._critic = Critic(model)
        self._note = note
        self.count = Count()

    async def try_case(self, case: Case, defects: Iterable[Seeded]) -> None:
        """A story's pictures as they are, then each with a defect.

        Found is a finding that the same picture without the defect does not have.
        """
        portrait = await draw_prompt(self._painter, case.prompt(Asset.PORTRAIT), None)
        known: dict[Asset, tuple[str, ...]] = {}
        for asset in PICTURES:
            known[asset] = await self._look(case.prompt(asset), portrait, case.prompt(asset))
        self._count_as_it_is(case, known)
        for defect in defects:
            reference = portrait if defect.portrait is None else await draw_prompt(self._painter, defect.portrait, None)
            found = await self._look(defect.drawn, reference, case.prompt(defect.asset))
            new = tuple(one for one in found if one not in known[defect.asset])
            where = f"{case.name}, {defect.asset.value}"
            self._note(f"{where}: {defect.kind}, {defect.what}: {'; '.join(new) or 'missed'}")
            told = f"{defect.kind}, {defect.what} ({where})"
            self.count.seed(told, found=_fails({defect.asset: new}), kind=defect.kind)

    def _count_as_it_is(self, case: Case, findings: Mapping[Asset, tuple[str, ...]]) -> None:
        told = "; ".join(f"{asset.value}: {one}" for asset, found in findings.items() for one in found)
        self.count.look(f"{case.name} ({told})" if told else case.name, alarm=_fails(findings))

    async def _look(self, drawn: Prompt, reference: bytes, asked: Prompt) -> tuple[str, ...]:
        """What the check finds in a picture of ``drawn``, asked for what ``asked`` would have in it."""
        png = await draw_prompt(self._painter, drawn, reference)
        return (await self._critic.check(png, asked, purpose="check")).findings


async def draw_prompt(painter: ImageGenerator, prompt: Prompt, reference: bytes | None) -> bytes:
    """As services/images/painter.py draws it at first; the studio keeps to the size that it is asked for."""
    size = f"{prompt.size[0]}x{prompt.size[1]}"
    if reference is None:
        drawing, _ = await painter.draw(prompt.write(), size=size, purpose="trial")
    else:
        drawing, _ = await painter.redraw(prompt.write(), size=size, reference=reference, purpose="trial")
    return drawing


def _fails(findings: Mapping[Asset, tuple[str, ...]]) -> bool:
    """Whether the claim of a story fails by what was found in these pictures of it."""
    results = {asset.value: {"calls": [{"purpose": "check"}], "findings": found} for asset, found in findings.items()}
    return next(one.outcome for one in judge_recorded(results, PICTURES) if one.measure is CAST) == "fail"


async def plan(brief: Brief, model: StructuredModel) -> Case:
    """A story's plan, as the content service makes it."""
    name = " and ".join(brief.names)
    return Case(name, brief, await Writer(model).outline(_job(Asset.OUTLINE, name, brief), _unheard))


async def try_picture_check(note: Callable[[str], object], *, only: int | None = None) -> Count:
    """All stories, or the first ``only``, by a studio of its own."""
    studio = await serve(StudioSettings(painters=2, speakers=1, voice="espeak"))
    openai = OpenAI(OpenAISettings(openai_api_key="sk-local", openai_base_url=f"{studio.url}/v1"))
    try:
        trial = PictureCheckTrial(openai, openai, note)
        for brief in islice(briefs(), only):
            case = await plan(brief, openai)
            await trial.try_case(case, seeded(case))
        return trial.count
    finally:
        await openai.close()
        await studio.stop()


def _job(asset: Asset, name: str, brief: Brief) -> AssetRequested:
    return AssetRequested(
        id=asset.value,
        story_id=uuid5(_STORIES, name),
        tenant_id="quality",
        trace="",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        asset=asset,
        fingerprint=fingerprint(asset),
        brief=brief,
    )


async def _unheard(progress: int, text: str | None = None) -> None:
    """A report that nobody reads."""
