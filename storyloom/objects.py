"""The store: bytes under their own content hash, manifests last. Any S3 protocol; boto3 in threads.

Keys: ``stories/<story_id>/<asset>/<sha256, 32 digits>.<suffix>`` for bytes and
``stories/<story_id>/<asset>/<fingerprint>/result.json`` for manifests. Nothing in a key tells of a child.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

import orjson
import structlog
from pydantic import ValidationError

from storyloom.settings import StoreSettings
from storyloom.story.assets import Asset
from storyloom.story.errors import GiveUp, TryAgain
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import AnyResult, StoredObject, Value

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger()
T = TypeVar("T")

SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "audio/mpeg": "mp3",
    "text/vtt": "vtt",
    "application/pdf": "pdf",
    "application/json": "json",
}


class Manifest(Value):
    """What making an asset left behind; its existence means that nobody need pay for it again."""

    version: Literal[1] = 1
    asset: Asset
    fingerprint: Fingerprint
    result: AnyResult

    @property
    def body(self) -> bytes:
        """The manifest as JSON."""
        head = {"version": self.version, "asset": self.asset, "fingerprint": self.fingerprint}
        return b'%s,"result":%s}' % (orjson.dumps(head)[:-1], self.result.body)


class Objects:
    """Puts, gets and presigns. Safe to share between tasks; ``close`` when done.

    Raises TryAgain when the store cannot be reached or answers 5xx, GiveUp when it refuses.
    """

    def __init__(self, settings: StoreSettings, *, threads: int = 8) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="objects")
        self._clients: dict[str | None, S3Client] = {}
        self._connecting = threading.Lock()

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        """Store bytes, patiently: they are paid for. The same bytes twice are the same object."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"stories/{story_id}/{asset.value}/{digest[:32]}.{SUFFIXES[content_type]}"
        await self._patiently("put_object", Key=key, Body=data, ContentType=content_type)
        return StoredObject(key=key, sha256=digest, size=len(data), content_type=content_type)

    async def get(self, stored: StoredObject) -> bytes:
        """The bytes, checked against their hash. A missing or wrong object is a TryAgain: it may yet be repaired."""
        data = await self._read(stored.key)
        if data is None or hashlib.sha256(data).hexdigest() != stored.sha256:
            raise TryAgain(f"store: object {stored.key} is missing or damaged")
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
        except _Exists:
            standing = await self.read_manifest(story_id, manifest.asset, manifest.fingerprint)
            return standing or manifest
        return manifest

    async def presign(self, key: str, *, content_type: str | None = None, filename: str | None = None) -> str:
        """A URL that reads one object for ``presign_seconds``; Range works on it."""
        params: dict[str, str] = {"Bucket": self.settings.s3_bucket, "Key": key}
        if content_type:
            params["ResponseContentType"] = content_type
        if filename:
            params["ResponseContentDisposition"] = f'inline; filename="{filename}"'
        sign = partial(self._presign, params)
        return await asyncio.get_running_loop().run_in_executor(self._threads, sign)

    async def check(self) -> None:
        """Raise TryAgain unless the bucket can be reached."""
        await self._call("head_bucket")

    async def make_bucket(self) -> None:
        """Create the bucket where it is missing. Safe to call twice, and by several at once."""
        try:
            await self._call("head_bucket")
        except GiveUp:
            with suppress(_Exists):  # somebody was quicker
                await self._call("create_bucket")

    async def close(self) -> None:
        """End the threads; calls under way finish first."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def _patiently(self, operation: str, **arguments: Any) -> None:
        for pause in self.settings.store_pauses:
            try:
                await self._call(operation, **arguments)
            except TryAgain as failure:
                log.warning("store.away", reason=failure.reason, seconds=pause)
                await asyncio.sleep(pause)
            else:
                return
        await self._call(operation, **arguments)

    async def _read(self, key: str) -> bytes | None:
        return await self._in_thread(partial(self._read_now, key))

    def _read_now(self, key: str) -> bytes | None:
        client = self._client()
        try:
            return client.get_object(Bucket=self.settings.s3_bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    async def _call(self, operation: str, **arguments: Any) -> Any:
        def call() -> Any:
            return getattr(self._client(), operation)(Bucket=self.settings.s3_bucket, **arguments)

        return await self._in_thread(call)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(_translated, work))

    def _presign(self, params: dict[str, str]) -> str:
        client = self._client(self.settings.s3_public_url or self.settings.s3_endpoint_url)
        return client.generate_presigned_url("get_object", Params=params, ExpiresIn=self.settings.presign_seconds)

    def _client(self, endpoint: str | None = None) -> "S3Client":
        endpoint = endpoint or self.settings.s3_endpoint_url
        with self._connecting:  # eight threads that all come first would make eight clients of 4 MB each
            if endpoint not in self._clients:
                self._clients[endpoint] = _connect(self.settings, endpoint)
            return self._clients[endpoint]


class _Exists(Exception):  # noqa: N818 - not an error: somebody was first
    pass


def manifest_key(story_id: UUID, asset: Asset, fingerprint: Fingerprint) -> str:
    return f"stories/{story_id}/{asset.value}/{fingerprint}/result.json"


def _connect(settings: StoreSettings, endpoint: str | None) -> "S3Client":
    # boto3 takes a quarter of a second and 30 MB to import: whoever never stores anything need not pay for it.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    key, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=16,
        ),
    )
    return client


def _translated(work: Callable[[], T]) -> T:
    """Run the work; say what went wrong in our two words."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _connect

    try:
        return work()
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        if status in (409, 412):
            raise _Exists from error
        if status >= 500 or status in (0, 429) or code == "SlowDown":
            raise TryAgain(f"store: {code or status}") from error
        raise GiveUp(f"store: {code or status}", code="store_refused") from error
    except BotoCoreError as error:
        raise TryAgain(f"store: {type(error).__name__}") from error
