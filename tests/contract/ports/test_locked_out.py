"""A store that does not let us in: its clock or ours is off, our credentials have expired or were rotated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from storyloom.runtime.settings import StoreSettings
from storyloom.storage import s3
from storyloom.storage.objects import Objects
from storyloom.storage.probe import StoreProbe
from storyloom.storage.s3 import LockedOutError
from storyloom.story.assets import Asset
from tests.contract.ports.strict_store import StrictStore, strict_store

HOUR = timedelta(hours=1)
CODES = sorted(s3.LOCKED_OUT_CODES)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials are read again as often as they are refused."""
    monkeypatch.setattr(s3, "RECONNECT_SECONDS", 0.0)


@asynccontextmanager
async def store_with_file() -> AsyncIterator[tuple[StrictStore, Objects]]:
    """A store whose key stands in a credentials file."""
    async with strict_store() as (store, settings):
        found = settings.model_copy(update={"aws_access_key_id": None, "aws_secret_access_key": None})
        objects = Objects(found, threads=2)
        try:
            yield store, objects
        finally:
            await objects.close()


def write_key(path: Path, key: str) -> None:
    lines = ["[default]", *([f"aws_access_key_id = {key}", "aws_secret_access_key = secret"] if key else [])]
    path.write_text("\n".join(lines))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    write_key(path, "first")
    return path


@asynccontextmanager
async def opened(settings: StoreSettings) -> AsyncIterator[Objects]:
    objects = Objects(settings, threads=2)
    try:
        yield objects
    finally:
        await objects.close()


async def everything(objects: Objects) -> None:
    """Every operation that a service asks of a store."""
    story = uuid4()
    stored = await objects.put(story, Asset.COVER, b"png", "image/png")
    assert await objects.get(stored) == b"png"
    await objects.create(f"stories/{story}/a/result.json", b"{}")
    await objects.write(f"stories/{story}/a/attempts.json", b"{}")
    assert await objects.exists(stored.key)
    assert await objects.read("stories/none") is None
    assert len(await objects.list_keys(story)) == 3
    await objects.check()
    await objects.probe()
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(await objects.presign(stored.key))).content == b"png"


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=str)
async def test_requests_are_signed_by_the_stores_clock_where_it_is_an_hour_off(ahead: timedelta) -> None:
    """Also by one that steps while we are under way, in either direction."""
    async with strict_store() as (store, settings), opened(settings) as objects:
        for store.ahead in (ahead, timedelta(), -ahead):
            await everything(objects)


async def test_a_url_is_presigned_by_the_stores_clock_though_nothing_was_asked_before() -> None:
    async with strict_store() as (store, settings), opened(settings) as objects:
        store.ahead = -HOUR
        store.objects["/storyloom/stories/x"] = b"png"
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(await objects.presign("stories/x"))).content == b"png"


@pytest.mark.parametrize("unknown", CODES)
async def test_credentials_are_read_again_when_they_are_refused(file: Path, unknown: str) -> None:
    """A file that is written anew, as mounted secrets are, is enough: no process need start again."""
    async with store_with_file() as (store, objects):
        store.key, store.unknown = "first", unknown
        await everything(objects)
        store.key = "second"
        with pytest.raises(LockedOutError, match="it does not let us in"):
            await objects.check()
        write_key(file, "second")
        await everything(objects)


async def test_without_credentials_one_waits_for_them(file: Path) -> None:
    async with store_with_file() as (store, objects):
        write_key(file, "")
        with pytest.raises(LockedOutError, match="there are no credentials"):
            await objects.check()
        write_key(file, "first")
        store.key = "first"
        await everything(objects)


@pytest.mark.parametrize("code", [*CODES, "Forbidden"])
async def test_the_probe_names_it_and_takes_note_when_it_is_over(code: str) -> None:
    """Whoever would pay for something waits meanwhile."""
    async with strict_store() as (store, settings), opened(settings) as objects:
        probe = StoreProbe(objects)
        store.refuse, store.code = 403, code
        await probe.probe()
        assert objects.write_error is not None
        assert "it does not let us in" in objects.write_error
        store.refuse = None
        await probe.probe()
        assert objects.write_error is None


async def test_whoever_is_locked_out_while_reading_has_the_store_looked_at() -> None:
    async with strict_store() as (store, settings), opened(settings) as objects:
        store.refuse, store.code = 403, "ExpiredToken"
        with pytest.raises(LockedOutError):
            await objects.read("stories/x")
        assert objects.suspect.is_set()


async def test_a_listing_that_is_locked_out_on_its_way_never_seems_complete() -> None:
    """An erasure that found nothing more would be taken for done."""
    async with strict_store() as (store, settings), opened(settings) as objects:
        objects.page_size = 2
        story = uuid4()
        for number in range(6):
            await objects.write(f"stories/{story}/{number}", b"{}")
        store.asked.clear()
        pages = objects.pages(f"stories/{story}/")
        assert len((await anext(pages)).objects) == 2
        store.refuse, store.code = 403, "ExpiredToken"
        with pytest.raises(LockedOutError):
            await anext(pages)
        store.refuse = None
        assert await objects.erase(story) == (6, 12)


@pytest.mark.usefixtures("file")
async def test_what_is_paid_for_waits_until_it_is_let_in() -> None:
    """The delays come to an end for a store that is away, and repeat for one that people must open."""
    async with store_with_file() as (store, objects):
        objects.settings = objects.settings.model_copy(update={"store_retry_delays": (0.01,)})
        store.refuse, store.code, store.refusals = 403, "ExpiredToken", 20
        objects.write_error = "store: it does not let us in"
        await objects.create("stories/x", b"{}")
        assert store.objects["/storyloom/stories/x"] == b"{}"
