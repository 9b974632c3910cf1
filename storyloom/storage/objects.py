"""The store: bytes under their own content hash, and small records (JSON) under keys of their owner's choice.

Keys: ``stories/<story_id>/<asset>/<sha256, 32 digits>.<suffix>`` for bytes; what a job leaves beside them is
storyloom/jobs/manifest.py's. Nothing in a key describes a child.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import structlog

from storyloom.storage.s3 import Bucket, ConflictError, Exists, RefusedError
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.results import StoredObject

log = structlog.get_logger()

STORIES = "stories/"
PRESIGN_CHECK_SECONDS = 60.0
"""How long ago the store may have been asked last when a URL is presigned for it."""
PRESIGN_CHECK_TIMEOUT_SECONDS = 1.0
SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "audio/mpeg": "mp3",
    "text/vtt": "vtt",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "application/json": "json",
}


class DamagedObjectError(RetryableError):
    """An object is not there, or other bytes than were stored. It may yet be repaired."""


class ObjectStore(Protocol):
    """Keeps what is made: Objects, or a test's own in memory.

    Raises RetryableError when it cannot be reached, PermanentError when it refuses.
    """

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        """Keep bytes; the same bytes twice are the same object."""
        ...

    async def get(self, stored: StoredObject) -> bytes:
        """The bytes of an object."""
        ...


class RecordStore(Protocol):
    """Keeps small records by key: Objects, or a test's own in memory. Raises like ObjectStore."""

    async def read(self, key: str) -> bytes | None:
        """A record, None where there is none."""
        ...

    async def write(self, key: str, data: bytes) -> None:
        """Write a record; the last writer wins."""
        ...

    async def create(self, key: str, data: bytes) -> bool:
        """Write a record unless one is there; whether it was written."""
        ...


class Objects(Bucket):
    """Puts, gets, presigns, lists and erases. Safe to share between tasks; ``close`` when done.

    Raises RetryableError when the store cannot be reached or answers 5xx, PermanentError when it refuses.
    """

    _conditional = True
    """Whether the store is not known to refuse If-None-Match."""

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        """Store bytes, with retries: they are paid for. The same bytes twice are the same object."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{prefix_of(story_id)}{asset.value}/{digest[:32]}.{SUFFIXES[content_type]}"
        with suppress(Exists):  # a store that replaces nothing: under its hash lie the same bytes
            await self._with_retries(partial(self._call, "put_object", Key=key, Body=data, ContentType=content_type))
        return StoredObject(key=key, sha256=digest, size=len(data), content_type=content_type)

    async def restore(self, key: str, data: bytes, content_type: str) -> None:
        """Write bytes of a backup under the key that they had."""
        with suppress(Exists):  # a store that replaces nothing
            await self._with_retries(partial(self._call, "put_object", Key=key, Body=data, ContentType=content_type))

    async def get(self, stored: StoredObject) -> bytes:
        """The bytes, checked against their hash. A missing or wrong object is a DamagedObjectError, which
        is retryable.
        """
        data = await self.read(stored.key)
        if data is None or hashlib.sha256(data).hexdigest() != stored.sha256:
            raise DamagedObjectError(f"store: object {stored.key} is missing or damaged")
        return data

    async def write(self, key: str, data: bytes) -> None:
        """Write a record (JSON) under a key. The last writer wins."""
        try:
            await self._call("put_object", Key=key, Body=data, ContentType="application/json")
        except Exists as refusal:
            raise PermanentError("store: it replaces no object", code="store_refused") from refusal

    async def create(self, key: str, data: bytes) -> bool:
        """Write a record (JSON), with retries, unless one is there; False if one is. The first writer wins.

        Where a store ignores If-None-Match the last writer wins, and the answer is always True. One that refuses it
        (501, 400) is asked what is there first: of two that write at the same moment the last one wins.
        """
        put = partial(self._call, "put_object", Key=key, Body=data, ContentType="application/json")
        if self._conditional:
            try:
                await self._with_retries(partial(self._put_new, key, partial(put, IfNoneMatch="*")))
            except Exists:
                return False
            except RefusedError as refusal:
                if refusal.status not in (400, 501):
                    raise
            else:
                return True
        if await self._with_retries(partial(self.exists, key)):
            return False
        await self._with_retries(put)
        if self._conditional:
            # Only now is it known that the header alone was refused.
            self._conditional = False
            log.info("store.writes_are_unconditional")
        return True

    async def _put_new(self, key: str, put: Callable[[], Awaitable[Any]]) -> None:
        try:
            await put()
        except ConflictError:
            # Some stores answer so for what is there already, others for a race that somebody may have lost.
            if await self.exists(key):
                raise Exists from None
            raise

    async def presign(
        self, key: str, *, content_type: str | None = None, filename: str | None = None, here: bool = False
    ) -> str:
        """A URL that reads one object for ``presign_seconds``; Range works on it.

        ``here``: for this process, at the address where it reaches the store, which need not be the clients'.
        """
        params: dict[str, str] = {"Bucket": self.settings.s3_bucket, "Key": key}
        if content_type:
            params["ResponseContentType"] = content_type
        if filename:
            params["ResponseContentDisposition"] = f'inline; filename="{filename}"'
        if self.clock.age_seconds > PRESIGN_CHECK_SECONDS:
            # Nobody tells us of a URL that the store refuses: ask it what time it is, and whether it lets us in.
            with suppress(RetryableError, PermanentError, TimeoutError):
                await self.open()  # not in the time that the store is given
                async with asyncio.timeout(PRESIGN_CHECK_TIMEOUT_SECONDS):
                    await self.check()
        sign = partial(self._presign, params, here=here)
        return await asyncio.get_running_loop().run_in_executor(self._threads, sign)

    async def list_keys(self, story_id: UUID) -> list[tuple[str, int]]:
        """Everything that a story left in the store, as (key, bytes)."""
        return [found async for page in self.pages(prefix_of(story_id)) for found in page.objects]

    async def erase(self, story_id: UUID) -> tuple[int, int]:
        """Delete everything under a story's prefix; how many objects and bytes went. Safe to call twice.

        What is stored while this runs stays for the next call: call it again once nobody works on the story.
        """
        found = await self.list_keys(story_id)
        await self.delete([key for key, _ in found])
        return len(found), sum(size for _, size in found)

    async def story_ids(self) -> AsyncIterator[UUID]:
        """Every story that has something in the store, each once, in the store's order."""
        last = ""
        async for page in self.pages(STORIES, delimiter="/"):
            # A store that knows no delimiter names every key; those of one story stand together.
            for path in (*page.folders, *(key for key, _ in page.objects)):
                name = path.removeprefix(STORIES).split("/", 1)[0]
                if name != last:
                    last = name
                    with suppress(ValueError):  # somebody else's folder
                        yield UUID(name)


def prefix_of(story_id: UUID) -> str:
    """Under which everything of a story lies."""
    return f"{STORIES}{story_id}/"
