"""The store: bytes under their own content hash, manifests last, what a job went through beside them.

Keys: ``stories/<story_id>/<asset>/<sha256, 32 digits>.<suffix>`` for bytes and
``stories/<story_id>/<asset>/<fingerprint>/result.json`` for manifests, ``…/attempts.json`` beside them for what a job
went through. Nothing in a key tells of a child.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from uuid import UUID

from pydantic import ValidationError

from storyloom.jobs.manifest import Attempts, Manifest
from storyloom.storage.s3 import Bucket, Exists
from storyloom.story.assets import Asset
from storyloom.story.errors import RetryableError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import StoredObject

STORIES = "stories/"
SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "audio/mpeg": "mp3",
    "text/vtt": "vtt",
    "application/pdf": "pdf",
    "application/json": "json",
}


class Objects(Bucket):
    """Puts, gets, presigns, lists and erases. Safe to share between tasks; ``close`` when done.

    Raises RetryableError when the store cannot be reached or answers 5xx, PermanentError when it refuses.
    """

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        """Store bytes, patiently: they are paid for. The same bytes twice are the same object."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{STORIES}{story_id}/{asset.value}/{digest[:32]}.{SUFFIXES[content_type]}"
        await self._patiently("put_object", Key=key, Body=data, ContentType=content_type)
        return StoredObject(key=key, sha256=digest, size=len(data), content_type=content_type)

    async def get(self, stored: StoredObject) -> bytes:
        """The bytes, checked against their hash. A missing or wrong object is a RetryableError: it may yet be
        repaired.
        """
        data = await self._read(stored.key)
        if data is None or hashlib.sha256(data).hexdigest() != stored.sha256:
            raise RetryableError(f"store: object {stored.key} is missing or damaged")
        return data

    async def read_manifest(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Manifest | None:
        """The manifest of a fingerprint, None if there is none or it cannot be read (it is then made again)."""
        data = await self._read(manifest_key(story_id, asset, fingerprint))
        if data is None:
            return None
        try:
            return Manifest.model_validate_json(data)
        except ValidationError:
            return None

    async def write_manifest(self, story_id: UUID, manifest: Manifest) -> Manifest:
        """Write the manifest, patiently, unless one is there; answer the one that stands. The first writer wins.

        Where a store ignores If-None-Match the last writer stands; the projector takes the first result it hears.
        """
        key = manifest_key(story_id, manifest.asset, manifest.fingerprint)
        body = manifest.body
        try:
            await self._patiently("put_object", Key=key, Body=body, ContentType="application/json", IfNoneMatch="*")
        except Exists:
            standing = await self.read_manifest(story_id, manifest.asset, manifest.fingerprint)
            return standing or manifest
        return manifest

    async def read_attempts(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> Attempts:
        """What a job went through; nothing, if there is no note or it cannot be read."""
        data = await self._read(_attempts_key(story_id, asset, fingerprint))
        try:
            return Attempts.model_validate_json(data or b"{}")
        except ValidationError:
            return Attempts()

    async def write_attempts(self, story_id: UUID, asset: Asset, fingerprint: Fingerprint, note: Attempts) -> None:
        """Keep what a job went through. The last writer wins: two holders of one job may lose a count."""
        key, body = _attempts_key(story_id, asset, fingerprint), note.model_dump_json().encode()
        await self._call("put_object", Key=key, Body=body, ContentType="application/json")

    async def presign(self, key: str, *, content_type: str | None = None, filename: str | None = None) -> str:
        """A URL that reads one object for ``presign_seconds``; Range works on it."""
        params: dict[str, str] = {"Bucket": self.settings.s3_bucket, "Key": key}
        if content_type:
            params["ResponseContentType"] = content_type
        if filename:
            params["ResponseContentDisposition"] = f'inline; filename="{filename}"'
        sign = partial(self._presign, params)
        return await asyncio.get_running_loop().run_in_executor(self._threads, sign)

    async def list_keys(self, story_id: UUID) -> list[tuple[str, int]]:
        """Everything that a story left in the store, as (key, bytes)."""
        return [found async for page in self.pages(_home(story_id)) for found in page.objects]

    async def erase(self, story_id: UUID) -> tuple[int, int]:
        """Delete everything under a story's prefix; how many objects and bytes went. Safe to call twice.

        What is stored while this runs stays for the next call: call it again once nobody works on the story.
        """
        found = await self.list_keys(story_id)
        await self._delete([key for key, _ in found])
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


def manifest_key(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    return f"{_home(story_id)}{asset.value}/{fingerprint}/result.json"


def _attempts_key(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    return f"{_home(story_id)}{asset.value}/{fingerprint}/attempts.json"


def _home(story_id: UUID) -> str:
    return f"{STORIES}{story_id}/"
