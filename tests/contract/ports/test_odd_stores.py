"""Stores as they are: what AWS can do and others refuse, errors that pass, and disks that are full."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from storyloom.jobs.manifest import Manifest, write_manifest
from storyloom.runtime.settings import StoreSettings
from storyloom.storage.objects import Objects
from storyloom.storage.probe import StoreProbe
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from tests.contract.ports.strict_store import StrictStore, strict_store
from tests.contract.ports.test_objects import BYTES, manifest
from tests.integration.core.system import until

NO_WAIT = {"store_retry_delays": (0.0, 0.0)}


@pytest.fixture
def story_id() -> UUID:
    return uuid4()


async def writes(settings: StoreSettings, *manifests: Manifest, story_id: UUID) -> list[Manifest]:
    """What stands after each write, by one client."""
    objects = Objects(settings.model_copy(update=NO_WAIT))
    stand = [await write_manifest(objects, story_id, one) for one in manifests]
    await objects.close()
    return stand


@pytest.mark.parametrize("status", [501, 400])
async def test_a_store_without_conditional_writes_keeps_the_first_manifest(status: int, story_id: UUID) -> None:
    """It refuses the header; what is there is looked up instead, from then on without trying the header again."""
    first, second = manifest(story_id, width=1), manifest(story_id, width=2)
    async with strict_store() as (store, settings):
        store.unconditional = status
        with capture_logs() as logs:
            assert await writes(settings, first, second, first, story_id=story_id) == [first] * 3
        assert store.asked.count("PUT") == 2
    assert [entry["event"] for entry in logs] == ["store.writes_are_unconditional"]


async def test_what_is_refused_for_another_reason_is_refused(story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.refuse = 400
        with pytest.raises(PermanentError, match="store: "):
            await writes(settings, manifest(story_id), story_id=story_id)


async def test_a_conflict_over_a_write_that_was_taken_is_no_failure(story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.conflicts = 1
        assert await writes(settings, manifest(story_id), story_id=story_id) == [manifest(story_id)]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "RequestTimeout"), (400, "IncompleteBody"), (409, "OperationAborted"), (503, "SlowDown"), (408, "Slow")],
)
async def test_an_error_that_passes_is_tried_again(status: int, code: str, story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.refuse, store.code, store.refusals = status, code, 3
        objects = Objects(settings.model_copy(update={"store_retry_delays": (0.0, 0.0, 0.0)}))
        stored = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
        store.refusals = 3
        assert await objects.create("stories/x/result.json", b"{}")
        assert await objects.get(stored) == BYTES
        await objects.close()


async def test_a_store_that_refuses_checksums_takes_everything(story_id: UUID) -> None:
    """boto3 sends them with every write since 1.36 unless told otherwise."""
    async with strict_store() as (store, settings):
        store.plain = True
        objects = Objects(settings)
        stored = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
        assert await objects.get(stored) == BYTES
        await objects.probe()
        await objects.close()


async def _full(store: StrictStore) -> None:
    store.full = True


async def _lossy(store: StrictStore) -> None:
    store.lossy = True


async def _read_only(store: StrictStore) -> None:
    store.refuse = 403


@pytest.mark.parametrize("breaks", [_full, _lossy, _read_only])
async def test_a_store_that_keeps_nothing_is_found_and_comes_back(
    breaks: Callable[[StrictStore], Awaitable[None]],
) -> None:
    """Each of them answers; nothing is left in it by the search."""
    async with strict_store() as (store, settings):
        objects = Objects(settings)
        probe = StoreProbe(objects)
        await probe.probe()
        assert objects.write_error is None
        await breaks(store)
        await probe.probe()
        assert str(objects.write_error).startswith("store: ")
        store.full, store.lossy, store.refuse = False, False, None
        await probe.probe()
        assert objects.write_error is None
        assert store.objects == {}
        await objects.close()


class Watched(Objects):
    """Notes whether there was a client already when a probe began."""

    was_open = False

    async def probe(self) -> None:
        self.was_open = bool(self._clients)
        await super().probe()


async def test_what_a_client_takes_to_be_built_is_none_of_the_store_s_silence() -> None:
    """On a busy machine importing boto3 alone took longer than a store may be silent, and jobs waited for nothing."""
    async with strict_store() as (_, settings):
        objects = Watched(settings)
        await StoreProbe(objects).probe()
        assert objects.was_open
        assert objects.write_error is None
        await objects.close()


async def test_a_write_that_fails_brings_the_next_probe_forward(story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        objects = Objects(settings)
        probing = asyncio.create_task(StoreProbe(objects, interval=3600, retry=0.01).run())
        store.full = True
        with pytest.raises(PermanentError):
            await objects.write(f"stories/{story_id}/x", b"{}")

        async def known_to_be_full() -> bool:
            return objects.write_error is not None

        async def known_to_be_well() -> bool:
            return objects.write_error is None

        await until(known_to_be_full)
        store.full = False
        await until(known_to_be_well)
        probing.cancel()
        await asyncio.wait([probing])
        await objects.close()
