"""Providers that misbehave and servers that fail: the story finishes, or says in plain words why it did not."""

import asyncio
import os
import signal

import pytest

from client import StoryEvent
from tests.e2e.conftest import Product

pytestmark = pytest.mark.xdist_group("e2e")  # all of these share one stack: one test process runs them


def _statuses(events: list[StoryEvent], asset: str) -> list[str]:
    return [event.data["status"] for event in events if event.name == "asset" and event.data["asset"] == asset]


@pytest.mark.parametrize(
    ("fault", "order"),
    [
        ("rate_limit", {"match": {"schema": "scene_text"}, "retry_after": 0.1}),
        ("server_error", {"match": {"schema": "scene_text"}}),
        ("cut", {"match": {"schema": "scene_text"}}),
        ("malformed", {"match": {"schema": "scene_text"}}),
        ("stall", {"match": {"schema": "scene_text"}, "seconds": 20}),
    ],
)
async def test_a_provider_that_stumbles_once_costs_an_attempt_and_no_story(
    product: Product, fault: str, order: dict[str, object]
) -> None:
    await product.misbehave(fault, times=1, **order)
    story, events = await product.make(assets=["content"], seed=21)
    assert story["status"] == "ready", story
    assert "retrying" in _statuses(events, "content")


async def test_a_picture_that_misses_the_wheelchair_is_drawn_again(product: Product) -> None:
    """The check sees it, and the reader gets the picture with it."""
    await product.misbehave("miss_trait", times=1, miss=["wheelchair"], match={"endpoint": "images.generate"})
    story, _ = await product.make(assets=["cover"], seed=22)
    assert story["status"] == "ready"
    rows = (await product.studio.get("/studio/ledger")).json()
    drawn = [row for row in rows if row["endpoint"] == "images.generate" and row["fault"] == "miss_trait"]
    assert len(drawn) == 1


async def test_a_scene_refused_for_good_leaves_a_book_without_it(product: Product) -> None:
    await product.misbehave("refuse", match={"endpoint": "images.edit"})
    story, events = await product.make(assets=["content", "scene_2", "pdf"], seed=23)
    assets = story["assetGenerationStatus"]["assets"]
    assert story["status"] == "partial", story
    assert assets["scene_2"]["status"] == "failed"
    assert assets["pdf"]["status"] == "ready"
    assert events[-1].name in ("story", "end")


async def test_a_text_refused_for_good_fails_the_story_in_plain_words(product: Product) -> None:
    await product.misbehave("refuse", match={"schema": "outline"})
    story, _ = await product.make(assets=["content"], seed=24)
    assert story["status"] == "failed"
    error = story["error"]
    assert error is not None
    assert error["code"] == "content_refused"
    assert "Mira" not in error["message"]
    assert "outline" in error["message"]


@pytest.mark.parametrize("server", ["postgres", "nats", "services"])
async def test_a_story_outlives_the_death_of_a_server(product: Product, server: str) -> None:
    """SIGKILL in mid-story; the server comes back by itself and the story goes on."""
    brief = {"characterName": "Mira", "storyType": "adventure", "assets": ["content", "cover"], "seed": 25}
    story = await product.client.create(brief)
    names = [name for name in product.addresses.processes if server in name]
    pid = product.addresses.processes[names[0] if names else "content"]
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(60):
        async for _ in product.client.events(story["id"]):
            pass
    assert (await product.client.get(story["id"]))["status"] == "ready"
