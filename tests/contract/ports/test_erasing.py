"""What a story left in the store can be listed and deleted: asked of a real store, and of lesser ones."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from storyloom.jobs.manifest import Manifest, manifest_key, write_manifest
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import Page
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.fingerprint import Fingerprint
from tests.contract.ports.strict_store import strict_store
from tests.makers import sample

PRINT = Fingerprint("5a" * 32)


class SmallPages(Objects):
    """Lists and deletes two at a time."""

    page_size = 2


class OneByOne(SmallPages):
    """Speaks to a store that knows no DeleteObjects and no delimiter, as some do not."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, threads=2)
        self.together = 0

    def pages(self, prefix: str, *, delimiter: str = "") -> AsyncIterator[Page]:
        del delimiter
        return super().pages(prefix)

    async def _call(self, operation: str, **arguments: Any) -> Any:
        if operation == "delete_objects":
            self.together += 1
            raise PermanentError("store: NotImplemented", code="store_refused")
        return await super()._call(operation, **arguments)


class HalfDeaf(Objects):
    """Speaks to a store that takes a request to delete, and says that it did not."""

    async def _call(self, operation: str, **arguments: Any) -> Any:
        if operation == "delete_objects":
            return {"Errors": [{"Key": "x", "Code": "InternalError"}]}
        return await super()._call(operation, **arguments)


@pytest.fixture(params=[Objects, SmallPages, OneByOne, HalfDeaf])
async def store(request: pytest.FixtureRequest, store_settings: dict[str, Any]) -> AsyncIterator[Objects]:
    """A real store, spoken to in several ways."""
    found: Objects = request.param(Settings(**store_settings))
    yield found
    await found.close()


async def fill(store: Objects, story_id: UUID) -> dict[str, int]:
    """Four objects and a manifest; their sizes by key."""
    put = [
        await store.put(story_id, asset, bytes(size), "image/png")
        for size, asset in enumerate((Asset.COVER, Asset.SCENE_1, Asset.SCENE_2, Asset.COVER), start=1)
    ]
    manifest = Manifest(asset=Asset.COVER, fingerprint=PRINT, result=sample(Asset.COVER, story_id))
    await write_manifest(store, story_id, manifest)
    sizes = {stored.key: stored.size for stored in put}
    return sizes | {manifest_key(story_id, Asset.COVER, PRINT): len(manifest.body)}


async def test_everything_of_a_story_is_listed_with_its_size(store: Objects) -> None:
    mine, other = uuid4(), uuid4()
    sizes = await fill(store, mine)
    await fill(store, other)
    assert dict(await store.list_keys(mine)) == sizes
    assert await store.list_keys(uuid4()) == []


async def test_erasing_takes_all_of_one_story_and_nothing_of_another(store: Objects) -> None:
    """…and says how much; a second time there is nothing."""
    mine, other = uuid4(), uuid4()
    sizes, kept = await fill(store, mine), await fill(store, other)
    assert await store.erase(mine) == (len(sizes), sum(sizes.values()))
    assert await store.list_keys(mine) == []
    assert await store.erase(mine) == (0, 0)
    assert dict(await store.list_keys(other)) == kept


async def test_every_story_in_the_store_is_named_once(store: Objects) -> None:
    made = {uuid4() for _ in range(3)}
    for story_id in made:
        await fill(store, story_id)
    found = [story_id async for story_id in store.story_ids()]
    assert made <= set(found)
    assert len(found) == len(set(found))


async def test_whether_an_object_exists(store: Objects) -> None:
    story_id = uuid4()
    stored = await store.put(story_id, Asset.COVER, b"fox", "image/png")
    assert await store.exists(stored.key)
    await store.erase(story_id)
    assert not await store.exists(stored.key)


async def test_a_store_that_refuses_is_not_taken_for_an_empty_one(store_settings: dict[str, Any]) -> None:
    objects = Objects(Settings(**{**store_settings, "s3_bucket": "not-there"}))
    with pytest.raises(PermanentError):
        await objects.list_keys(uuid4())
    with pytest.raises(PermanentError):
        await objects.erase(uuid4())
    await objects.close()


async def test_a_page_is_asked_for_when_the_one_before_it_is_done_with() -> None:
    """A store may hold millions of objects; whoever stops early has not listed them."""
    async with strict_store() as (store, settings):
        store.objects = {f"/{settings.s3_bucket}/stories/{number}": bytes(number) for number in range(5)}
        objects = SmallPages(settings)
        pages = objects.pages("stories/")
        assert store.asked == []
        assert (await anext(pages)).objects == [("stories/0", 0), ("stories/1", 1)]
        assert store.asked == ["GET"]
        assert [page.objects for page in [page async for page in pages]] == [
            [("stories/2", 2), ("stories/3", 3)],
            [("stories/4", 4)],
        ]
        assert store.asked == ["GET"] * 3
        await objects.close()


async def test_a_listing_that_goes_round_in_circles_is_given_up() -> None:
    async with strict_store() as (store, settings):
        store.objects = {f"/{settings.s3_bucket}/stories/{number}": b"" for number in range(5)}
        store.dizzy = True
        objects = SmallPages(settings)
        with pytest.raises(RetryableError, match="store: it names no further page"):
            [page async for page in objects.pages("stories/")]
        assert len(store.asked) <= 3
        await objects.close()
