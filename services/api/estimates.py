"""What a story will take before anything of it is made: seconds and US dollars, each as a range.

From this installation's own stories of the same assets of the last days, where there are enough of them: nine of ten
took no less, and nine of ten no more. Else from what is typical: how long each asset takes, along the longest way
through the graph, and the tokens that it needs, by the price list.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from aiohttp import web

from services.api.auth import authenticated_routes
from services.api.limits import RequestLimiter
from services.api.openapi import FULL_BRIEF, SHORT_BRIEF, CreateStory
from services.api.resources import Estimate
from services.api.schemas import read_brief
from services.api.serializers import BASE, json_response
from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.providers.prices import USD_PER_CHARACTER, price_picture, price_text
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.assets import ADDED, GRAPH, NARRATIONS, PICTURES, TEXTS, Asset, closure
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller
from storyloom.web.openapi import Answer, Body, operation

PATH = f"{BASE}/stories/estimate"
ENOUGH_STORIES = 5
"""Of fewer past stories nothing can be learned."""
CACHE_SECONDS = 60.0
MAX_CACHED = 1_000
"""Sets of assets whose estimate is kept: there are 1023."""


class Range(NamedTuple):
    """From the least to the most that is likely."""

    least: float
    most: float

    def __add__(self, other: object) -> Self:
        """Both, one after the other."""
        assert isinstance(other, Range)
        return type(self)(self.least + other.least, self.most + other.most)


NOTHING = Range(0.0, 0.0)
TYPICAL_SECONDS: Mapping[Asset, Range] = {
    Asset.OUTLINE: Range(5, 40),
    Asset.PORTRAIT: Range(15, 90),
    **dict.fromkeys(TEXTS, Range(4, 30)),
    Asset.CONTENT: Range(2, 20),
    **dict.fromkeys(PICTURES, Range(20, 180)),
    **dict.fromkeys(NARRATIONS, Range(3, 20)),
    Asset.AUDIO: Range(1, 10),
    Asset.ACTIVITIES: Range(5, 40),
    Asset.PDF: Range(2, 20),
    Asset.EPUB: Range(1, 10),
}
"""How long an asset takes with providers as they are in 2026, from its job to its result."""
TEXT_TOKENS: Mapping[Asset, tuple[Range, Range]] = {
    Asset.OUTLINE: (Range(2_000, 6_000), Range(1_000, 6_000)),
    **dict.fromkeys(TEXTS, (Range(2_000, 8_000), Range(300, 3_000))),
    Asset.CONTENT: (Range(1_500, 5_000), Range(50, 1_500)),
    Asset.ACTIVITIES: (Range(2_000, 8_000), Range(1_200, 6_000)),
}
"""Tokens that go into a text with all its attempts, and that come out of it."""
PICTURE_TOKENS = (Range(400, 3_000), Range(0, 8_000), Range(4_000, 14_000))
"""Of a picture with its repetitions: words in, pictures in, pictures out. A drawing of high quality is some 4,200 to
6,200 tokens (OpenAI's guide to image generation, "Cost and latency")."""
CHECK_TOKENS = (Range(1_000, 5_000), Range(100, 1_500))
"""Of its check by a vision model: in and out."""
NARRATION_CHARACTERS = Range(300, 1_500)
"""Of one scene."""


def typical_seconds(assets: Iterable[Asset]) -> Range:
    """How long assets take with all that they need: what does not wait for one another is made at the same time."""
    ends: dict[Asset, Range] = {}
    for asset in closure(assets):
        before = [ends[one] for one in GRAPH[asset].waits_for]
        begin = Range(max((one.least for one in before), default=0), max((one.most for one in before), default=0))
        ends[asset] = begin + TYPICAL_SECONDS[asset]
    return Range(max(end.least for end in ends.values()), max(end.most for end in ends.values()))


def typical_usd(assets: Iterable[Asset], models: OpenAISettings) -> Range:
    """What providers ask for assets and all that they need, by the price list."""
    return sum((_usd(asset, models) for asset in closure(assets)), NOTHING)


def _usd(asset: Asset, models: OpenAISettings) -> Range:
    if asset in TEXT_TOKENS:
        return _each(lambda words, answer: price_text(models.text_model, words, 0, answer), *TEXT_TOKENS[asset])
    if asset in PICTURES or asset is Asset.PORTRAIT:
        drawn = _each(lambda *tokens: price_picture(models.image_model, *tokens), *PICTURE_TOKENS)
        return drawn + _each(lambda seen, said: price_text(models.vision_model, seen, 0, said), *CHECK_TOKENS)
    if asset in NARRATIONS:
        return _each(lambda characters: USD_PER_CHARACTER * characters, NARRATION_CHARACTERS)
    return NOTHING


def _each(price: Callable[..., float], *amounts: Range) -> Range:
    return Range(price(*(int(one.least) for one in amounts)), price(*(int(one.most) for one in amounts)))


@dataclass(frozen=True, slots=True)
class PastStories:
    """What stories of the same assets took lately: the first and the last decile."""

    seconds: Range
    usd: Range


async def past_stories(pool: Pool, assets: Iterable[Asset]) -> PastStories | None:
    """What this installation's last stories of just these assets took; None where there are too few.

    Stories that were changed by a command are left out: they took longer, or began again.
    """
    known = [asset.value for asset in assets if asset not in ADDED]  # as the rows have it
    row = await load_queries("services.api").past_stories(pool, assets=known)
    if row["stories"] < ENOUGH_STORIES:
        return None
    return PastStories(Range(*row["seconds"]), Range(*row["usd"]) if row["usd"] else NOTHING)


class Estimates:
    """Estimates by sets of assets, each kept for a minute. One to a process."""

    def __init__(self, pool: Pool, models: OpenAISettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._models = models
        self._clock = clock
        self._kept: OrderedDict[tuple[Asset, ...], tuple[float, Estimate]] = OrderedDict()

    async def of(self, assets: tuple[Asset, ...]) -> Estimate:
        """The estimate for a brief's assets."""
        kept = self._kept.get(assets)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        past = await past_stories(self._pool, assets)
        seconds = typical_seconds(assets) if past is None else past.seconds
        usd = typical_usd(assets, self._models) if past is None else past.usd
        found: Estimate = {"seconds": _shown(seconds, 1), "usd": _shown(usd, 4), "learned": past is not None}
        self._kept[assets] = self._clock() + CACHE_SECONDS, found
        if len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)
        return found


def _shown(found: Range, digits: int) -> Any:
    return {"from": round(found.least, digits), "to": round(found.most, digits)}


@dataclass(frozen=True, slots=True)
class EstimateRoutes:
    """``POST /stories/estimate``."""

    keys: Authenticator
    limiter: RequestLimiter
    estimates: Estimates

    def table(self) -> list[web.RouteDef]:
        """The routes, behind their authentication."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "POST",
        PATH,
        "estimateStory",
        tag="Stories",
        scope="stories:write",
        body=Body(CreateStory, {"short": SHORT_BRIEF, "full": FULL_BRIEF}),
        answers=[Answer(200, "What the story would take.", Estimate)],
        problems=["bad_brief"],
    )
    async def estimate(self, request: web.Request, _caller: Caller) -> web.Response:
        """Estimate a story: nothing is made, and nothing counted.

        The body is that of `createStory`. Words are not moderated here.
        """
        brief = await read_brief(request)
        return json_response(await self.estimates.of(brief.assets))
