"""Small briefs, and a provider that answers oddly: the story comes all the same, and nothing odd is in it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from client import Story
from tests.e2e.conftest import Product

pytestmark = pytest.mark.xdist_group("e2e")  # all of these share one stack: one test process runs them

CASES = Path(__file__).parent / "cases"
BROKEN = ("nul", "escape", "surrogate", "noncharacter", "markup", "bidi", "endless")


def a_case(name: str) -> dict[str, Any]:
    """One of the small briefs, as a client sends it."""
    return dict(json.loads((CASES / f"{name}.json").read_text("utf-8")))


async def make(product: Product, brief: dict[str, Any]) -> Story:
    """Ask for a story and watch it to its end."""
    story = await product.client.create(brief)
    async for _ in product.client.events(story["id"]):
        pass
    return await product.client.get(story["id"])


async def calls(product: Product, seq: int, **wanted: Any) -> list[dict[str, Any]]:
    """The studio's paid calls after one, those that are as wanted."""
    rows = (await product.studio.get("/studio/ledger", params={"since": str(seq)})).json()
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


async def last_call(product: Product) -> int:
    rows = (await product.studio.get("/studio/ledger")).json()
    return int(rows[-1]["seq"]) if rows else 0


def strange_signs(story: Story) -> set[str]:
    """Controls, noncharacters and what else nobody can keep, anywhere in what the client is shown."""
    said = json.dumps(story, ensure_ascii=False)
    assert unicodedata.normalize("NFC", said) == said
    return {sign for sign in said if unicodedata.category(sign) in {"Cc", "Cs", "Co"} or sign in "\u202e\ufffe"}


SCHEMAS = ("outline", "scene_text", "story_check", "activities", "picture_check")


@pytest.mark.parametrize("first", [0, 2, 5])
async def test_an_accented_name_and_a_spoiled_answer_of_every_kind(product: Product, first: int) -> None:
    """Each kind of dirt in two answers at least, each answer of a story with another kind.

    How each kind is told in each text: tests/integration/content, and for all answers tests/unit/story.
    """
    seq = await last_call(product)
    for place, schema in enumerate(SCHEMAS):
        dirt = BROKEN[(first + place) % len(BROKEN)]
        await product.misbehave("dirty_text", times=1, dirt=dirt, match={"schema": schema})
    story = await make(product, {**a_case("accented"), "assets": ["content", "activities", "cover"], "seed": 31})
    assert story["status"] == "ready", story
    assert strange_signs(story) == set()
    assert "Zoë" in json.dumps(story, ensure_ascii=False)
    for schema in SCHEMAS:
        assert [row["fault"] for row in await calls(product, seq, schema=schema)].count("dirty_text") == 1, schema
    assert len(await calls(product, seq, schema="outline")) == 2
    assert len(await calls(product, seq, schema="scene_text")) == 5


async def test_an_answer_that_stays_spoiled_is_a_clear_failure(product: Product) -> None:
    seq = await last_call(product)
    await product.misbehave("dirty_text", match={"schema": "outline"})
    story = await make(product, {**a_case("accented"), "assets": ["content"], "seed": 32})
    assert story["status"] == "failed"
    assert strange_signs(story) == set()
    assert len(await calls(product, seq, schema="outline")) == 3
    assert "bug" not in json.dumps(story)


async def test_a_name_with_an_emoji_costs_four_scene_calls(product: Product) -> None:
    seq = await last_call(product)
    story = await make(product, {**a_case("emoji_name"), "seed": 33})
    assert story["status"] == "ready", story
    assert len(await calls(product, seq, schema="scene_text")) == 4


@pytest.mark.parametrize("contains", ["feeding tube", "#", "tummy", "\n\n"], ids=["brief", "plan", "word", "text"])
async def test_one_false_flag_of_moderation_does_not_end_a_story(product: Product, contains: str) -> None:
    await product.misbehave("flag_text", times=1, match={"contains": contains})
    story = await make(product, {**a_case("insulin"), "assets": ["content"], "seed": 34})
    assert story["status"] == "ready", story


async def test_pictures_are_made_of_whatever_form_comes(product: Product) -> None:
    """Five pictures at once, each drawn in a form of its own: all are kept, and none is paid for twice."""
    seq = await last_call(product)
    for form in ("webp", "data_url", "wrapped", "other_size", "alpha"):
        await product.misbehave("odd_picture", form=form, times=1, match={"endpoint": "images.edit"})
    pictures = ["cover", *(f"scene_{scene}" for scene in range(1, 5))]
    story = await make(product, {**a_case("cover_only"), "assets": ["content", *pictures], "seed": 35})
    assert story["status"] == "ready", story
    drawn = await calls(product, seq, endpoint="images.edit")
    assert [row["fault"] for row in drawn] == ["odd_picture"] * 5


@pytest.mark.parametrize(
    "fault",
    [{"fault": "refuse"}, {"fault": "refuse_uncoded"}, {"fault": "odd_picture", "form": "truncated"}],
    ids=lambda fault: str(fault.get("form", fault["fault"])),
)
async def test_a_cover_that_does_not_come_at_first_is_drawn_again(product: Product, fault: dict[str, Any]) -> None:
    seq = await last_call(product)
    await product.misbehave(times=1, match={"endpoint": "images.edit"}, **fault)
    story = await make(product, {**a_case("cover_only"), "seed": 35})
    assert story["status"] == "ready", story
    drawn = await calls(product, seq, endpoint="images.edit")
    assert len(drawn) == (2 if fault.get("form") == "truncated" else 1)


async def test_a_story_that_ends_without_its_cover_names_the_picture_that_was_refused(product: Product) -> None:
    """The portrait is refused, which nobody is shown; the client is told of it on the cover and on the story."""
    await product.misbehave("refuse", match={"endpoint": "images.generate"})
    story = await product.client.create({**a_case("cover_only"), "seed": 36})
    events = [event async for event in product.client.events(story["id"])]
    story = await product.client.get(story["id"])
    assert story["status"] == "partial"
    error = {
        "code": "content_refused",
        "message": "picture refused by the provider",
        "cause": "portrait",
        "retryable": False,
    }
    assert story["error"] == error
    assert story["assetGenerationStatus"]["assets"]["cover"]["error"] == error
    assert [event.data["error"] for event in events if event.name == "story"] == [error]
