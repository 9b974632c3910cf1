"""One bucket by the S3 protocol: boto3 in threads, its errors in our two words. What lies where is Objects' matter."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import stamina
import structlog

from storyloom.runtime.settings import StoreSettings
from storyloom.story.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from botocore.paginate import PageIterator
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef

log = structlog.get_logger()
T = TypeVar("T")


class Exists(Exception):  # noqa: N818 - not an error: somebody was first
    """Something is there already (409, 412)."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what a bucket holds: objects as (key, bytes), and the folders that were not looked into."""

    objects: list[tuple[str, int]]
    folders: list[str]


class Bucket:
    """A bucket's calls. Safe to share between tasks; ``close`` when done.

    Raises RetryableError when the store cannot be reached or answers 5xx, PermanentError when it refuses.
    """

    page_size = 1000
    """Keys that are listed, and deleted, at a time: the most that S3 allows (its API reference)."""

    def __init__(self, settings: StoreSettings, *, threads: int = 8) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="objects")
        self._clients: dict[str | None, S3Client] = {}
        self._connecting = threading.Lock()

    async def check(self) -> None:
        """Raise RetryableError unless the bucket can be reached."""
        await self._call("head_bucket")

    async def make_bucket(self) -> None:
        """Create the bucket where it is missing. Safe to call twice, and by several at once."""
        try:
            await self._call("head_bucket")
        except PermanentError:
            with suppress(Exists):  # somebody was quicker
                await self._call("create_bucket")

    async def close(self) -> None:
        """End the threads; calls under way finish first."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)

    async def pages(self, prefix: str, *, delimiter: str = "") -> AsyncIterator[Page]:
        """What lies under a prefix, a page at a time: each is asked for when the one before it is done with."""
        wanted: dict[str, Any] = {"Prefix": prefix} | ({"Delimiter": delimiter} if delimiter else {})
        listing = iter(await self._in_thread(partial(self._list_now, wanted)))
        # None for the end: a StopIteration cannot leave a thread.
        while (found := await self._in_thread(partial(next, listing, None))) is not None:
            objects = [(entry["Key"], int(entry["Size"])) for entry in found.get("Contents", [])]
            yield Page(objects, [entry["Prefix"] for entry in found.get("CommonPrefixes", [])])

    async def read(self, key: str) -> bytes | None:
        """An object's bytes, None where there is none."""
        return await self._in_thread(partial(self._read_now, key))

    async def exists(self, key: str) -> bool:
        """Whether an object is there. A bucket that is not there has none."""
        return await self._in_thread(partial(self._exists_now, key))

    async def _delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is deleted, too. All at once, or one by one where a store cannot."""
        for start in range(0, len(keys), self.page_size):
            some = keys[start : start + self.page_size]
            try:
                await self._delete_together(some)
            except PermanentError as refusal:
                log.info("store.deletes_one_by_one", reason=refusal.reason)
                for key in some:
                    await self._call("delete_object", Key=key)

    async def _delete_together(self, keys: Sequence[str]) -> None:
        wanted = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer = await self._call("delete_objects", Delete=wanted)
        if errors := answer.get("Errors"):
            raise PermanentError(
                f"store: {errors[0].get('Code', 'refused')} for {len(errors)} keys", code="store_refused"
            )

    async def _call_with_retries(self, operation: str, **arguments: Any) -> None:
        pauses = iter(self.settings.store_retry_delays)

        def pause_after(failure: Exception) -> bool | float:
            if not isinstance(failure, RetryableError) or (pause := next(pauses, None)) is None:
                return False
            log.warning("store.retrying", reason=failure.reason, seconds=pause)
            return pause

        async for attempt in stamina.retry_context(pause_after, attempts=None, timeout=None):
            with attempt:
                await self._call(operation, **arguments)

    def _list_now(self, wanted: dict[str, Any]) -> "PageIterator[ListObjectsV2OutputTypeDef]":
        paginator = self._client().get_paginator("list_objects_v2")
        return paginator.paginate(
            Bucket=self.settings.s3_bucket, PaginationConfig={"PageSize": self.page_size}, **wanted
        )

    def _read_now(self, key: str) -> bytes | None:
        client = self._client()
        try:
            return client.get_object(Bucket=self.settings.s3_bucket, Key=key)["Body"].read()
        except client.exceptions.NoSuchKey:
            return None

    def _exists_now(self, key: str) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see _connect

        try:
            self._client().head_object(Bucket=self.settings.s3_bucket, Key=key)
        except ClientError as error:
            # An answer to HEAD has no body, so that its status is all there is to read.
            if _status(error) == 404:
                return False
            raise
        return True

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


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _translated(work: Callable[[], T]) -> T:
    """Run the work; say what went wrong in our two words."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see _connect

    try:
        return work()
    except ClientError as error:
        status = _status(error)
        code = error.response.get("Error", {}).get("Code", "")
        if status in (409, 412):
            raise Exists from error
        if (status >= 500 and status != 501) or status in (0, 429) or code == "SlowDown":
            raise RetryableError(f"store: {code or status}") from error
        raise PermanentError(f"store: {code or status}", code="store_refused") from error
    except BotoCoreError as error:
        raise RetryableError(f"store: {type(error).__name__}") from error
