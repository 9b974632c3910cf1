"""Six pictures of one brief, through the real SDK, drawn and looked at by the studio."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from PIL import Image

from services.images.critic import Critic
from services.images.painter import Painter
from services.images.palette import distance
from storyloom.providers.openai.client import OpenAI
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.results import AnyResult, Outline, Picture, StoredObject
from studio.app import RunningStudio, serve
from studio.painting.metadata import read_metadata
from studio.settings import StudioSettings
from tests.conftest import Background
from tests.unit.images.samples import MIRA, TOM, brief_of, job_for, outline_of


@dataclass
class Cupboard:
    """Keeps pictures in memory."""

    kept: dict[str, bytes] = field(default_factory=dict)

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        digest = sha256(data).hexdigest()
        self.kept[digest] = data
        return StoredObject(
            key=f"{story_id}/{asset}/{digest}", sha256=digest, size=len(data), content_type=content_type
        )

    async def get(self, stored: StoredObject) -> bytes:
        return self.kept[stored.sha256]

    def drawn(self, picture: Picture) -> dict[str, Any]:
        """What the studio says that it drew."""
        seen = read_metadata(self.kept[picture.image.sha256])
        assert seen is not None
        return seen


async def unheard(progress: int, text: str | None = None) -> None:
    """A report that nobody reads."""


@dataclass
class House:
    """The images service's parts, with the studio for a provider."""

    studio: RunningStudio
    painter: Painter
    cupboard: Cupboard

    async def portrait(self, brief: Brief) -> Picture:
        return await self.painter.portrait(job_for(Asset.PORTRAIT, brief), unheard)

    async def picture(self, asset: Asset, brief: Brief, outline: Outline, portrait: Picture) -> Picture:
        inputs: dict[Asset, AnyResult] = {Asset.OUTLINE: outline, Asset.PORTRAIT: portrait}
        return await self.painter.picture(job_for(asset, brief, inputs), unheard)

    async def order(self, **fault: Any) -> None:
        """Have the studio misbehave."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.studio.url}/studio/faults", json=fault) as reply,
        ):
            assert reply.status == 201, await reply.text()


@pytest.fixture(scope="module")
def studio(background: Background) -> Iterator[RunningStudio]:
    """One studio for all of these tests: its painters take longer to start than a picture takes to paint."""
    running = background.run(serve(StudioSettings(painters=2, speakers=1, voice="espeak")))
    yield running
    background.run(running.stop())


@pytest.fixture
async def house(studio: RunningStudio) -> AsyncIterator[House]:
    """The studio behaves: no fault of an earlier test stands."""
    async with aiohttp.ClientSession() as session, session.delete(f"{studio.url}/studio/faults") as reply:
        assert reply.ok
    door = OpenAI(OpenAISettings(openai_api_key="sk-local", openai_base_url=f"{studio.url}/v1"))
    cupboard = Cupboard()
    yield House(studio, Painter(door, Critic(door), cupboard), cupboard)
    await door.close()


def features(seen: dict[str, Any]) -> str:
    return " ".join(str(feature) for hero in seen["heroes"] for feature in hero["features"])


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


async def test_all_six_pictures_show_the_same_hero(house: House) -> None:
    brief, outline = brief_of(), outline_of()
    portrait = await house.portrait(brief)
    others = await asyncio.gather(*(house.picture(asset, brief, outline, portrait) for asset in PICTURES))
    pictures = [portrait, *others]
    looks = [house.cupboard.drawn(picture) for picture in pictures]
    for picture, seen in zip(pictures, looks, strict=True):
        for trait in ("manual wheelchair", "prosthetic leg", "hearing aids", "round blue glasses"):
            assert trait in features(seen)
        assert picture.findings == ()
        assert picture.attempts == 1
        assert picture.alt_text
        assert all(distance(rgb(a), rgb(b)) >= 80 for a, b in combinations(picture.hue_colours, 2))
    assert len({tuple(seen["heroes"][0][key] for key in ("skin", "hair", "clothing")) for seen in looks}) == 1
    assert [(picture.width, picture.height) for picture in pictures[:3]] == [(1024, 1536), (1024, 1024), (1024, 1536)]
    assert all(seen["companion"] for seen in looks[1:])
    assert all(one.cost_usd > 0 and one.request_id for picture in pictures for one in picture.calls)


async def test_a_missing_wheelchair_is_seen_and_redrawn(house: House) -> None:
    brief, outline = brief_of(), outline_of()
    portrait = await house.portrait(brief)
    await house.order(fault="miss_trait", match={"endpoint": "images.edit"}, times=1, miss=["wheelchair"])
    scene = await house.picture(Asset.SCENE_1, brief, outline, portrait)
    assert (scene.attempts, scene.findings) == (2, ())
    assert "manual wheelchair" in features(house.cupboard.drawn(scene))
    assert len(scene.calls) == 4


async def test_siblings_share_the_stage(house: House) -> None:
    brief = brief_of(MIRA, TOM)
    portrait = await house.portrait(brief)
    assert house.cupboard.drawn(portrait)["cast_count"] == 2
    scene = await house.picture(Asset.SCENE_3, brief, outline_of(on_stage=["Mira", "Tom", "Old Moss"]), portrait)
    seen = house.cupboard.drawn(scene)
    assert (seen["cast_count"], len(seen["heroes"]), scene.findings) == (3, 2, ())


async def test_a_refusal_is_answered_with_softer_words_and_its_request_id_kept(house: House) -> None:
    await house.order(fault="refuse", match={"endpoint": "images.generate"}, times=1)
    portrait = await house.portrait(brief_of())
    assert portrait.attempts == 1
    assert "req_" in portrait.findings[0]
    assert "manual wheelchair" in features(house.cupboard.drawn(portrait))


@pytest.mark.parametrize("fault", ["refuse", "refuse_uncoded"])
async def test_refused_three_times_is_given_up(house: House, fault: str) -> None:
    await house.order(fault=fault, match={"endpoint": "images.generate"})
    with pytest.raises(PermanentError) as raised:
        await house.portrait(brief_of())
    assert raised.value.code == "content_refused"
    assert raised.value.details["request_ids"].count("req_") == 3


@pytest.mark.parametrize("times", [1, 2])
async def test_a_refusal_without_a_code_is_answered_with_softer_words_too(house: House, times: int) -> None:
    await house.order(fault="refuse_uncoded", match={"endpoint": "images.generate"}, times=times)
    portrait = await house.portrait(brief_of())
    assert portrait.attempts == 1
    assert len(portrait.findings) == times


@pytest.mark.parametrize("form", ["webp", "jpeg", "data_url", "wrapped", "other_size", "alpha"])
async def test_a_picture_in_another_form_is_kept_as_it_was_ordered_and_paid_once(house: House, form: str) -> None:
    await house.order(fault="odd_picture", form=form, times=1)
    portrait = await house.portrait(brief_of())
    assert (portrait.attempts, portrait.width, portrait.height) == (1, 1024, 1536)
    with Image.open(io.BytesIO(house.cupboard.kept[portrait.image.sha256])) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (1024, 1536))
    assert [one.purpose for one in portrait.calls] == ["portrait", "portrait check"]


@pytest.mark.parametrize("form", ["truncated", "bomb"])
async def test_a_picture_that_is_none_is_drawn_again_within_the_job(house: House, form: str) -> None:
    await house.order(fault="odd_picture", form=form, times=1)
    portrait = await house.portrait(brief_of())
    assert (portrait.attempts, len(portrait.calls)) == (2, 3)
    await house.order(fault="odd_picture", form=form)
    with pytest.raises(PermanentError) as raised:
        await house.portrait(brief_of())
    assert raised.value.code == "bad_answer"


async def test_a_page_in_place_of_a_picture_is_for_the_bus_to_retry(house: House) -> None:
    await house.order(fault="odd_picture", form="no_picture", times=1)
    with pytest.raises(RetryableError, match="no picture") as raised:
        await house.portrait(brief_of())
    assert raised.value.request_id


async def test_a_busy_provider_is_for_the_bus_to_retry(house: House) -> None:
    await house.order(fault="rate_limit", retry_after=7, times=1)
    with pytest.raises(RetryableError) as raised:
        await house.portrait(brief_of())
    assert raised.value.after == 7
