"""Commands: what a client asks of stories, validated and written in one transaction, then published.

The rows may lag behind the stream, so that validation is advice to the client. What a command does in the end is
decided where all events are applied (services/status/transitions.py): there one that came too late does nothing.
Its row in command_outbox, and a new story's own row, wait for it to be published: one that NATS did not take is
published again by the reconciler until it is handled.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID, uuid4, uuid5
from weakref import WeakValueDictionary

import structlog

from services.api import repository
from services.api.repository import NewStory, StorySnapshot, public_asset, public_status
from services.api.schemas import Passage
from services.api.screening import Screening
from services.api.sequels import carry_on
from services.api.versions import IfMatch, etag
from storyloom.db.pool import Pool
from storyloom.messaging.connection import BusUnavailableError
from storyloom.messaging.endpoints import EventPublisher
from storyloom.runtime.metrics import COMMANDS
from storyloom.runtime.settings import LimitSettings
from storyloom.story.assets import PICTURES, PUBLIC, TEXTS, Asset
from storyloom.story.brief import Brief
from storyloom.story.editing import SceneEdit
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    CommandEvent,
    SceneTextEdited,
    StoryApproved,
    StoryCancelled,
    story_requested,
)
from storyloom.story.fingerprint import canonical
from storyloom.story.journey import Journey, begin
from storyloom.story.results import Outline, Readability, SceneText
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

HINTED = (Asset.CONTENT, Asset.ACTIVITIES, *PICTURES)
"""The assets that a hint may shape; the others are made from these."""
APPLY_SECONDS = 0.5
"""How long a command's answer waits for what the command does: together with moderation, less than answers may take."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The story's row when a command was accepted, and the command's event; None where nothing had to change.

    ``findings``: what falls short of an edited text. ``replayed``: it was accepted before, under the same key.
    """

    row: Mapping[str, Any]
    event: CommandEvent | None
    findings: tuple[str, ...] | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class CreatedStory:
    """A story that was created; ``replayed``: before, by the same request with the same key."""

    id: UUID
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Commands:
    """Accepts commands. With an idempotency key, the same command again is the same event.

    Every method but ``create`` raises Problems: 404 for a story that is not the caller's, 409 for what its state does
    not allow, 412 where it has another version than ``match`` names, 422 for a key that came with another command
    before, 429 for a retry or a regeneration beyond a limit. What was done already, or need not be done, is answered
    alike whatever the version (RFC 9110, section 13.1.1): a command that is sent again has changed it.
    """

    pool: Pool
    events: EventPublisher
    screening: Screening
    limits: LimitSettings = field(default_factory=LimitSettings)
    creating: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """By tenant: who creates a story just now. Others of the same tenant wait here, not with a connection each."""

    async def create(
        self, caller: Caller, brief: Brief, *, trace: str, idempotency_key: str | None = None
    ) -> CreatedStory:
        """Create a story. With a key, the same brief again is the same story, for a day.

        Raises a Problem: 422 when moderation flags the brief, the key came with another brief before, or there is no
        story that it could be the sequel of (409: not yet), 429 beyond the tenant's stories or money of the day. Beyond
        its concurrent stories the story waits, and status admits it.
        """
        request_hash = hashlib.sha256(canonical(brief.wire())).digest()
        if created := await repository.find_created(self.pool, caller, idempotency_key, request_hash):
            return CreatedStory(created, replayed=True)
        await self.screening.check_brief(brief)
        brief = await carry_on(self.pool, caller, brief)
        story_id = uuid4()
        journey = begin(story_id, caller.tenant_id, trace, brief)
        while (admitted := await self._create(journey, idempotency_key, request_hash)) is None:
            # Another request with the same key committed first; its story may have been erased meanwhile.
            if created := await repository.find_created(self.pool, caller, idempotency_key, request_hash):
                return CreatedStory(created, replayed=True)
            await repository.release_old_key(self.pool, caller, idempotency_key)
        if admitted:  # else status publishes it, once others of the tenant have ended
            try:
                await self.events.publish(story_requested(story_id, caller.tenant_id, trace, datetime.now(UTC)))
            except BusUnavailableError:
                log.warning("story.not_published", story_id=str(story_id))  # the reconciler will publish it
        log.info(
            "story.created",
            story_id=str(story_id),
            story_type=brief.story_type,
            assets=len(journey.assets),
            waits=not admitted,
        )
        return CreatedStory(story_id)

    async def _create(self, journey: Journey, idempotency_key: str | None, request_hash: bytes) -> bool | None:
        """As repository.create_story, which counts under a lock of the tenant's row."""
        async with self.creating.setdefault(journey.tenant_id, asyncio.Lock()):
            return await repository.create_story(
                self.pool,
                journey,
                defaults=self.limits,
                idempotency_key=idempotency_key,
                request_hash=request_hash,
            )

    async def create_stories(self, caller: Caller, stories: Sequence[NewStory]) -> list[bool | Problem | None]:
        """As repository.create_stories, one creation of a tenant at a time."""
        async with self.creating.setdefault(caller.tenant_id, asyncio.Lock()):
            return await repository.create_stories(self.pool, caller.tenant_id, stories, defaults=self.limits)

    async def cancel(
        self, caller: Caller, story_id: UUID, key: str | None, *, match: IfMatch | None = None
    ) -> CommandResult:
        """Stop making the story. One that is cancelled already returns the event that cancelled it."""
        return await self._accept(caller, story_id, Cancel(), key, match)

    async def approve(self, caller: Caller, story_id: UUID, text_version: str, key: str | None) -> CommandResult:
        """Approve the text of that version: what waits for it goes on."""
        return await self._accept(caller, story_id, Approve(text_version), key)

    async def retry(
        self, caller: Caller, story_id: UUID, names: tuple[str, ...], key: str | None, *, match: IfMatch | None = None
    ) -> CommandResult:
        """Retry failed assets, all of them if none is named."""
        return await self._accept(caller, story_id, Retry(names), key, match)

    async def regenerate(
        self,
        caller: Caller,
        story_id: UUID,
        name: str,
        key: str | None,
        *,
        hint: str | None = None,
        match: IfMatch | None = None,
    ) -> CommandResult:
        """Make another version of an asset. A hint is accepted only once moderated: see Screening.check_hint."""
        command = Regenerate(name, hint)
        if hint is not None:
            await self._check_hint(caller, story_id, command, hint, key)
        return await self._accept(caller, story_id, command, key, match)

    async def _check_hint(
        self, caller: Caller, story_id: UUID, command: "Regenerate", hint: str, key: str | None
    ) -> None:
        async with self.pool.acquire() as connection:
            story, results = await repository.take_edit_snapshot(connection, caller, story_id)
            event_id = _event_id(story_id, key)
            if key is not None and await repository.find_command(connection, caller, event_id) is not None:
                return  # it was moderated when it was accepted, or is refused for its key
        command.validate(story, _origin(story, event_id))
        brief = Brief.model_validate(story.row["request"])
        # As if it were a scene's words: an answer about any words is what is asked for.
        names = _names(brief, results.get(Asset.OUTLINE))
        words = SceneEdit(
            scene=1, paragraphs=(hint,), alt_text=hint, age=brief.age, language=brief.language, names=names
        )
        await self.screening.check_hint(words)

    async def edit(
        self,
        caller: Caller,
        story_id: UUID,
        scene: int,
        passage: Passage,
        key: str | None,
        *,
        match: IfMatch | None = None,
    ) -> CommandResult:
        """Replace a scene's text. Unlike a brief, it is accepted only once moderated: see Screening.check_edit."""
        async with self.pool.acquire() as connection:
            story, results = await repository.take_edit_snapshot(connection, caller, story_id)
            accepted = (
                None if key is None else await repository.find_command(connection, caller, _event_id(story_id, key))
            )
        if accepted is not None:
            if not is_edit(accepted, scene, passage.paragraphs, passage.alt_text):
                raise _KEY_REUSED
            return _result(story.row, accepted, replayed=True)
        require_written(story, scene)
        texts = {text.scene: SceneText.model_validate(results[text]) for text in TEXTS if text in results}
        current = texts[scene]
        if current.paragraphs == passage.paragraphs and passage.alt_text in (None, current.alt_text):
            return CommandResult(story.row, None, current.findings)
        if match is not None:
            match.require(etag(story.row))  # before anybody is asked; once more where it is accepted
        brief = story.row["request"]
        edit = SceneEdit(
            scene=scene,
            paragraphs=passage.paragraphs,
            alt_text=passage.alt_text or current.alt_text,
            age=brief["age"],
            language=brief["language"],
            names=_names(Brief.model_validate(brief), results.get(Asset.OUTLINE)),
            others={k: text.text for k, text in texts.items() if k != scene},
        )
        return await self._accept(caller, story_id, Edit(*await self.screening.check_edit(edit)), key, match)

    async def _accept(
        self, caller: Caller, story_id: UUID, command: "Command", key: str | None, match: IfMatch | None = None
    ) -> CommandResult:
        async with self.pool.acquire() as connection, connection.transaction():
            # Locked, so that a deletion comes wholly before or after, and concurrent requests with one key are one.
            story = await repository.take_locked_snapshot(connection, caller, story_id)
            event_id = _event_id(story_id, key)
            accepted = None if key is None else await repository.find_command(connection, caller, event_id)
            if accepted is not None:
                if not command.matches(accepted):
                    raise _KEY_REUSED
                return _result(story.row, accepted, replayed=True)
            event = command.validate(story, _origin(story, event_id))
            if event is None and isinstance(command, Cancel):
                return CommandResult(story.row, await repository.find_cancellation(connection, caller, story_id))
            if match is not None:
                match.require(await repository.read_etag(connection, caller, story_id))
            if event is None:
                return CommandResult(story.row, None)
            if isinstance(command, Approve) and await repository.text_is_changing(connection, caller, story_id):
                raise text_changed()
            if isinstance(command, Retry | Regenerate | Approve):
                more = int(isinstance(command, Regenerate))
                await repository.require_regenerations(connection, caller, story_id, defaults=self.limits, more=more)
            await repository.add_command(connection, caller, event)
        COMMANDS.labels(event=event.event).inc()
        log.info("command.accepted", story_id=str(story_id), command=event.event)
        try:
            await self.events.publish(event)
        except BusUnavailableError:
            log.warning("command.not_published", story_id=str(story_id))  # the reconciler will publish it
            return _result(story.row, event)
        return _result(await self._row_after(caller, story.row, event), event)

    async def _row_after(self, caller: Caller, before: Mapping[str, Any], event: CommandEvent) -> Mapping[str, Any]:
        """The story's row with what the command does: the next read, anywhere, has it too.

        It is waited for as long as it usually takes. While status is away it is not; the story then says that the
        command is pending.
        """
        clock, delay = asyncio.get_running_loop().time, 0.004
        end = clock() + APPLY_SECONDS
        while not await repository.is_applied(self.pool, event.id):
            if clock() > end:
                log.info("command.still_pending", story_id=str(event.story_id))
                return before
            await asyncio.sleep(delay)
            delay = min(2 * delay, 0.1)
        try:
            return await repository.get_row(self.pool, caller, event.story_id)
        except Problem:
            return before  # deleted meanwhile


class Origin(TypedDict):
    """The fields that the event of every command has (storyloom.story.events.Event)."""

    id: str
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


class Command(Protocol):
    """One command on a story that exists; the classes below."""

    def validate(self, story: StorySnapshot, origin: Origin) -> CommandEvent | None:
        """The event to publish; None where the story is so already. Raises a Problem where its state forbids it."""
        ...

    def matches(self, event: CommandEvent) -> bool:
        """Whether an accepted event is of this very command."""
        ...


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop making a story."""

    def validate(self, story: StorySnapshot, origin: Origin) -> StoryCancelled | None:
        if story.status == "cancelled":
            return None
        if story.status != "generating":
            raise Problem(409, "story_ended", f"The story has ended already: it is {story.status}.")
        return StoryCancelled(**origin)

    def matches(self, event: CommandEvent) -> bool:
        return isinstance(event, StoryCancelled)


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve the text of a version."""

    text_version: str

    def validate(self, story: StorySnapshot, origin: Origin) -> StoryApproved | None:
        approval = story.row["asset_generation_status"].get("approval", {})
        story.require_not_cancelled()
        if approval.get("status") not in ("awaited", "given"):
            raise Problem(409, "approval_not_awaited", "Nothing of this story waits to be approved.")
        if approval["textVersion"] != self.text_version:
            raise text_changed()
        if approval["status"] == "given":
            return None
        return StoryApproved(**origin, text_version=self.text_version)

    def matches(self, event: CommandEvent) -> bool:
        return isinstance(event, StoryApproved) and event.text_version == self.text_version


def text_changed() -> Problem:
    """The 409 of an approval of a text that is not the story's any more, or will not be in a moment."""
    return Problem(409, "text_changed", "This is not the story's text any more: read it again, and approve that.")


@dataclass(frozen=True, slots=True)
class Retry:
    """Retry failed assets by their names; all that failed if none is named."""

    names: tuple[str, ...] = ()

    def validate(self, story: StorySnapshot, origin: Origin) -> AssetRetryRequested:
        public = {asset.value: status for asset, status in story.assets.items() if asset in PUBLIC}
        errors = [
            {"pointer": f"/assets/{place}", "detail": "is no asset of this story"}
            for place, name in enumerate(self.names)
            if name not in public
        ]
        if errors:
            raise Problem(422, "bad_body", "The story has no such asset.", errors=errors)
        story.require_not_cancelled()
        if not self.names and "failed" not in public.values():
            raise Problem(409, "nothing_failed", "No asset of this story has failed.")
        others = {name: public_status(public[name]) for name in self.names if public[name] != "failed"}
        if others:
            named = ", ".join(f"{name} is {status}" for name, status in others.items())
            detail = f"Only failed assets can be tried again: {named}."
            raise Problem(409, "asset_not_failed", detail, assets=others)
        return AssetRetryRequested(**origin, assets=self._assets())

    def matches(self, event: CommandEvent) -> bool:
        return isinstance(event, AssetRetryRequested) and event.assets == self._assets()

    def _assets(self) -> tuple[Asset, ...]:
        return tuple(asset for asset in PUBLIC if asset.value in self.names)


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Make another version of an asset, by its name; ``hint``: what is wanted of it."""

    name: str
    hint: str | None = None

    def validate(self, story: StorySnapshot, origin: Origin) -> AssetRegenerateRequested:
        asset = public_asset(self.name)
        if asset is None or asset not in story.assets:
            raise not_found("asset")
        if self.hint is not None and asset not in HINTED:
            detail = f"A hint changes nothing of {self.name}: it is made from what the story has."
            raise Problem(422, "hint_not_possible", detail)
        story.require_not_cancelled()
        if story.assets[asset] not in ("ready", "failed"):
            raise Problem(409, "asset_being_made", f"{self.name} is being made; ask again once it is ready.")
        return AssetRegenerateRequested(**origin, asset=asset, hint=self.hint)

    def matches(self, event: CommandEvent) -> bool:
        return isinstance(event, AssetRegenerateRequested) and (event.asset.value, event.hint) == (self.name, self.hint)


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a scene's text by one that is moderated and measured already."""

    text: SceneText
    whole: Readability | None = None

    def validate(self, story: StorySnapshot, origin: Origin) -> SceneTextEdited:
        require_written(story, self.text.scene)
        return SceneTextEdited(**origin, text=self.text, whole=self.whole)

    def matches(self, event: CommandEvent) -> bool:
        return is_edit(event, self.text.scene, self.text.paragraphs, self.text.alt_text)


def is_edit(event: CommandEvent, scene: int, paragraphs: tuple[str, ...], alt_text: str | None) -> bool:
    """Whether an event edits a scene to these words. Without an alt text any alt text matches."""
    if not isinstance(event, SceneTextEdited):
        return False
    text = event.text
    return (text.scene, text.paragraphs) == (scene, paragraphs) and alt_text in (None, text.alt_text)


def require_written(story: StorySnapshot, scene: int) -> None:
    """Raise a Problem unless the scene's text is ready to be edited."""
    asset = TEXTS[scene - 1]
    if asset not in story.assets:
        raise not_found("scene")
    story.require_not_cancelled()
    if story.assets[asset] != "ready":
        status = public_status(story.assets[asset])
        raise Problem(409, "text_not_ready", f"The text of scene {scene} cannot be edited: it is {status}.")


_KEY_REUSED = Problem(422, "key_reused", "This Idempotency-Key came with another request before.")


def _origin(story: StorySnapshot, event_id: str) -> Origin:
    row = story.row
    return {
        "id": event_id,
        "story_id": row["id"],
        "tenant_id": row["tenant_id"],
        "trace": row["trace"],
        "at": datetime.now(UTC),
    }


def _event_id(story_id: UUID, key: str | None) -> str:
    # Ids of this form are stored and on the stream: an accepted key must be found again by it.
    return f"{story_id}.wish.{uuid4() if key is None else uuid5(story_id, key)}"


def _result(row: Mapping[str, Any], event: CommandEvent, *, replayed: bool = False) -> CommandResult:
    findings = event.text.findings if isinstance(event, SceneTextEdited) else None
    return CommandResult(row, event, findings, replayed)


def _names(brief: Brief, outline: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of all characters in the story."""
    figures = () if outline is None else Outline.model_validate(outline).figures
    return (*brief.names, *(figure.name for figure in figures))
