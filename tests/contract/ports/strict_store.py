"""A store of a page of code that honours If-None-Match and lists by pages, as S3 does; it misbehaves by name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import unquote

from aiohttp import web
from pydantic import SecretStr

from storyloom.runtime.settings import StoreSettings
from storyloom.web.server import listen

_CODES = {412: "PreconditionFailed", 409: "ConditionalRequestConflict", 503: "SlowDown", 500: "InternalError"}
_CODES |= {403: "AccessDenied", 404: "NoSuchKey", 429: "TooManyRequests", 400: "InvalidRequest", 501: "NotImplemented"}


@dataclass
class StrictStore:
    """Objects by path. ``refuse`` answers so many requests with that status; ``cut`` hangs up on every request.

    ``dizzy`` names the same next page on every page of a listing. ``code`` stands for the status's own in a refusal;
    ``unconditional`` answers whatever is conditional; ``plain`` refuses checksums that it does not know; ``full``
    refuses every write; ``lossy`` keeps nothing that it takes; ``conflicts`` answers so many writes, which it has
    taken, with 409.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    refuse: int | None = None
    refusals: int = 1_000_000
    taken: int = 412
    cut: bool = False
    dizzy: bool = False
    code: str | None = None
    unconditional: int | None = None
    plain: bool = False
    full: bool = False
    lossy: bool = False
    conflicts: int = 0
    ahead: timedelta | None = None
    """By how much its clock is ahead of ours; it refuses what is signed by another (a quarter of an hour)."""
    key: str | None = None
    """The one access key that it knows; ``unknown`` is its code for any other."""
    unknown: str = "InvalidAccessKeyId"
    asked: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One S3 request, path style."""
        self.asked.append(request.method)
        answer = await self._answer(request)
        if self.ahead is not None:
            answer.headers["Date"] = format_datetime(datetime.now(UTC) + self.ahead, usegmt=True)
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.cut:
            assert request.transport is not None
            request.transport.abort()
        if (refusal := self._refusal(request)) is not None:
            return refusal
        if request.method == "PUT":
            return self._put(request, await request.read())
        if request.method == "DELETE":
            self.objects.pop(request.path, None)
            return web.Response(status=204)
        if "list-type" in request.query:
            return self._list(request)
        if request.path not in self.objects and not (request.method == "HEAD" and request.path == "/storyloom"):
            return _error(404)
        return web.Response(body=self.objects.get(request.path, b""))

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.refuse is not None and self.refusals > 0:
            self.refusals -= 1
            return _error(self.refuse, self.code)
        signed = request.headers.get("Authorization", "") + unquote(request.query_string)
        if self.key is not None and f"Credential={self.key}/" not in signed:
            return _error(400 if self.unknown.startswith("ExpiredToken") else 403, self.unknown)
        if self.ahead is not None:
            at = request.headers.get("X-Amz-Date") or request.query.get("X-Amz-Date", "")
            if abs(parse_amz_date(at) - datetime.now(UTC) - self.ahead) > timedelta(minutes=15):
                return _error(403, "RequestTimeTooSkewed")
        if self.plain and any("checksum" in name.lower() for name in request.headers):
            return _error(400)
        return None

    def _put(self, request: web.Request, data: bytes) -> web.Response:
        conditional = "If-None-Match" in request.headers
        if self.full:
            return _error(403, "QuotaExceeded")
        if conditional and self.unconditional is not None:
            return _error(self.unconditional)
        if conditional and request.path in self.objects:
            return _error(self.taken)
        if not self.lossy:
            self.objects[request.path] = data
        if self.conflicts > 0:
            self.conflicts -= 1
            return _error(409)
        return web.Response(headers={"ETag": '"1"'})

    def _list(self, request: web.Request) -> web.Response:
        head = f"/{request.path.strip('/')}/"
        keys = [path.removeprefix(head) for path in sorted(self.objects)]
        first, most = int(request.query.get("continuation-token", 0)), int(request.query["max-keys"])
        later = first + most
        entries = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(self.objects[head + key])}</Size></Contents>"
            for key in keys[first:later]
            if key.startswith(request.query["prefix"])
        )
        more = later < len(keys)
        token = f"<NextContinuationToken>{0 if self.dizzy else later}</NextContinuationToken>" if more else ""
        body = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{entries}</ListBucketResult>"
        return web.Response(text=body, content_type="application/xml")


@asynccontextmanager
async def strict_store() -> AsyncIterator[tuple[StrictStore, StoreSettings]]:
    """The store, and the settings that reach it."""
    store = StrictStore()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", store.handle)
    runner, url = await listen(app, "127.0.0.1", 0)
    try:
        key, secret = SecretStr("key"), SecretStr("secret")
        yield (
            store,
            StoreSettings(
                s3_endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, store_retry_delays=()
            ),
        )
    finally:
        await runner.cleanup()


def parse_amz_date(text: str) -> datetime:
    """The time of a signature."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _error(status: int, code: str | None = None) -> web.Response:
    body = f"<Error><Code>{code or _CODES[status]}</Code><Message>no</Message></Error>"
    return web.Response(status=status, text=body, content_type="application/xml")
