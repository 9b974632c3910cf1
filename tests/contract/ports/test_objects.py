"""What every store must do for us, asked of a real one; and our two words for all that one can do wrong."""

import asyncio
import hashlib
import socket
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr
from structlog.testing import capture_logs

from storyloom.jobs.manifest import Manifest, manifest_key, read_manifest, write_manifest
from storyloom.runtime.settings import Settings, StoreSettings
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import LockedOutError
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import Picture, StoredObject
from tests.contract.ports.strict_store import strict_store
from tests.makers import sample

PRINT = Fingerprint("5a" * 32)
BYTES = bytes(range(256)) * 8


@pytest.fixture
def story_id() -> UUID:
    return uuid4()


def manifest(story_id: UUID, *, width: int = 1024) -> Manifest:
    picture = sample(Asset.COVER, story_id)
    assert isinstance(picture, Picture)
    return Manifest(asset=Asset.COVER, fingerprint=PRINT, result=picture.model_copy(update={"width": width}))


async def test_what_is_put_is_got(objects: Objects, story_id: UUID) -> None:
    stored = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
    assert await objects.get(stored) == BYTES
    assert (stored.size, stored.sha256) == (len(BYTES), hashlib.sha256(BYTES).hexdigest())


async def test_the_same_bytes_twice_are_the_same_object(objects: Objects, story_id: UUID) -> None:
    first = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
    assert await objects.put(story_id, Asset.COVER, BYTES, "image/png") == first
    assert (await objects.put(story_id, Asset.COVER, BYTES + b"!", "image/png")).key != first.key


async def test_a_key_is_made_of_ids_and_hashes_alone(objects: Objects, story_id: UUID) -> None:
    stored = await objects.put(story_id, Asset.AUDIO, BYTES, "audio/mpeg")
    assert stored.key == f"stories/{story_id}/audio/{hashlib.sha256(BYTES).hexdigest()[:32]}.mp3"
    assert manifest_key(story_id, Asset.AUDIO, PRINT) == f"stories/{story_id}/audio/{PRINT}/result.json"


async def test_no_bytes_at_all_are_an_object_too(objects: Objects, story_id: UUID) -> None:
    assert await objects.get(await objects.put(story_id, Asset.PDF, b"", "application/pdf")) == b""


async def test_a_missing_object_may_yet_come(objects: Objects, story_id: UUID) -> None:
    lost = StoredObject(key=f"stories/{story_id}/cover/lost.png", sha256="00" * 32, size=1, content_type="image/png")
    with pytest.raises(RetryableError, match="missing or damaged"):
        await objects.get(lost)


async def test_damaged_bytes_are_never_handed_on(objects: Objects, story_id: UUID) -> None:
    stored = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
    with pytest.raises(RetryableError, match="missing or damaged"):
        await objects.get(stored.model_copy(update={"sha256": "00" * 32}))


async def test_there_is_no_manifest_before_one_is_written(objects: Objects, story_id: UUID) -> None:
    assert await read_manifest(objects, story_id, Asset.COVER, PRINT) is None
    written = await write_manifest(objects, story_id, manifest(story_id))
    assert await read_manifest(objects, story_id, Asset.COVER, PRINT) == written == manifest(story_id)


async def test_what_the_second_writer_is_answered_is_what_stands(objects: Objects, story_id: UUID) -> None:
    """The first one's where the store honours If-None-Match, the second's where it does not: never neither."""
    await write_manifest(objects, story_id, manifest(story_id, width=1))
    answered = await write_manifest(objects, story_id, manifest(story_id, width=2))
    assert await read_manifest(objects, story_id, Asset.COVER, PRINT) == answered


@pytest.mark.parametrize("taken", [412, 409])
async def test_the_first_writer_of_a_manifest_wins(taken: int, story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.taken = taken
        objects = Objects(settings)
        first, second = manifest(story_id, width=1), manifest(story_id, width=2)
        assert await write_manifest(objects, story_id, first) == first
        assert await write_manifest(objects, story_id, second) == first
        assert await read_manifest(objects, story_id, Asset.COVER, PRINT) == first
        await objects.close()


async def test_a_manifest_that_cannot_be_read_is_none(story_id: UUID) -> None:
    """It is then made again: a torn file must not hold a story up."""
    async with strict_store() as (store, settings):
        store.objects[f"/{settings.s3_bucket}/{manifest_key(story_id, Asset.COVER, PRINT)}"] = b'{"version": 1, "ass'
        objects = Objects(settings)
        assert await read_manifest(objects, story_id, Asset.COVER, PRINT) is None
        await objects.close()


async def test_a_presigned_url_reads_any_range_as_the_type_and_name_asked_for(objects: Objects, story_id: UUID) -> None:
    stored = await objects.put(story_id, Asset.AUDIO, BYTES, "audio/mpeg")
    url = await objects.presign(stored.key, content_type="audio/mpeg", filename="audio.mp3")
    async with ClientSession() as http:
        async with http.get(url) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/mpeg")
            assert await answer.read() == BYTES
        async with http.get(url, headers={"Range": "bytes=100-299"}) as answer:
            assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes 100-299/{len(BYTES)}")
            assert await answer.read() == BYTES[100:300]


async def test_a_presigned_url_is_good_for_its_own_object_alone(objects: Objects, story_id: UUID) -> None:
    mine = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
    other = await objects.put(story_id, Asset.SCENE_1, BYTES, "image/png")
    url = await objects.presign(mine.key)
    async with ClientSession() as http, http.get(url.replace(mine.key, other.key)) as answer:
        assert answer.status == 403


async def test_clients_are_sent_to_the_stores_public_address(store_settings: dict[str, Any]) -> None:
    objects = Objects(Settings(**{**store_settings, "s3_public_url": "https://files.example.org"}))
    assert (await objects.presign("stories/x/y.png")).startswith("https://files.example.org/")
    here = await objects.presign("stories/x/y.png", here=True)
    assert here.startswith(f"{store_settings['s3_endpoint_url']}/")
    await objects.close()


async def test_two_who_make_the_bucket_at_once_both_have_it(store_settings: dict[str, Any]) -> None:
    settings = Settings(**{**store_settings, "s3_bucket": f"made-{uuid4().hex[:12]}"})
    two = [Objects(settings), Objects(settings)]
    await asyncio.gather(*(one.make_bucket() for one in two))
    for one in two:
        await one.check()
        await one.make_bucket()
        await one.close()


def _dead_endpoint() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


async def _everything(objects: Objects, story_id: UUID, word: type[Exception] | tuple[type[Exception], ...]) -> None:
    """Each call ends in the word, whatever it does."""
    lost = StoredObject(key="stories/x/y.png", sha256="00" * 32, size=1, content_type="image/png")
    for call in (
        lambda: objects.get(lost),
        lambda: read_manifest(objects, story_id, Asset.COVER, PRINT),
        lambda: write_manifest(objects, story_id, manifest(story_id)),
        objects.check,
        # Last, since the embedded store leaves a connection unusable on which it refused bytes unread.
        lambda: objects.put(story_id, Asset.COVER, BYTES, "image/png"),
    ):
        with pytest.raises(word, match="store: "):
            await call()
    await objects.close()


async def test_a_missing_bucket_is_a_permanent_error(store_settings: dict[str, Any], story_id: UUID) -> None:
    """But for HEAD, which a store may answer with 403 for whatever is not there."""
    missing = {**store_settings, "s3_bucket": "not-there", "store_retry_delays": ()}
    await _everything(Objects(Settings(**missing)), story_id, (PermanentError, LockedOutError))


async def test_a_wrong_key_is_waited_for(store_settings: dict[str, Any], story_id: UUID) -> None:
    """People rotate keys: no job fails of it."""
    wrong = {**store_settings, "aws_secret_access_key": SecretStr("wrong"), "store_retry_delays": ()}
    await _everything(Objects(Settings(**wrong)), story_id, LockedOutError)


async def test_an_unreachable_store_is_a_retryable_error(store_settings: dict[str, Any], story_id: UUID) -> None:
    unreachable = {**store_settings, "s3_endpoint_url": _dead_endpoint(), "store_retry_delays": ()}
    await _everything(Objects(Settings(**unreachable)), story_id, RetryableError)


@pytest.mark.parametrize(("status", "word"), [(500, RetryableError), (503, RetryableError), (403, RetryableError)])
async def test_a_refusal_is_classified_by_what_it_means(status: int, word: type[Exception], story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.refuse = status
        with pytest.raises(word, match="store: "):
            await Objects(settings).put(story_id, Asset.COVER, BYTES, "image/png")


async def test_a_connection_that_is_cut_is_a_try_again(story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.cut = True
        with pytest.raises(RetryableError):
            await Objects(settings).put(story_id, Asset.COVER, BYTES, "image/png")
        assert len(store.asked) == 2, "boto3 asks again, and then our own layer decides"


async def test_what_is_paid_for_is_stored_with_retries(story_id: UUID) -> None:
    """A store that is back before the retries end has taken it, and no caller sees a failure."""
    async with strict_store() as (store, settings):
        store.refuse, store.refusals = 503, 3
        objects = Objects(settings.model_copy(update={"store_retry_delays": (0.01, 0.01)}))
        stored = await objects.put(story_id, Asset.COVER, BYTES, "image/png")
        assert await objects.get(stored) == BYTES
        await objects.close()


async def test_retries_of_a_store_that_does_not_answer_end(story_id: UUID) -> None:
    """After the last of the pauses that are set: then the attempt has failed."""
    async with strict_store() as (store, settings):
        store.refuse = 503
        objects = Objects(settings.model_copy(update={"store_retry_delays": (0.01, 0.02)}))
        with capture_logs() as logs, pytest.raises(RetryableError):
            await objects.put(story_id, Asset.COVER, BYTES, "image/png")
        assert [said["seconds"] for said in logs if said["event"] == "store.retrying"] == [0.01, 0.02]
        assert len(store.asked) == 3 * 2, "boto3 asks again each time"
        await objects.close()


async def test_a_store_that_refuses_is_asked_once(story_id: UUID) -> None:
    async with strict_store() as (store, settings):
        store.refuse, store.code = 400, "InvalidRequest"
        objects = Objects(settings.model_copy(update={"store_retry_delays": (10,)}))
        with pytest.raises(PermanentError):
            await objects.put(story_id, Asset.COVER, BYTES, "image/png")
        assert len(store.asked) == 1
        await objects.close()


class Away(Objects):
    """Speaks to a store that does not answer, and says when it has been asked."""

    def __init__(self, settings: StoreSettings) -> None:
        super().__init__(settings)
        self.asked = asyncio.Event()

    async def _call(self, operation: str, **arguments: Any) -> Any:
        self.asked.set()
        raise RetryableError("store: no answer")


async def test_whoever_is_cancelled_waits_for_no_store(story_id: UUID) -> None:
    objects = Away(StoreSettings(store_retry_delays=(1000,)))
    putting = asyncio.create_task(objects.put(story_id, Asset.COVER, BYTES, "image/png"))
    await objects.asked.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    await objects.close()
