"""The routes: one method each, from the request to the response, under the declaration of what it takes and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from services.api import repository
from services.api.auth import authenticated_routes
from services.api.commands import Commands
from services.api.erasure import Eraser
from services.api.estimates import Estimates
from services.api.forecast import forecast
from services.api.limits import RequestLimiter
from services.api.openapi import (
    AFTER,
    ASSET,
    BIRTHDAY_BRIEF,
    CACHE_CONTROL,
    CURSOR,
    ETAG,
    FULL_BRIEF,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    LAST_EVENT_ID,
    LIMIT,
    LOCATION,
    PART,
    PREFER,
    PREFERENCE_APPLIED,
    REPLAYED,
    SCENE,
    SHORT_BRIEF,
    SINCE,
    STATUSES,
    STORY_ID,
    TAGGED,
    TOKEN,
    TRACEPARENT,
    TYPE,
    CreateStory,
)
from services.api.resources import (
    AssetText,
    CommandAccepted,
    CreatedStory,
    ErasureReceipt,
    EventsToken,
    Story,
    StoryPage,
    StreamItem,
)
from services.api.schemas import ApproveBody, EditBody, RegenerateBody, RetryBody, read_body, read_brief, read_page
from services.api.serializers import (
    BASE,
    accepted_command,
    content,
    events_token,
    json_response,
    story_page,
    story_reference,
    story_resource,
)
from services.api.story_filter import read_story_filter
from services.api.stream_proxy import StreamProxy
from services.api.versions import etag, read_if_match
from services.api.waiting import StoryWaiter, read_preferences
from storyloom.db.pool import Pool
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset
from storyloom.web.authentication import Authenticator
from storyloom.web.exchange import EXCHANGE, read_trace
from storyloom.web.keys import Caller
from storyloom.web.openapi import EVENT_STREAM, Answer, Body, operation
from storyloom.web.past import PastAssets
from storyloom.web.problems import Problem, not_found
from storyloom.web.stream_tokens import add_token

STORIES = f"{BASE}/stories"
STORY = f"{STORIES}/{{id}}"
_STORED: Mapping[str | None, tuple[str, ...]] = {None: ("image", "audio", "pdf"), TAGGED: ("audio",), "vtt": ("vtt",)}
"""By the part that is asked for: what a result calls the object."""
STREAM_EXAMPLE = """\
retry: 2000

id: 1
event: snapshot
data: {"seq":1,"status":"generating","assetGenerationStatus":{"overall":"generating","assets":{}}}

id: 3
event: outline
data: {"title":"The Lantern","logline":"A fox looks for her lantern, and finds a friend."}

id: 30
event: story
data: {"overall":"ready","completedAt":"2026-01-01T12:00:00.000Z"}

event: end
data: {}

"""


@dataclass(frozen=True, slots=True)
class Routes:
    """The handlers. None of them can be called without a caller: ``table`` wraps each in its authentication.

    Commands are answered with 202: they are accepted, and what they change is published on the progress stream.
    """

    pool: Pool
    keys: Authenticator
    limiter: RequestLimiter
    commands: Commands
    eraser: Eraser
    objects: Objects
    streams: StreamProxy
    status_url: str | None
    estimates: Estimates
    waiter: StoryWaiter
    past: PastAssets

    def table(self) -> list[web.RouteDef]:
        """Every operation as a route, behind the authentication that it declares."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "POST",
        STORIES,
        "createStory",
        tag="Stories",
        scope="stories:write",
        parameters=[IDEMPOTENCY_KEY, PREFER, TRACEPARENT],
        body=Body(CreateStory, {"short": SHORT_BRIEF, "full": FULL_BRIEF, "textOnly": BIRTHDAY_BRIEF}),
        answers=[
            Answer(
                201,
                "The whole story, where it was waited for and has ended, however it did.",
                Story,
                headers=(LOCATION, REPLAYED, PREFERENCE_APPLIED, ETAG),
            ),
            Answer(
                202,
                "The story, which is generating.",
                CreatedStory,
                headers=(LOCATION, REPLAYED, PREFERENCE_APPLIED),
            ),
        ],
        problems=[
            "bad_idempotency_key",
            "bad_brief",
            "topic_refused",
            "brief_flagged",
            "previous_story_not_found",
            "previous_story_not_ready",
            "key_reused",
            "stories_of_the_day_spent",
            "money_cap_reached",
        ],
    )
    async def create(self, request: web.Request, caller: Caller) -> web.Response:
        """Create a story from a brief.

        It is made in the background: follow its `events`, or read it again. With `Prefer: wait=30` the answer is the
        whole story, if it ends within so many seconds.
        """
        key, preferences = read_idempotency_key(request), read_preferences(request)
        brief = await read_brief(request)
        created = await self.commands.create(caller, brief, trace=read_trace(request), idempotency_key=key)
        row = await repository.get_row(self.pool, caller, created.id)
        headers = {
            "Location": f"{BASE}/stories/{created.id}",
            **replayed(created.replayed),
            **preferences.applied,
        }
        if preferences.seconds:

            async def has_ended() -> bool:
                nonlocal row
                row = await repository.get_row(self.pool, caller, created.id)
                return bool(row["status"] != "generating")

            await self.waiter.wait(request, created.id, preferences.seconds, has_ended)
            if row["status"] != "generating":
                whole, results = await repository.get_story(self.pool, caller, created.id)
                body = await self._resource(whole, results)
                return json_response(body, status=201, headers=headers | {"ETag": etag(whole)})
        answer: CreatedStory = {**story_reference(row), "estimate": await self.estimates.of(brief.assets)}
        return json_response(answer, status=202, headers=headers)

    @operation(
        "GET",
        STORIES,
        "listStories",
        tag="Stories",
        scope="stories:read",
        parameters=[STATUSES, TYPE, SINCE, LIMIT, CURSOR],
        answers=[Answer(200, "A page of stories.", StoryPage)],
        problems=["bad_limit", "bad_cursor", "bad_filter"],
    )
    async def list(self, request: web.Request, caller: Caller) -> web.Response:
        """List your stories, newest first.

        A page stays what it is while stories are added: go on with `nextCursor` and the same filters.
        """
        page, wanted = read_page(request), read_story_filter(request)
        rows, more = await repository.list_stories(self.pool, caller, page, wanted)
        return json_response(story_page(rows, more=more))

    @operation(
        "GET",
        STORY,
        "getStory",
        tag="Stories",
        scope="stories:read",
        parameters=[STORY_ID, IF_NONE_MATCH],
        answers=[
            Answer(200, "The story.", Story, headers=(ETAG, CACHE_CONTROL)),
            Answer(304, "The client has this version.", headers=(ETAG, CACHE_CONTROL)),
        ],
        problems=["not_found"],
    )
    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """Read a story."""
        row, results = await repository.get_story(self.pool, caller, read_story_id(request))
        tag = etag(row)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return json_response(await self._resource(row, results), headers=headers)

    async def _resource(self, row: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> Story:
        return story_resource(row, results, forecast(row, await self.past.read(), datetime.now(UTC)))

    @operation(
        "GET",
        f"{STORY}/assets/{{asset}}",
        "getAsset",
        tag="Assets",
        scope="stories:read",
        parameters=[STORY_ID, ASSET, PART],
        answers=[
            Answer(200, "`content`: the text. `activities`: all four.", AssetText),
            Answer(302, "All others: go there for the bytes.", headers=(LOCATION, CACHE_CONTROL)),
        ],
        problems=["not_found", "asset_not_ready"],
    )
    async def asset(self, request: web.Request, caller: Caller) -> web.Response:
        """Fetch a ready asset.

        Pictures, the narration and the books are redirects to their bytes, at an address that is valid for some minutes
        and takes `Range`. The tagged narration is one to `getAssetFile`, which asks for your key again.
        """
        story_id, name = read_story_id(request), request.match_info["asset"]
        asset, result = await repository.get_result(self.pool, caller, story_id, name)
        if asset is Asset.ACTIVITIES:
            return json_response(result["activities"])
        if asset is Asset.CONTENT:
            return json_response(content(result))
        part = request.query.get("part")
        stored = stored_object(result, part)
        if part == TAGGED:  # no object is what is answered to it
            url = f"{BASE}/stories/{story_id}/assets/{asset.value}/file?part={TAGGED}"
            return web.Response(status=302, headers={"Location": url, "Cache-Control": "private, no-store"})
        suffix = stored["key"].rsplit(".", 1)[-1]
        url = await self.objects.presign(
            stored["key"], content_type=stored["content_type"], filename=f"{asset.value}.{suffix}"
        )
        return web.Response(status=302, headers={"Location": url, "Cache-Control": "private, no-store"})

    @operation(
        "GET",
        f"{STORY}/events",
        "streamStory",
        tag="Stories",
        scope="stories:read",
        parameters=[STORY_ID, LAST_EVENT_ID, AFTER, TOKEN],
        answers=[
            Answer(
                200,
                "The stream.",
                str,
                EVENT_STREAM,
                (CACHE_CONTROL,),
                items=StreamItem,
                examples={"aStory": STREAM_EXAMPLE},
            ),
            Answer(204, "The story has ended, and the client has read its last event."),
        ],
        problems=["token_unknown", "not_found", "stream_away", "stream_elsewhere"],
    )
    async def events(self, request: web.Request, _caller: Caller) -> web.StreamResponse:
        """Follow a story as it is made, by server-sent events.

        An event's `id` is its place in the story: reconnect with the last as `Last-Event-ID`, and nothing is missed.
        `progress` events have none. A comment line comes every 15 seconds. After `end` a reconnect gets 204.
        """
        # Not used where an ingress routes this path to the status service itself.
        if self.status_url is None:
            raise Problem(501, "stream_elsewhere", "The progress stream is not connected to this API.")
        return await self.streams.forward(request, f"{self.status_url}{BASE}/stories/{read_story_id(request)}/events")

    @operation(
        "POST",
        f"{STORY}/events-token",
        "createEventsToken",
        tag="Stories",
        scope="stories:read",
        parameters=[STORY_ID],
        answers=[Answer(200, "The token.", EventsToken)],
        problems=["not_found"],
    )
    async def events_token(self, request: web.Request, caller: Caller) -> web.Response:
        """Make a token that opens the story's `events`, for a browser.

        It is valid for five minutes, for this story's stream alone. What it has opened ends with the key, and not with
        the token.
        """
        story_id = read_story_id(request)
        made = await add_token(self.pool, caller, story_id)
        exchange = request.get(EXCHANGE)
        return json_response(events_token(story_id, made, exchange.public_url if exchange else ""))

    @operation(
        "POST",
        f"{STORY}/cancel",
        "cancelStory",
        tag="Commands",
        scope="stories:write",
        parameters=[STORY_ID, IDEMPOTENCY_KEY, IF_MATCH],
        answers=[Answer(202, "It will be cancelled, or is already.", CommandAccepted, headers=(REPLAYED,))],
        problems=["bad_idempotency_key", "not_found", "story_ended", "key_reused", "version_mismatch"],
    )
    async def cancel(self, request: web.Request, caller: Caller) -> web.Response:
        """Cancel a story for good.

        What is being made is stopped; finished assets stay.
        """
        key = read_idempotency_key(request)
        result = await self.commands.cancel(caller, read_story_id(request), key, match=read_if_match(request))
        return json_response(accepted_command(result), status=202, headers=replayed(result.replayed))

    @operation(
        "POST",
        f"{STORY}/approve",
        "approveStory",
        tag="Commands",
        scope="stories:write",
        parameters=[STORY_ID, IDEMPOTENCY_KEY],
        body=Body(ApproveBody, {"text": {"textVersion": "8f14e45fceea167a"}}),
        answers=[Answer(202, "What waits for it will be made, or is already.", CommandAccepted)],
        problems=[
            "bad_idempotency_key",
            "not_found",
            "approval_not_awaited",
            "text_changed",
            "story_cancelled",
            "bad_body",
            "key_reused",
            "money_cap_reached",
        ],
    )
    async def approve(self, request: web.Request, caller: Caller) -> web.Response:
        """Approve the text of a story that was created with `"approval": "required"`.

        Pictures, narration and book begin, which waited for it. `textVersion` says which text was read.
        """
        key = read_idempotency_key(request)
        body = await read_body(request, ApproveBody)
        result = await self.commands.approve(caller, read_story_id(request), body.text_version, key)
        return json_response(accepted_command(result), status=202)

    @operation(
        "POST",
        f"{STORY}/assets/retry",
        "retryAssets",
        tag="Commands",
        scope="stories:write",
        parameters=[STORY_ID, IDEMPOTENCY_KEY, IF_MATCH],
        body=Body(RetryBody, {"all": {}, "some": {"assets": ["cover"]}}, required=False),
        answers=[Answer(202, "They will be retried.", CommandAccepted, headers=(REPLAYED,))],
        problems=[
            "bad_idempotency_key",
            "not_found",
            "nothing_failed",
            "money_cap_reached",
            "asset_not_failed",
            "story_cancelled",
            "bad_body",
            "key_reused",
            "version_mismatch",
        ],
    )
    async def retry(self, request: web.Request, caller: Caller) -> web.Response:
        """Retry failed assets, and what depends on them."""
        key = read_idempotency_key(request)
        body = await read_body(request, RetryBody)
        match = read_if_match(request)
        result = await self.commands.retry(caller, read_story_id(request), body.assets, key, match=match)
        return json_response(accepted_command(result), status=202, headers=replayed(result.replayed))

    @operation(
        "POST",
        f"{STORY}/assets/{{asset}}/regenerate",
        "regenerateAsset",
        tag="Commands",
        scope="stories:write",
        parameters=[STORY_ID, ASSET, IDEMPOTENCY_KEY, IF_MATCH],
        body=Body(RegenerateBody, {"anew": {}, "hint": {"hint": "make the fox bigger"}}, required=False),
        answers=[Answer(202, "It will be made anew.", CommandAccepted, headers=(REPLAYED,))],
        problems=[
            "bad_idempotency_key",
            "not_found",
            "asset_being_made",
            "story_cancelled",
            "key_reused",
            "regenerations_spent",
            "money_cap_reached",
            "version_mismatch",
            "bad_body",
            "topic_refused",
            "hint_flagged",
            "hint_not_possible",
            "moderation_away",
        ],
    )
    async def regenerate(self, request: web.Request, caller: Caller) -> web.Response:
        """Make another version of an asset, and of whatever is made from it.

        A `hint` says what is wanted of pictures, `content` and `activities`. It is moderated first, and holds until the
        asset is asked for anew: without a hint it is made from the brief alone.
        """
        key, name = read_idempotency_key(request), request.match_info["asset"]
        match, body = read_if_match(request), await read_body(request, RegenerateBody)
        result = await self.commands.regenerate(caller, read_story_id(request), name, key, hint=body.hint, match=match)
        return json_response(accepted_command(result), status=202, headers=replayed(result.replayed))

    @operation(
        "PUT",
        f"{STORY}/scenes/{{scene}}/text",
        "editText",
        tag="Commands",
        scope="stories:write",
        parameters=[STORY_ID, SCENE, IDEMPOTENCY_KEY, IF_MATCH],
        body=Body(
            EditBody,
            {
                "text": {"text": "The fox found her lantern.\n\nIt was still warm."},
                "paragraphs": {"paragraphs": ["The fox found her lantern."], "altText": "A fox with a lantern."},
            },
        ),
        answers=[
            Answer(200, "This is the scene's text already.", CommandAccepted),
            Answer(202, "It will be the scene's text.", CommandAccepted, headers=(REPLAYED,)),
        ],
        problems=[
            "bad_idempotency_key",
            "not_found",
            "text_not_ready",
            "story_cancelled",
            "bad_body",
            "topic_refused",
            "text_flagged",
            "key_reused",
            "version_mismatch",
            "moderation_away",
        ],
    )
    async def edit(self, request: web.Request, caller: Caller) -> web.Response:
        """Replace a scene's text.

        The words are moderated first. What is made from them (the narration, the book) is made anew. With `If-Match`
        nobody's words are replaced unread.
        """
        key, scene = read_idempotency_key(request), request.match_info["scene"]
        if scene not in {"1", "2", "3", "4"}:
            raise not_found("scene")
        body = await read_body(request, EditBody)
        match = read_if_match(request)
        result = await self.commands.edit(caller, read_story_id(request), int(scene), body.passage(), key, match=match)
        status = 200 if result.event is None else 202
        return json_response(accepted_command(result), status=status, headers=replayed(result.replayed))

    @operation(
        "DELETE",
        STORY,
        "deleteStory",
        tag="Stories",
        scope="stories:write",
        parameters=[STORY_ID],
        answers=[
            Answer(200, "It is erased.", ErasureReceipt),
            Answer(202, "Its rows are erased; erasing the rest goes on.", ErasureReceipt),
        ],
        problems=["not_found"],
    )
    async def delete(self, request: web.Request, caller: Caller) -> web.Response:
        """Erase a story: its rows, its files, its messages.

        Asking again gives the same receipt.
        """
        receipt = await self.eraser.erase(caller, read_story_id(request))
        return json_response(receipt, status=200 if receipt["complete"] else 202)


def read_idempotency_key(request: web.Request) -> str | None:
    """The header Idempotency-Key: the same request with the same key is accepted once. Raises a 400 Problem."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= 200 and key.isascii()):
        raise Problem(400, "bad_idempotency_key", "Idempotency-Key holds 1 to 200 ASCII characters.")
    return key


def replayed(by_key: bool) -> dict[str, str]:
    """The header of an answer to a request that was carried out before, under the same Idempotency-Key."""
    return {"Idempotency-Replayed": "true"} if by_key else {}


def read_story_id(request: web.Request) -> UUID:
    """The id in the path. Raises a 404 Problem for what is not a UUID."""
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise not_found("story") from None


def stored_object(result: Mapping[str, Any], part: str | None) -> Mapping[str, Any]:
    """The object that an asset's result names; ``part``: a part of it, or how it is wanted. Raises a 404 Problem where
    there is none.
    """
    names = _STORED.get(part, ())
    stored: Mapping[str, Any] | None = next((result[name] for name in names if name in result), None)
    if stored is None:
        raise not_found("part of this asset")
    return stored
