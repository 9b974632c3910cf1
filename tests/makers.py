"""Makers that answer at once, with results of the right shape: for tests and benchmarks of everything around them."""

import asyncio
import importlib
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any
from uuid import UUID

from storyloom.jobs.definition import Handler, Report, WorkerDefinition
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, PICTURES, TEXTS, Asset, Service
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import (
    Activities,
    Activity,
    Adaptations,
    AnyResult,
    Audio,
    Book,
    Elements,
    Figure,
    Narration,
    Outline,
    Picture,
    PictureBrief,
    ProviderCall,
    Readability,
    SceneBrief,
    SceneText,
    StoredObject,
    StoryContent,
    Word,
)

EASY = Readability(grade=1.5, sentence_words=7, rare_share=0.02)
_PLACE = {
    "what_happens": "A fox looks for her lantern among the ferns.",
    "on_stage": ("Mira", "Ember"),
    "setting": "a foggy forest",
    "time_of_day": "dusk",
    "weather": "fog",
    "props": ("lantern",),
    "action": "looking under a fern",
    "emotion": "curious",
    "camera": "wide",
}
_BEATS = ("call", "threshold", "ordeal", "return")


def result_of(job: AssetRequested) -> AnyResult:
    """A result of the job's asset, right in shape, the same every time."""
    return sample(job.asset, job.story_id)


def sample(asset: Asset, story_id: UUID) -> AnyResult:  # noqa: PLR0911 - a table, one row a kind
    """A result of an asset, right in shape."""
    match asset:
        case Asset.OUTLINE:
            return _outline()
        case Asset.CONTENT:
            texts = tuple(_text(k) for k in (1, 2, 3, 4))
            return StoryContent.model_validate(
                {"title": "The Lost Lantern", "logline": "A fox looks for light.", "scenes": texts, "readability": EASY}
            )
        case Asset.AUDIO:
            blocks = {
                f"scene_{k}": '<p><span data-start="0.000" data-end="0.500">Once</span></p>' for k in (1, 2, 3, 4)
            }
            audio, vtt = _stored(story_id, asset, "audio/mpeg", "mp3"), _stored(story_id, asset, "text/vtt", "vtt")
            return Audio(audio=audio, vtt=vtt, seconds=12, words=_words(), blocks=blocks)
        case Asset.ACTIVITIES:
            return Activities(activities=(_activity(1), _activity(2), _activity(3), _activity(4)))
        case Asset.PDF:
            return Book(pdf=_stored(story_id, asset, "application/pdf", "pdf"), pages=12)
        case Asset.EPUB:
            return Book(pdf=_stored(story_id, asset, "application/epub+zip", "epub"), pages=5, spoken=40)
        case _ if asset in TEXTS:
            return _text(asset.scene)
        case _ if asset in PICTURES or asset is Asset.PORTRAIT:
            image = _stored(story_id, asset, "image/png", "png")
            hues = ("#112233", "#8844aa", "#ddaa22")
            return Picture(image=image, width=1024, height=1536, alt_text="A fox and a girl.", hue_colours=hues)
        case _:
            audio = _stored(story_id, asset, "audio/mpeg", "mp3")
            return Narration(scene=asset.scene, audio=audio, seconds=3, words=_words())


def _alike(job: AssetRequested) -> AnyResult:
    return _sampled(job.asset)


@cache
def _sampled(asset: Asset) -> AnyResult:
    return sample(asset, UUID(int=7))


def making_everything_of(service: Service, make: Handler[Any]) -> Callable[[Settings, Objects], WorkerDefinition]:
    """The composition root of a service: its own subscribers, with one maker behind them all."""
    app = importlib.import_module(f"services.{service.value}.app")
    makers = {asset: make for asset, recipe in GRAPH.items() if recipe.service is service}

    def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
        del objects
        return WorkerDefinition(service, makers, app.jobs(settings, makers))

    return compose


class QuickMakers:
    """Makes everything at once. ``made`` counts; ``before`` may wait or raise, first.

    ``alike`` gives every story the very same results, made once: benchmarks measure what is around them.
    """

    def __init__(self, *, alike: bool = False) -> None:
        self._result_of = _alike if alike else result_of
        self.made: Counter[tuple[UUID, Asset]] = Counter()
        self.before: Callable[[AssetRequested], Awaitable[None]] | None = None
        self.usd: float = 0.0
        """What every result costs."""
        self.running = 0
        self.began = asyncio.Event()

    async def make(self, job: AssetRequested, report: Report) -> AnyResult:
        """Answer the job's result."""
        self.running += 1
        self.began.set()
        try:
            if self.before is not None:
                await self.before(job)
            self.made[job.story_id, job.asset] += 1
            result = self._result_of(job)
            if not self.usd:
                return result
            call = ProviderCall(provider="studio", model="x", request_id="1", seconds=1, cost_usd=self.usd)
            return result.model_copy(update={"calls": (call,)})
        finally:
            self.running -= 1

    def compose(self, service: Service) -> Callable[[Settings, Objects], WorkerDefinition]:
        """The composition root of one service made of these."""
        return making_everything_of(service, self.make)


def _stored(story_id: UUID, asset: Asset, content_type: str, suffix: str) -> StoredObject:
    key = f"stories/{story_id}/{asset.value}/{'ab' * 16}.{suffix}"
    return StoredObject(key=key, sha256="ab" * 32, size=123_456, content_type=content_type)


def _outline() -> Outline:
    return Outline.model_validate(
        {
            "title": "The Lost Lantern",
            "logline": "A fox looks for light.",
            "motif": "a small light",
            "palette": ("#112233", "#445566", "#778899", "#aabbcc", "#ddeeff"),
            "elements": Elements(
                want="to find the lantern",
                flaw="in a hurry",
                place="the foggy forest",
                object="lantern",
                obstacle="the fog",
                planted="a jar of fireflies",
                payoff="the fireflies light the way",
            ),
            "companion": Figure(name="Ember", kind="fox", look="small orange fox"),
            "cover": PictureBrief.model_validate(_PLACE),
            "scenes": [SceneBrief.model_validate({**_PLACE, "beat": beat}) for beat in _BEATS],
        }
    )


def _text(k: int) -> SceneText:
    paragraphs = (
        "Mira rolled into the wood. “Hello?” said a small voice.",
        "It was a fox, and she had lost her light.",
    )
    return SceneText(scene=k, paragraphs=paragraphs, alt_text="A fox in fog.", words=19, readability=EASY)


def _words() -> tuple[Word, ...]:
    return tuple(Word(txt=f"word{k}", start=k * 0.3, end=k * 0.3 + 0.25) for k in range(10))


def _activity(k: int) -> Activity:
    return Activity(
        id=f"lantern-{k}",
        title="Make a lantern",
        description="Fold paper into a lantern.",
        type="creative_arts",
        age_range="4-6",
        duration="20 minutes",
        materials=("paper",),
        instructions=("Fold it.",),
        learning_objectives=("Folding",),
        story_connection="Like Ember's lantern.",
        adaptations=Adaptations(younger="Help with folding.", older="Add a pattern.", access_needs="Use a tray."),
        safety_notes=("Stay near.",),
        parent_tips=("Read it again first.",),
    )
