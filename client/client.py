"""The typed client of the public API, over httpx."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, cast
from uuid import UUID, uuid4

import httpx

from .downloads import FILES, TAGGED, Download
from .errors import StoryloomError, bad_answer
from .resources import (
    Activity,
    Book,
    CommandAccepted,
    Content,
    CreateStory,
    ErasureReceipt,
    Estimate,
    EventsToken,
    Share,
    ShareList,
    Story,
    StoryBatch,
    StoryPage,
    StoryReceipt,
    StoryReference,
    Usage,
)
from .resuming import ResumeFile
from .stream import StoryEvent, Stream
from .transport import RETRY_SECONDS, Transport, json_of, path_of
from .webhooks import Webhooks

STORY_SECONDS = 1800.0
"""How long a story is waited for, unless the caller says otherwise."""

Brief: TypeAlias = CreateStory | Mapping[str, Any]
"""What a story should be."""
Id: TypeAlias = UUID | str
AssetText: TypeAlias = Content | list[Activity]
"""``content``, or ``activities``."""
Files: TypeAlias = list[tuple[str, int]]
"""Names, and sizes in bytes."""


class StoryloomClient:
    """``async with StoryloomClient(api_url, api_key) as client``. Its methods raise StoryloomError.

    ``api_url`` is the API's origin, like ``http://127.0.0.1:8080``; ``timeout`` the seconds that one request may take.
    Requests that are refused for now (408, 429, 503) or lost on the way are sent again, with growing pauses or as
    ``Retry-After`` says, for ``retry_for`` seconds. Each creation and each command has an idempotency key, by itself
    where none is given, so that it is carried out once. ValueError: address or key cannot be meant.
    """

    def __init__(self, api_url: str, api_key: str, *, timeout: float = 30.0, retry_for: float = RETRY_SECONDS) -> None:
        self._transport = Transport(api_url, api_key, timeout=timeout, retry_for=retry_for)
        self.webhooks = Webhooks(self._transport)
        """Endpoints of yours that are told what happens."""

    def __repr__(self) -> str:
        """Where it asks, never with what."""
        return f"StoryloomClient({self.api_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def api_url(self) -> str:
        """The API's origin."""
        return self._transport.url

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.http.aclose()

    # Stories.

    async def create(
        self, brief: Brief, *, idempotency_key: str | None = None, wait: float | None = None
    ) -> StoryReference:
        """Ask for a story. With an idempotency key, asking again with the same brief answers the same story.

        Without one, another call is another story. ``wait``: seconds (at most 60) that the answer may be held back
        until the story has ended.
        """
        headers = _once(idempotency_key) | {"Prefer": None if wait is None else f"wait={wait:g}"}
        found = await self._transport.read("POST", "/stories", json=dict(brief), headers=headers, wait=wait or 0)
        return cast("StoryReference", found)

    async def create_and_wait(
        self,
        brief: Brief,
        *,
        resume: Path,
        timeout: float = STORY_SECONDS,  # noqa: ASYNC109 - the story's, and an error of its own
        on_created: Callable[[str], object] | None = None,
        on_event: Callable[[StoryEvent], object] | None = None,
    ) -> Story:
        """Ask for a story and wait until it has ended; answer it, in whichever status.

        ``resume`` is a file that holds the request's idempotency key before it is sent, and the story's id as soon as
        it is known: whoever calls this again after a crash, with the same file and brief, waits for the same story,
        and nothing is paid twice. The file is gone once the story has ended. ``on_created`` is called with the id.
        ValueError: the file is another brief's. Raises OSError, too.
        """
        resumed = ResumeFile(resume).read() is not None
        story_id = await self.create_once(brief, resume=resume)
        if on_created is not None:
            on_created(story_id)
        try:
            story = await self.wait(story_id, timeout=timeout, on_event=on_event)
        except StoryloomError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            ResumeFile(resume).done()  # it was erased
            if not resumed:
                raise
            return await self.create_and_wait(
                brief, resume=resume, timeout=timeout, on_created=on_created, on_event=on_event
            )
        ResumeFile(resume).done()
        return story

    async def create_once(self, brief: Brief, *, resume: Path) -> str:
        """Ask for a story as ``create_and_wait`` does, without waiting; answer its id.

        The file stays: as long as it is there, the same brief is the same story. Raises OSError and ValueError, too.
        """
        file = ResumeFile(resume)
        pending = await asyncio.to_thread(file.begin, brief, self.api_url)
        if pending.story_id is not None:
            return pending.story_id
        try:
            story_id = (await self.create(brief, idempotency_key=pending.idempotency_key))["id"]
        except StoryloomError as error:
            if error.status in (400, 401, 403, 413, 422):
                file.done()  # nothing was begun
            raise
        await asyncio.to_thread(file.created, pending, story_id)
        return story_id

    async def wait(
        self,
        story_id: Id,
        *,
        timeout: float = STORY_SECONDS,  # noqa: ASYNC109 - the story's, and an error of its own
        on_event: Callable[[StoryEvent], object] | None = None,
    ) -> Story:
        """The story once it has ended, in whichever status: ``timed_out`` after so many seconds."""
        async with aclosing(self.events(story_id, timeout=timeout)) as events:
            async for event in events:
                if on_event is not None:
                    on_event(event)
        return await self.get(story_id)

    async def create_batch(self, briefs: Sequence[Brief], *, idempotency_key: str | None = None) -> StoryBatch:
        """Ask for up to 100 stories at once; each has its own outcome."""
        body = {"stories": [dict(brief) for brief in briefs]}
        found = await self._transport.read("POST", "/stories/batch", json=body, headers=_once(idempotency_key))
        return cast("StoryBatch", found)

    async def estimate(self, brief: Brief) -> Estimate:
        """What a story would take, in seconds and money, before anything is made."""
        return cast("Estimate", await self._transport.read("POST", "/stories/estimate", json=dict(brief)))

    async def get(self, story_id: Id) -> Story:
        """The story as it is now."""
        return cast("Story", await self._transport.read("GET", _story(story_id)))

    async def get_if_changed(self, story_id: Id, etag: str | None = None) -> tuple[Story, str] | None:
        """The story and its version's tag; None where that is still ``etag``. ``edit_scene`` takes the tag, too."""
        response = await self._transport.ask("GET", _story(story_id), headers={"If-None-Match": etag})
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        return cast("Story", json_of(response)), response.headers.get("ETag", "")

    async def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        story_type: str | None = None,
        since: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> StoryPage:
        """A page of stories, newest first; of one status or some, of one type, created since a time (ISO 8601)."""
        statuses = None if status is None else [status] if isinstance(status, str) else [*status]
        given = {"status": statuses, "type": story_type, "since": since, "limit": str(limit), "cursor": cursor}
        params = {name: value for name, value in given.items() if value is not None}
        return cast("StoryPage", await self._transport.read("GET", "/stories", params=params))

    async def receipt(self, story_id: Id) -> StoryReceipt:
        """What was checked of a story that has ended, by what, and with which outcome.

        The first time that takes some seconds, for which the request is sent again and again. 409
        ``receipt_not_ready`` while the story is being made.
        """
        return cast("StoryReceipt", await self._transport.read("GET", _story(story_id, "receipt")))

    async def delete(self, story_id: Id) -> ErasureReceipt:
        """Erase a story: rows, objects, messages. Safe to call twice; the receipt is the same.

        Where its ``complete`` is false, the rest goes as soon as it can be reached; ask again to see.
        """
        return cast("ErasureReceipt", await self._transport.read("DELETE", _story(story_id)))

    def events(
        self, story_id: Id, *, after: int | None = None, timeout: float | None = STORY_SECONDS
    ) -> AsyncGenerator[StoryEvent, None]:
        """The story's events in order until it has ended, over as many connections as that takes.

        ``after`` is the last seq already seen; ``timeout`` the seconds for all of it (``timed_out``), None for no end.
        A connection that is silent for 45 seconds is given up for another one, all of them after two minutes.
        """
        return Stream(self._transport.http, _story(story_id, "events"), after).events(within=timeout)

    async def events_token(self, story_id: Id) -> EventsToken:
        """A token for a browser's EventSource: for this one story, and some minutes."""
        path = _story(story_id, "events-token")
        return cast("EventsToken", await self._transport.read("POST", path))

    async def usage(self, *, first: str | None = None, last: str | None = None) -> Usage:
        """Stories, assets and cost, by day (UTC, like ``2026-01-31``), from the first to the last of them."""
        params = {name: day for name, day in (("from", first), ("to", last)) if day is not None}
        return cast("Usage", await self._transport.read("GET", "/usage", params=params))

    # Commands: what comes of them is told by the events. ``if_match`` has a command carried out only if the story is
    # still as it was read (``get_if_changed``): else 412 ``version_mismatch``.

    async def cancel(
        self, story_id: Id, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> CommandAccepted:
        """Stop making a story, for good: what runs is dropped, finished assets stay. Safe to call twice.

        409 ``story_ended`` if it has ended otherwise.
        """
        return await self._command("POST", _story(story_id, "cancel"), idempotency_key, if_match)

    async def approve(self, story_id: Id, text_version: str, *, idempotency_key: str | None = None) -> CommandAccepted:
        """Have the pictures, the narration and the book made of a text that waits for a yes.

        ``text_version`` is the one that was read: ``assetGenerationStatus.approval.textVersion`` of the story. 409
        ``text_changed`` where it has changed since.
        """
        body = {"textVersion": text_version}
        return await self._command("POST", _story(story_id, "approve"), idempotency_key, json=body)

    async def retry(
        self,
        story_id: Id,
        assets: Sequence[str] = (),
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CommandAccepted:
        """Try failed assets again, all of them if none is named, with whatever waited on them.

        409 ``nothing_failed``, or ``asset_not_failed`` where one that is named has not.
        """
        body = {"assets": [*assets]} if assets else {}
        return await self._command("POST", _story(story_id, "assets", "retry"), idempotency_key, if_match, json=body)

    async def regenerate(
        self,
        story_id: Id,
        asset: str,
        *,
        hint: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CommandAccepted:
        """Make another version of an asset, and whatever is made from it. 409 ``asset_being_made`` until it is there.

        ``hint`` says what should be otherwise, like ``make the fox bigger``. Every call is a command of its own, unless
        it has the idempotency key of another.
        """
        path = _story(story_id, "assets", asset, "regenerate")
        options = {} if hint is None else {"json": {"hint": hint}}
        return await self._command("POST", path, idempotency_key, if_match, **options)

    async def edit_scene(
        self,
        story_id: Id,
        scene: int,
        text: str | Sequence[str],
        *,
        alt_text: str | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> CommandAccepted:
        """Put other words in the place of a scene's text (1 to 4), and have whatever is made of them made again.

        ``text`` has blank lines between its paragraphs, or is a sequence of them. 422 ``text_flagged`` for what is
        unfit for children, 409 ``text_not_ready`` while the scene is being written.
        """
        body: dict[str, Any] = {"text": text} if isinstance(text, str) else {"paragraphs": [*text]}
        if alt_text is not None:
            body["altText"] = alt_text
        path = _story(story_id, "scenes", scene, "text")
        return await self._command("PUT", path, idempotency_key, if_match, json=body)

    # Assets.

    async def asset_text(self, story_id: Id, asset: str) -> AssetText:
        """An asset that is words: ``content`` or ``activities``."""
        return cast("AssetText", await self._transport.read("GET", _story(story_id, "assets", asset)))

    async def asset_url(self, story_id: Id, asset: str, *, part: str | None = None) -> str:
        """Where an asset's bytes are, for some minutes, for anybody. ``part`` names a by-product, like ``vtt``.

        Of ``tagged`` it is a path of the API, which asks for the key.
        """
        params = {} if part is None else {"part": part}
        response = await self._transport.ask("GET", _story(story_id, "assets", asset), params=params)
        url: str | None = response.headers.get("Location")
        if response.status_code != httpx.codes.FOUND or url is None:
            raise bad_answer(response, "no address")
        return url

    async def download(self, story_id: Id, asset: str, into: Path, *, part: str | None = None) -> int:
        """Fetch an asset into a file, following the redirect to the store; answer its size in bytes.

        The file appears when it is whole. What a connection, or this process, that is cut off has fetched is not
        fetched again. ``part`` names a by-product, like the narration's ``vtt``; ``tagged`` is the narration with the
        cover in its tag. Raises OSError, too.
        """
        path = _story(story_id, "assets", asset)
        try:
            return await Download(self._transport, path, part, into).run()
        except StoryloomError as error:
            if part != TAGGED or error.status != httpx.codes.NOT_FOUND:
                raise
        # An API of an earlier release has the narration without a cover alone.
        return await Download(self._transport, path, None, into).run()

    async def download_all(self, story: Story, folder: Path) -> Files:
        """Fetch all files of a story that are ready, one after the other; their names and sizes in bytes.

        ``downloads.FILES`` has all names. Raises OSError, too.
        """
        assets: Mapping[str, Mapping[str, Any]] = story["assetGenerationStatus"]["assets"]
        ready = {name: one for name, one in FILES.items() if assets.get(one[0], {}).get("status") == "ready"}
        if ready:
            folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - a moment, as every write of a download
        return [
            (name, await self.download(story["id"], asset, folder / name, part=part))
            for name, (asset, part) in ready.items()
        ]

    # For readers.

    async def book(self, story_id: Id) -> Book:
        """A story as it is read: pages, pictures' addresses, the narration with its words; as far as it is made."""
        return cast("Book", await self._transport.read("GET", _story(story_id, "book")))

    async def create_share(self, story_id: Id, *, expires_in_days: int = 30) -> Share:
        """A link that opens the book of this one story, for whoever has it; ``url`` is told this once."""
        body = {"expiresInDays": expires_in_days}
        return cast("Share", await self._transport.read("POST", _story(story_id, "shares"), json=body))

    async def shares(self, story_id: Id) -> ShareList:
        """The links to a story, oldest first, without their secrets."""
        return cast("ShareList", await self._transport.read("GET", _story(story_id, "shares")))

    async def revoke_share(self, story_id: Id, share_id: Id) -> None:
        """Take back a link, for good."""
        await self._transport.ask("DELETE", _story(story_id, "shares", str(share_id)))

    async def pause_shares(self, story_id: Id) -> ShareList:
        """Close the book to who reads it by a link, until its links are resumed."""
        return cast("ShareList", await self._transport.read("POST", _story(story_id, "shares", "pause")))

    async def resume_shares(self, story_id: Id) -> ShareList:
        """Open the book again to who reads it by a link."""
        return cast("ShareList", await self._transport.read("POST", _story(story_id, "shares", "resume")))

    # The API about itself.

    async def openapi(self) -> dict[str, Any]:
        """The API's OpenAPI document, in version 3.1."""
        return cast("dict[str, Any]", await self._transport.read("GET", "/openapi.json"))

    async def openapi_3_2(self) -> dict[str, Any]:
        """The same in version 3.2, which describes each event of the stream, too."""
        return cast("dict[str, Any]", await self._transport.read("GET", "/openapi-3.2.json"))

    async def _command(
        self, method: str, path: str, idempotency_key: str | None, if_match: str | None = None, **options: Any
    ) -> CommandAccepted:
        headers = _once(idempotency_key) | {"If-Match": if_match}
        return cast("CommandAccepted", await self._transport.read(method, path, headers=headers, **options))


def _once(idempotency_key: str | None) -> dict[str, str | None]:
    """A key for each request that creates or changes something: sent again, it is carried out once."""
    return {"Idempotency-Key": str(uuid4()) if idempotency_key is None else idempotency_key}


def _story(story_id: Id, *parts: str | int) -> str:
    return path_of("stories", story_id, *parts)
