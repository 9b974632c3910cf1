"""One bucket by the S3 protocol: boto3 in threads, its errors in our two words. What lies where is Objects' matter."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import stamina
import structlog

from storyloom.runtime.clocks import seconds_awake_or_not
from storyloom.runtime.settings import StoreSettings
from storyloom.runtime.spans import asking
from storyloom.storage.clock import TOLERANCE, StoreClock
from storyloom.story.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = structlog.get_logger()
T = TypeVar("T")


TRANSIENT_CODES = frozenset(
    {
        *("RequestTimeout", "RequestTimeoutException", "IncompleteBody", "BadDigest"),  # 400
        *("OperationAborted", "ConditionalRequestConflict"),  # 409
        *("SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException", "TooManyRequests"),
    }
)
"""What S3 and its like call an error that passes, whatever its status
(docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html)."""
LOCKED_OUT_CODES = frozenset(
    {
        *("RequestTimeTooSkewed", "RequestExpired"),
        *("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"),
        *("InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch", "AccessDenied"),
    }
)
"""What S3 and its like say to one whose clock is off, or whose credentials have expired or were rotated."""
RECONNECT_SECONDS = 1.0
"""Between two times at which credentials are read again."""
_SPAN = {"rpc.system": "aws-api", "rpc.service": "S3"}
PROBE_PREFIX = "probes/"
"""Where objects lie that are written only to see that it can be done."""


class Exists(Exception):  # noqa: N818 - not an error: somebody was first
    """Something is there already (409, 412)."""


class ConflictError(RetryableError):
    """Another request for the same key is under way (409). It may have written the object, or not."""


class LockedOutError(RetryableError):
    """The store does not let us in (401, 403): our clock is off, or our credentials are not what they were.

    It is nobody's request that is wrong: whoever waits will be let in once that is put right.
    """


@dataclass(eq=False)
class RefusedError(PermanentError):
    """The store refuses a request; ``status`` is its answer's."""

    status: int = 0


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
    write_error: str | None = None
    """Why nothing can be written now, as far as is known (probe.py): whoever would pay for something waits."""

    def __init__(self, settings: StoreSettings, *, threads: int = 8) -> None:
        self.settings = settings
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="objects")
        self._clients: dict[str | None, S3Client] = {}
        self._connected = 0.0
        self._connecting = threading.Lock()
        self.clock = StoreClock()
        """The store's, by which requests are signed."""
        self.suspect = asyncio.Event()
        """Set when something could not be written: it is time to look what the store can do."""
        self._probe_key = f"{PROBE_PREFIX}{uuid4()}.json"

    async def open(self) -> None:
        """Import boto3 and build its client, if there is none: that takes a busy machine seconds. Asks nobody anything.

        Raises RetryableError where no client can be made of the settings and credentials that there are.
        """
        if not self._clients:
            # Not in the pool: all of its threads may be waiting for a store that is frozen.
            await asyncio.to_thread(_translated, self._client)

    async def check(self) -> None:
        """Raise RetryableError unless the bucket can be reached."""
        await self._call("head_bucket")

    async def probe(self) -> None:
        """Write, read and delete a small object: the bucket may answer, and its disk be full or its key read-only.

        Raises RetryableError or PermanentError, whose reason is a sentence.
        """
        await self._call("put_object", Key=self._probe_key, Body=b"{}", ContentType="application/json")
        if await self._in_thread("get_object", partial(self._read_now, self._probe_key)) != b"{}":
            raise RetryableError("store: what was written cannot be read")
        await self._call("delete_object", Key=self._probe_key)

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
        token: str | None = None
        while True:
            # Not boto3's paginator: one that has failed has ended, and would end a listing that is asked for again.
            found = await self._call("list_objects_v2", MaxKeys=self.page_size, **wanted)
            objects = [(entry["Key"], int(entry["Size"])) for entry in found.get("Contents", [])]
            yield Page(objects, [entry["Prefix"] for entry in found.get("CommonPrefixes", [])])
            if not found.get("IsTruncated"):
                return
            following: str | None = found.get("NextContinuationToken")
            if not following or following == token:
                raise RetryableError("store: it names no further page of a listing that goes on")
            token = wanted["ContinuationToken"] = following

    async def read(self, key: str) -> bytes | None:
        """An object's bytes, None where there is none."""
        return await self._in_thread("get_object", partial(self._read_now, key))

    async def exists(self, key: str) -> bool:
        """Whether an object is there. A bucket that is not there has none."""
        return await self._in_thread("head_object", partial(self._exists_now, key))

    async def delete(self, keys: Sequence[str]) -> None:
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

    async def _with_retries(self, work: Callable[[], Awaitable[T]]) -> T:
        delays = self.settings.store_retry_delays
        pauses = iter(delays)

        def pause_after(failure: Exception) -> bool | float:
            # While nobody is let in (the probe says so), who has paid waits for people: its job's time-out ends it.
            locked_out = isinstance(failure, LockedOutError) and self.write_error is not None
            longest = delays[-1] if delays and locked_out else None
            if not isinstance(failure, RetryableError) or (pause := next(pauses, longest)) is None:
                return False
            log.warning("store.retrying", reason=failure.reason, seconds=pause)
            return pause

        async for attempt in stamina.retry_context(pause_after, attempts=None, timeout=None):
            with attempt:
                return await work()
        raise AssertionError("a retry context ends with an answer or an error")

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
            if _status(error) in (409, 412):
                raise RetryableError(f"store: {_status(error)}") from error
            raise
        return True

    async def _call(self, operation: str, **arguments: Any) -> Any:
        def call() -> Any:
            return getattr(self._client(), operation)(Bucket=self.settings.s3_bucket, **arguments)

        try:
            return await self._in_thread(operation, call)
        except (RetryableError, PermanentError):
            if operation == "put_object":
                self.suspect.set()
            raise

    async def _in_thread(self, operation: str, work: Callable[[], T]) -> T:
        try:
            # Its time begins before a thread is waited for.
            with asking(f"s3 {operation}", _SPAN, answers=Exists):
                return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._let_in, work))
        except LockedOutError:
            self.suspect.set()
            raise

    def _let_in(self, work: Callable[[], T]) -> T:
        """Run the work; once more where we were not let in, and know better now what time it is or who we are."""
        offset = self.clock.offset
        try:
            return _translated(work)
        except LockedOutError:
            # Its answer has told the time.
            if not (abs(self.clock.offset - offset) > TOLERANCE or self._reconnect()):
                raise
            return _translated(work)

    def _reconnect(self) -> bool:
        """Forget the clients, so that credentials are read again; False where that has just been done."""
        with self._connecting:
            if seconds_awake_or_not() - self._connected < RECONNECT_SECONDS:
                return False
            self._clients.clear()
            return True

    def _presign(self, params: dict[str, str], *, here: bool) -> str:
        client = self._client(None if here else self.settings.s3_public_url)
        return client.generate_presigned_url("get_object", Params=params, ExpiresIn=self.settings.presign_seconds)

    def _client(self, endpoint: str | None = None) -> "S3Client":
        endpoint = endpoint or self.settings.s3_endpoint_url
        with self._connecting:  # eight threads that all come first would make eight clients of 4 MB each
            if endpoint not in self._clients:
                self._clients[endpoint] = _connect(self.settings, endpoint)
                self._connected = seconds_awake_or_not()
                self.clock.attach(self._clients[endpoint])
            return self._clients[endpoint]


def _connect(settings: StoreSettings, endpoint: str | None) -> "S3Client":
    # boto3 takes a quarter of a second and 30 MB to import: whoever never stores anything need not pay for it.
    import boto3  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    key, secret, token = settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token
    # A session of its own: boto3's default one keeps the credentials that it has found for as long as we live.
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    client: S3Client = boto3.session.Session(botocore_session=session).client(
        "s3",
        endpoint_url=endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=key.get_secret_value() if key else None,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        aws_session_token=token.get_secret_value() if key and token else None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 2, "mode": "standard"},
            # Many a store refuses the checksums that boto3 sends since 1.36; what we store is named by its own hash,
            # and compared with it when it is read.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=16,
        ),
    )
    return client


@cache
def _loader() -> Any:
    """What botocore reads of its own files, for all clients of a process: reading them takes most of making one."""
    import botocore.session  # noqa: PLC0415 - see _connect

    return botocore.session.Session().get_component("data_loader")


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _why(code: str) -> str:
    """The store's code, and what it means where the code says little."""
    if code in ("RequestTimeTooSkewed", "RequestExpired"):
        return f"{code}: the clocks differ"
    return code if code in LOCKED_OUT_CODES else "its key is refused"


def _translated(work: Callable[[], T]) -> T:
    """Run the work; say what went wrong in our two words."""
    from botocore.exceptions import (  # noqa: PLC0415 - see _connect
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
        TokenRetrievalError,
    )

    try:
        return work()
    except ClientError as error:
        status = _status(error)
        code = error.response.get("Error", {}).get("Code", "")
        if status == 409 and code in TRANSIENT_CODES:
            raise ConflictError(f"store: {code}") from error
        if status in (409, 412):
            raise Exists from error
        if (status >= 500 and status != 501) or status in (0, 408, 429) or code in TRANSIENT_CODES:
            raise RetryableError(f"store: {code or status}") from error
        # An answer to HEAD has no body: of a bucket 400 may be an expired token, too.
        nameless = (400, 403) if error.operation_name == "HeadBucket" else (403,)
        if status == 401 or code in LOCKED_OUT_CODES or (status in nameless and code in ("", str(status), "Forbidden")):
            raise LockedOutError(f"store: it does not let us in ({_why(code)})") from error
        raise RefusedError(f"store: {code or status}", code="store_refused", status=status) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError) as error:
        raise LockedOutError(f"store: there are no credentials ({type(error).__name__})") from error
    except BotoCoreError as error:
        raise RetryableError(f"store: {type(error).__name__}") from error
