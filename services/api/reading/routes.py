"""The routes for readers: the book and its files, by a key or by a link, and the links themselves."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, web
from pydantic import Field

from services.api.auth import authenticated_routes
from services.api.limits import RequestLimiter
from services.api.openapi import ASSET, CACHE_CONTROL, ETAG, IF_NONE_MATCH, PART, STORY_ID, TAGGED
from services.api.reading.guests import Guests, new_secret, queries
from services.api.reading.recordings import MAX_STORED_TAG_BYTES, NO_FRONT, Covers, Front, front
from services.api.reading.resources import Book, BookNarration, BookPage, BookPicture, Share, ShareList
from services.api.repository import get_result
from services.api.routes import STORY, read_story_id, stored_object
from services.api.schemas import WireBody, read_body
from services.api.serializers import BASE, json_response
from storyloom.db.pool import Pool
from storyloom.messaging.endpoints import WakeWebhooks
from storyloom.storage.objects import Objects
from storyloom.story.assets import TEXTS, Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.languages import language_of
from storyloom.story.notifications import DeliveriesDue, page_report
from storyloom.web.authentication import Authenticator
from storyloom.web.exchange import EXCHANGE
from storyloom.web.keys import Caller, digest
from storyloom.web.openapi import Answer, Body, Header, Parameter, operation
from storyloom.web.problems import Problem, not_found

SCENES = (1, 2, 3, 4)
BOOK_RESULTS = [
    *(text.value for text in TEXTS),
    *(f"scene_{k}" for k in SCENES),
    *(one.value for one in (Asset.COVER, Asset.AUDIO, Asset.PDF, Asset.EPUB, Asset.ACTIVITIES)),
]
"""The assets that a book is made of."""
MOST_SHARES = 50
"""Valid links of one story."""
SHARE = Parameter("share", "path", UUID, "The link's id.", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
VERSION = Parameter(
    "v", "query", str, "As the book's addresses have it: what is answered to it never changes, and may be kept."
)
RANGE = Parameter("Range", "header", str, "`bytes=…`: a part of the file.")
IF_RANGE = Parameter(
    "If-Range", "header", str, "The `ETag` of what you have of it: where the file is another by now, all of it comes."
)
ACCEPT_RANGES = Header("Accept-Ranges", "`bytes`.")
CONTENT_RANGE = Header("Content-Range", "Which part it is.", required=False)
CHUNK_BYTES = 64 * 1024
ANY_TYPE = "*/*"
"""An image, a narration, captions, a PDF or an EPUB."""


class ShareBody(WireBody):
    """How long a link is valid."""

    expires_in_days: Annotated[int, Field(ge=1, le=365)] = 30


class PauseBody(WireBody):
    """What something is wrong with."""

    scene: Annotated[int, Field(ge=1, le=4)] | None = None


@dataclass(frozen=True, slots=True)
class ReadingRoutes:
    """The handlers. ``files``: fetches objects from the store, to pass them on. ``covers``: the pictures of recordings'
    tags. ``wake``: deliveries are due.
    """

    pool: Pool
    keys: Authenticator
    limiter: RequestLimiter
    objects: Objects
    guests: Guests
    files: ClientSession
    covers: Covers
    wake: WakeWebhooks

    def table(self) -> list[web.RouteDef]:
        """Every operation as a route, behind the authentication that it declares."""
        return authenticated_routes(self, self.keys, self.limiter, self.guests)

    @operation(
        "GET",
        f"{STORY}/book",
        "getBook",
        tag="Reading",
        scope="stories:read",
        shared=True,
        parameters=[STORY_ID],
        answers=[Answer(200, "The book, as far as it is made.", Book, headers=(CACHE_CONTROL,))],
        problems=["not_found", "link_unknown"],
    )
    async def book(self, request: web.Request, caller: Caller) -> web.Response:
        """Read a story as a book.

        It holds what readers need, and nothing else of the story. By a link there is no book while its text waits to be
        approved.
        """
        story_id = read_story_id(request)
        row = await queries().book(self.pool, id=story_id, tenant_id=caller.tenant_id, assets=BOOK_RESULTS)
        if row is None:
            raise not_found("story")
        return json_response(book_of(row), headers={"Cache-Control": "private, no-cache"})

    @operation(
        "GET",
        f"{STORY}/assets/{{asset}}/file",
        "getAssetFile",
        tag="Reading",
        scope="stories:read",
        shared=True,
        parameters=[STORY_ID, ASSET, PART, VERSION, RANGE, IF_RANGE, IF_NONE_MATCH],
        answers=[
            Answer(200, "The bytes.", bytes, ANY_TYPE, headers=(ETAG, CACHE_CONTROL, ACCEPT_RANGES)),
            Answer(
                206,
                "The part that was asked for.",
                bytes,
                ANY_TYPE,
                headers=(ETAG, CACHE_CONTROL, ACCEPT_RANGES, CONTENT_RANGE),
            ),
            Answer(304, "The client has it.", headers=(ETAG, CACHE_CONTROL)),
        ],
        problems=["not_found", "asset_not_ready", "link_unknown", "store_away"],
    )
    async def file(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Fetch the bytes of a picture, the narration or a book from the API itself.

        The same as `getAsset` leads to, for pages that may load nothing from elsewhere.
        """
        story_id, name = read_story_id(request), request.match_info["asset"]
        asset, result = await get_result(self.pool, caller, story_id, name)
        part = request.query.get("part")
        stored = stored_object(result, part)
        before = await self._front(caller, story_id, stored) if part == TAGGED else NO_FRONT
        tag = before.etag(stored)
        # The cover of a tag may be painted anew, or come later.
        lasting = part != TAGGED and request.query.get("v") == stored["sha256"][:16]
        headers = {
            "ETag": tag,
            "Cache-Control": "private, max-age=31536000, immutable" if lasting else "private, no-cache",
            "Vary": "Authorization",
        }
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        suffix = stored["key"].rsplit(".", 1)[-1]
        headers["Content-Disposition"] = f'inline; filename="{asset.value}.{suffix}"'
        return await self._pass_on(request, stored, headers, before)

    async def _front(self, caller: Caller, story_id: UUID, stored: Mapping[str, Any]) -> Front:
        """The tag of a recording; none as long as there is no cover."""
        row = await queries().recording(self.pool, id=story_id, tenant_id=caller.tenant_id)
        if row is None or row["cover"] is None:
            return NO_FRONT
        try:
            cover = await self.covers.jpeg(row["cover"]["image"])
            if cover is None:
                return NO_FRONT
            async with self._fetch(stored, 0, min(stored["size"], MAX_STORED_TAG_BYTES) - 1) as found:
                head = await found.read()
        except (RetryableError, PermanentError, ClientError, TimeoutError) as error:
            raise _AWAY from error
        return front(head, cover, row["title"], row["language"])

    @asynccontextmanager
    async def _fetch(self, stored: Mapping[str, Any], first: int, last: int) -> AsyncIterator[ClientResponse]:
        """A part of a stored object, as the store answers it. Raises _AWAY where it answers anything else."""
        url = await self.objects.presign(stored["key"], content_type=stored["content_type"], here=True)
        async with self.files.get(url, headers={"Range": f"bytes={first}-{last}"}) as found:
            if found.status != 206 or found.content_length != last - first + 1:
                raise _AWAY
            yield found

    async def _pass_on(
        self, request: web.Request, stored: Mapping[str, Any], headers: Mapping[str, str], before: Front
    ) -> web.StreamResponse:
        """Answer ``before`` and what is stored after it, or the part of both that was asked for."""
        size = len(before.data) + stored["size"] - before.skip
        same = request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
        part = _range(request.headers.get("Range"), size) if same else None
        response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
        response.content_type = stored["content_type"]
        response.headers["Accept-Ranges"] = "bytes"
        first, last = part or (0, size - 1)
        response.content_length = last - first + 1
        if part is not None:
            response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        shift = before.skip - len(before.data)  # from a place in the answer to the same one in the object
        try:
            # What ends within the tag fetches a byte for nothing: the store is asked before an answer begins.
            async with self._fetch(stored, max(before.skip, first + shift), max(before.skip, last + shift)) as found:
                await response.prepare(request)
                if request.method != "HEAD":
                    if tag := before.data[first : last + 1]:
                        await response.write(tag)
                    if last + shift >= before.skip:
                        async for chunk in found.content.iter_chunked(CHUNK_BYTES):
                            await response.write(chunk)
        except (ClientError, TimeoutError) as error:
            # Once it has begun it can only end too soon, which its length tells the client.
            raise (ConnectionResetError("the store is gone") if response.prepared else _AWAY) from error
        return response

    @operation(
        "POST",
        f"{STORY}/shares",
        "createShare",
        tag="Reading",
        scope="stories:write",
        parameters=[STORY_ID],
        body=Body(ShareBody, {"aWeek": {"expiresInDays": 7}}, required=False),
        answers=[Answer(201, "The link.", Share)],
        problems=["not_found", "bad_body", "too_many_links"],
    )
    async def create_share(self, request: web.Request, caller: Caller) -> web.Response:
        """Make a link to a story, for whoever is to read it.

        It opens the book of this story and nothing else, until it expires or is taken back. While the text waits to be
        approved it opens nothing.
        """
        story_id = read_story_id(request)
        body = await read_body(request, ShareBody)
        secret = new_secret()
        row = await queries().add_share(
            self.pool,
            id=story_id,
            tenant_id=caller.tenant_id,
            secret_hash=digest(secret),
            days=body.expires_in_days,
            most=MOST_SHARES,
        )
        if row is None:
            raise not_found("story")
        if row["too_many"]:
            raise Problem(409, "too_many_links", f"A story has at most {MOST_SHARES} links; take one back.")
        exchange = request.get(EXCHANGE)
        url = f"{exchange.public_url if exchange else ''}/read/{story_id}#{secret}"
        return json_response({**share_of({**row, "status": "valid"}), "url": url}, status=201)

    @operation(
        "GET",
        f"{STORY}/shares",
        "listShares",
        tag="Reading",
        scope="stories:read",
        parameters=[STORY_ID],
        answers=[Answer(200, "Its links, without their secrets.", ShareList)],
        problems=["not_found"],
    )
    async def list_shares(self, request: web.Request, caller: Caller) -> web.Response:
        """List the links to a story, oldest first."""
        return json_response(await self._shares(caller, read_story_id(request)))

    @operation(
        "DELETE",
        f"{STORY}/shares/{{share}}",
        "revokeShare",
        tag="Reading",
        scope="stories:write",
        parameters=[STORY_ID, SHARE],
        answers=[Answer(204, "It opens nothing any more.")],
        problems=["not_found"],
    )
    async def revoke_share(self, request: web.Request, caller: Caller) -> web.Response:
        """Take back a link, for good."""
        try:
            share = UUID(request.match_info["share"])
        except ValueError:
            raise not_found("link") from None
        story_id = read_story_id(request)
        if not await queries().revoke_share(self.pool, share=share, id=story_id, tenant_id=caller.tenant_id):
            raise not_found("link")
        return web.Response(status=204)

    @operation(
        "POST",
        f"{STORY}/shares/pause",
        "pauseShares",
        tag="Reading",
        scope="stories:write",
        parameters=[STORY_ID],
        body=Body(PauseBody, {"aPage": {"scene": 2}}, required=False),
        answers=[Answer(200, "The links as they are now.", ShareList)],
        problems=["not_found", "bad_body"],
    )
    async def pause_shares(self, request: web.Request, caller: Caller) -> web.Response:
        """Close the book to who reads it by a link, until its links are resumed.

        For a page with which something is wrong: webhooks are told of it as `story.reported`, with the scene where one
        is named.
        """
        story_id = read_story_id(request)
        body = await read_body(request, PauseBody)
        of = {"id": story_id, "tenant_id": caller.tenant_id}
        await queries().pause_shares(self.pool, **of)
        found = page_report(story_id, body.scene, datetime.now(UTC))
        made = queries().report_page(self.pool, **of, event_id=found.id, type=found.type, payload=found.payload)
        if endpoints := tuple([row["endpoint_id"] async for row in made]):
            await self.wake(DeliveriesDue(endpoints=endpoints))
        return json_response(await self._shares(caller, story_id))

    @operation(
        "POST",
        f"{STORY}/shares/resume",
        "resumeShares",
        tag="Reading",
        scope="stories:write",
        parameters=[STORY_ID],
        answers=[Answer(200, "The links as they are now.", ShareList)],
        problems=["not_found"],
    )
    async def resume_shares(self, request: web.Request, caller: Caller) -> web.Response:
        """Open the book again to who reads it by a link."""
        story_id = read_story_id(request)
        await queries().resume_shares(self.pool, id=story_id, tenant_id=caller.tenant_id)
        return json_response(await self._shares(caller, story_id))

    async def _shares(self, caller: Caller, story_id: UUID) -> ShareList:
        if not await queries().story_exists(self.pool, id=story_id, tenant_id=caller.tenant_id):
            raise not_found("story")
        found = queries().shares(self.pool, id=story_id, tenant_id=caller.tenant_id)
        return {"shares": [share_of(row) async for row in found]}


_AWAY = Problem(503, "store_away", "The file cannot be fetched just now; try again.", headers={"Retry-After": "2"})


def _range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first and the last byte of a Range; None, and the whole is answered, for what is no single part that there
    is (RFC 9110, section 14.2).
    """
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header or "", re.ASCII)
    if found is None or size == 0 or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size - 1) if int(last) else None
    end = min(size - 1, int(last)) if last else size - 1
    return (int(first), end) if int(first) <= end else None


def files_session() -> ClientSession:
    """What fetches objects; a file takes as long as its reader does."""
    return ClientSession(timeout=ClientTimeout(total=None, connect=2, sock_read=30), auto_decompress=False)


def share_of(row: Mapping[str, Any]) -> Share:
    """A link as it is answered, without its secret."""
    return {
        "id": str(row["id"]),
        "createdAt": _iso(row["created_at"]),
        "expiresAt": _iso(row["expires_at"]),
        "status": row["status"],
    }


def book_of(row: Mapping[str, Any]) -> Book:
    """A story's row, with its ready results, as a book."""
    brief, results = row["request"], row["results"]
    language = language_of(brief["language"])
    audio: Mapping[str, Any] | None = results.get(Asset.AUDIO.value)
    blocks = (row["audio_blocks"] or {}) if audio is not None else {}
    base = f"{BASE}/stories/{row['id']}/assets"
    activities = results.get(Asset.ACTIVITIES.value)
    return {
        "id": str(row["id"]),
        "status": row["status"],
        "title": row["title"],
        "logline": row["logline"],
        "heroes": [character["name"] for character in brief["characters"]],
        "age": brief["age"],
        "language": brief["language"],
        "direction": language.direction,
        "cover": _picture(base, "cover", results.get("cover")),
        "pages": [_page(base, k, results, blocks) for k in SCENES],
        "narration": None if audio is None else _narration(base, audio),
        "printed": _file(base, "pdf", results["pdf"]["pdf"]) if "pdf" in results else None,
        "ebook": _file(base, "epub", results["epub"]["pdf"]) if "epub" in results else None,
        "activities": None if activities is None else activities["activities"],
    }


def _page(base: str, k: int, results: Mapping[str, Any], blocks: Mapping[str, str]) -> BookPage:
    text = results.get(f"text_{k}")
    return {
        "scene": k,
        "text": None if text is None else "\n\n".join(text["paragraphs"]),
        "words": blocks.get(f"scene_{k}", blocks.get(str(k))),
        "picture": _picture(base, f"scene_{k}", results.get(f"scene_{k}"), text),
    }


def _picture(
    base: str, name: str, result: Mapping[str, Any] | None, text: Mapping[str, Any] | None = None
) -> BookPicture | None:
    """A picture; a scene's is told in the words of its text's author, the cover in those of the check."""
    if result is None:
        return None
    return {
        "url": _file(base, name, result["image"]),
        "width": result["width"],
        "height": result["height"],
        "altText": (text or result)["alt_text"],
        "hueColors": list(result["hue_colours"]),
    }


def _narration(base: str, audio: Mapping[str, Any]) -> BookNarration:
    url = _file(base, "audio", audio["audio"])
    return {"url": url, "captions": _file(base, "audio", audio["vtt"], "&part=vtt"), "seconds": audio["seconds"]}


def _file(base: str, name: str, stored: Mapping[str, Any], more: str = "") -> str:
    return f"{base}/{name}/file?v={stored['sha256'][:16]}{more}"


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
