"""Commands: what a client may want of a story that exists, checked and written down in one transaction, then published.

The rows may be behind what is on its way, so that the checks are advice to the client. What a command does in the end
is decided where all events are applied (services/status/transitions.py): there one that came too late does nothing.
Its row is its own outbox: one that the bus did not take is published again by the reconciler until it is handled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypedDict
from uuid import UUID, uuid4, uuid5

import structlog
from nats.errors import Error as NatsError
from pydantic import TypeAdapter, ValidationError

from services.api.repository import queries
from services.api.schemas import Passage
from storyloom.db.pool import Connection, Pool
from storyloom.messaging.connection import BusUnavailableError
from storyloom.messaging.endpoints import EventPublisher, Question
from storyloom.runtime.metrics import COMMANDS
from storyloom.story.assets import PUBLIC, TEXTS, Asset
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    CommandEvent,
    SceneTextEdited,
    StoryCancelled,
)
from storyloom.story.results import Outline, Readability, SceneText
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found


class Origin(TypedDict):
    """What every wish carries (storyloom.story.events.Event)."""

    id: str
    story_id: UUID
    tenant_id: str
    trace: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StorySnapshot:
    """A story as its rows say: its own row, and the status of each of its assets."""

    row: Mapping[str, Any]
    assets: Mapping[Asset, str]

    @property
    def status(self) -> str:
        status: str = self.row["status"]
        return status

    def must_not_be_cancelled(self) -> None:
        """Raise a 409 Problem if the story is cancelled, which is final."""
        if self.status == "cancelled":
            raise Problem(409, "story_cancelled", "The story is cancelled, for good.", retryable=False)


class Command(Protocol):
    """One thing that a client wants; the classes below."""

    def validate(self, standing: StorySnapshot, origin: Origin) -> CommandEvent | None:
        """The wish to tell; None where the story is so already. Raises a Problem where it cannot be."""
        ...

    def is_same(self, wish: CommandEvent) -> bool:
        """Whether a wish is this very want."""
        ...


@dataclass(frozen=True, slots=True)
class Cancel:
    """No more of it."""

    def validate(self, standing: StorySnapshot, origin: Origin) -> StoryCancelled | None:
        if standing.status == "cancelled":
            return None
        if standing.status != "generating":
            detail = f"The story has ended already: it is {standing.status}."
            raise Problem(409, "story_ended", detail, retryable=False)
        return StoryCancelled(**origin)

    def is_same(self, wish: CommandEvent) -> bool:
        return isinstance(wish, StoryCancelled)


@dataclass(frozen=True, slots=True)
class Retry:
    """Another try at assets that failed, by their names; at all of them if none is named."""

    names: tuple[str, ...] = ()

    def validate(self, standing: StorySnapshot, origin: Origin) -> AssetRetryRequested:
        public = {asset.value: status for asset, status in standing.assets.items() if asset in PUBLIC}
        errors = [
            {"pointer": f"/assets/{place}", "detail": "is no asset of this story"}
            for place, name in enumerate(self.names)
            if name not in public
        ]
        if errors:
            raise Problem(422, "bad_body", "The story has no such asset.", errors=errors)
        standing.must_not_be_cancelled()
        if not self.names and "failed" not in public.values():
            raise Problem(409, "nothing_failed", "No asset of this story has failed.", retryable=False)
        sound = {name: _told(public[name]) for name in self.names if public[name] != "failed"}
        if sound:
            told = ", ".join(f"{name} is {status}" for name, status in sound.items())
            raise Problem(
                409,
                "asset_not_failed",
                f"Only failed assets can be tried again: {told}.",
                retryable=False,
                assets=sound,
            )
        return AssetRetryRequested(**origin, assets=self._assets())

    def is_same(self, wish: CommandEvent) -> bool:
        return isinstance(wish, AssetRetryRequested) and wish.assets == self._assets()

    def _assets(self) -> tuple[Asset, ...]:
        return tuple(asset for asset in PUBLIC if asset.value in self.names)


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Another version of an asset, by its name."""

    name: str

    def validate(self, standing: StorySnapshot, origin: Origin) -> AssetRegenerateRequested:
        asset = next((asset for asset in PUBLIC if asset.value == self.name), None)
        if asset is None or asset not in standing.assets:
            raise not_found("asset")
        standing.must_not_be_cancelled()
        if standing.assets[asset] not in ("ready", "failed"):
            raise Problem(409, "asset_being_made", f"{self.name} is being made; ask again once it is ready.")
        return AssetRegenerateRequested(**origin, asset=asset)

    def is_same(self, wish: CommandEvent) -> bool:
        return isinstance(wish, AssetRegenerateRequested) and wish.asset.value == self.name


@dataclass(frozen=True, slots=True)
class Edit:
    """A scene's text as it is to be, judged already."""

    text: SceneText
    whole: Readability | None = None

    def validate(self, standing: StorySnapshot, origin: Origin) -> SceneTextEdited:
        must_be_written(standing, self.text.scene)
        return SceneTextEdited(**origin, text=self.text, whole=self.whole)

    def is_same(self, wish: CommandEvent) -> bool:
        return is_edit(wish, self.text.scene, self.text.paragraphs, self.text.alt_text)


def is_edit(wish: CommandEvent, scene: int, paragraphs: tuple[str, ...], alt_text: str | None) -> bool:
    """Whether a wish is the edit of a scene to these words. Without an alt text it is whichever the scene had."""
    if not isinstance(wish, SceneTextEdited):
        return False
    text = wish.text
    return (text.scene, text.paragraphs) == (scene, paragraphs) and alt_text in (None, text.alt_text)


def must_be_written(standing: StorySnapshot, scene: int) -> None:
    """Raise a Problem unless the scene's text is there to be edited."""
    asset = TEXTS[scene - 1]
    if asset not in standing.assets:
        raise not_found("scene")
    standing.must_not_be_cancelled()
    if standing.assets[asset] != "ready":
        status = _told(standing.assets[asset])
        raise Problem(409, "text_not_ready", f"The text of scene {scene} cannot be edited: it is {status}.")


def _told(status: str) -> str:
    return status if status in ("ready", "failed", "cancelled") else "being made"


log = structlog.get_logger()

_WISH: TypeAdapter[CommandEvent] = TypeAdapter(CommandEvent)
_READ_BY_AN_EDIT = [Asset.OUTLINE.value, *(text.value for text in TEXTS)]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The story as it stood when the wish was taken, and the wish; None where nothing had to change.

    ``findings``: what falls short of an edited text.
    """

    row: Mapping[str, Any]
    wish: CommandEvent | None
    findings: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Commands:
    """Takes wishes. With an idempotency ``key``, asking again for the same is the same wish.

    Every method raises Problems: 404 for what is not the caller's, 409 for what cannot be now, 422 for a key that came
    with another wish before.
    """

    pool: Pool
    events: EventPublisher
    editing: Question[EditVerdict]
    judging_seconds: float

    async def cancel(self, who: Caller, story_id: UUID, key: str | None) -> CommandResult:
        """Stop making the story. A story that is cancelled already is answered by the wish that did it."""
        return await self._take(who, story_id, Cancel(), key)

    async def retry(self, who: Caller, story_id: UUID, names: tuple[str, ...], key: str | None) -> CommandResult:
        """Try failed assets again, all of them if none is named."""
        return await self._take(who, story_id, Retry(names), key)

    async def regenerate(self, who: Caller, story_id: UUID, name: str, key: str | None) -> CommandResult:
        """Make another version of an asset."""
        return await self._take(who, story_id, Regenerate(name), key)

    async def edit(self, who: Caller, story_id: UUID, scene: int, passage: Passage, key: str | None) -> CommandResult:
        """Put a client's words in the place of a scene's text. Unlike a brief, they are taken only once judged.

        Raises 422 for words that moderation flags, 503 where it does not answer.
        """
        async with self.pool.acquire() as connection:
            standing = await _standing(connection, who, story_id, lock=False)
            known = await _known(connection, story_id, key)
            found = queries().results(connection, id=story_id, assets=_READ_BY_AN_EDIT)
            results = {Asset(row["asset_type"]): row["result"] async for row in found}
        if known is not None:
            if not is_edit(known, scene, passage.paragraphs, passage.alt_text):
                raise _KEY_REUSED
            return _granted(standing.row, known)
        must_be_written(standing, scene)
        texts = {text.scene: SceneText.model_validate(results[text]) for text in TEXTS if text in results}
        now = texts[scene]
        if now.paragraphs == passage.paragraphs and passage.alt_text in (None, now.alt_text):
            return CommandResult(standing.row, None, now.findings)
        names = _cast(Brief.model_validate(standing.row["request"]), results.get(Asset.OUTLINE))
        brief = standing.row["request"]
        edit = SceneEdit(
            scene=scene,
            paragraphs=passage.paragraphs,
            alt_text=passage.alt_text or now.alt_text,
            age=brief["age"],
            language=brief["language"],
            names=names,
            others={k: text.text for k, text in texts.items() if k != scene},
        )
        verdict = await self._judge(edit)
        return await self._take(who, story_id, verdict, key)

    async def _take(self, who: Caller, story_id: UUID, want: Command, key: str | None) -> CommandResult:
        async with self.pool.acquire() as connection, connection.transaction():
            # Locked, so that a deletion comes wholly before or after, and the same key twice at once is one wish.
            standing = await _standing(connection, who, story_id, lock=True)
            known = await _known(connection, story_id, key)
            if known is not None:
                if not want.is_same(known):
                    raise _KEY_REUSED
                return _granted(standing.row, known)
            wish = want.validate(standing, _origin(standing, key))
            if wish is None:
                before = await queries().last_cancellation(connection, story_id=story_id)
                return CommandResult(standing.row, before and _WISH.validate_python(before["event"]))
            await queries().add_wish(connection, event_id=wish.id, story_id=story_id, event=wish.body.decode())
        COMMANDS.labels(event=wish.event).inc()
        log.info("wish.taken", story_id=str(story_id), wish=wish.event)
        try:
            await self.events.publish(wish)
        except BusUnavailableError:
            log.warning("wish.untold", story_id=str(story_id))  # the reconciler will tell it
        return _granted(standing.row, wish)

    async def _judge(self, edit: SceneEdit) -> Edit:
        """Ask the content service. What nobody has moderated is not told: no answer is a refusal for now."""
        try:
            verdict = await self.editing.ask(edit, timeout=self.judging_seconds)
        except (NatsError, TimeoutError, ValidationError) as error:
            log.warning("wish.unjudged", error=type(error).__name__)
            detail = "The words cannot be judged just now; try again."
            raise Problem(503, "moderation_away", detail, headers={"Retry-After": "2"}) from None
        if verdict.flagged or verdict.text is None:
            named = ", ".join(verdict.categories) or "what is unfit for children"
            detail = f"These words cannot be told to children: they were flagged for {named}."
            raise Problem(422, "text_flagged", detail, categories=list(verdict.categories))
        return Edit(verdict.text, verdict.whole)


_KEY_REUSED = Problem(422, "key_reused", "This Idempotency-Key came with another wish before.")


async def _standing(connection: Connection, who: Caller, story_id: UUID, *, lock: bool) -> StorySnapshot:
    """The story as it stands. Raises a 404 Problem for what is not the caller's."""
    ask = queries().story_locked if lock else queries().story
    row = await ask(connection, id=story_id, tenant_id=who.tenant_id)
    if row is None:
        raise not_found("story")
    statuses = queries().asset_statuses(connection, story_id=story_id)
    return StorySnapshot(row, {Asset(one["asset_type"]): one["status"] async for one in statuses})


async def _known(connection: Connection, story_id: UUID, key: str | None) -> CommandEvent | None:
    """The wish that was taken under this key before."""
    if key is None:
        return None
    row = await queries().wish(connection, event_id=_event_id(story_id, key))
    return None if row is None else _WISH.validate_python(row["event"])


def _origin(standing: StorySnapshot, key: str | None) -> Origin:
    row = standing.row
    return {
        "id": _event_id(row["id"], key),
        "story_id": row["id"],
        "tenant_id": row["tenant_id"],
        "trace": row["trace"],
        "at": datetime.now(UTC),
    }


def _event_id(story_id: UUID, key: str | None) -> str:
    return f"{story_id}.wish.{uuid4() if key is None else uuid5(story_id, key)}"


def _granted(row: Mapping[str, Any], wish: CommandEvent) -> CommandResult:
    return CommandResult(row, wish, wish.text.findings if isinstance(wish, SceneTextEdited) else None)


def _cast(brief: Brief, outline: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of all who are in the story."""
    plan = None if outline is None else Outline.model_validate(outline)
    figures = () if plan is None else (plan.companion, plan.helper)
    heroes = [character.name for character in brief.characters]
    return (*heroes, *(figure.name for figure in figures if figure))
