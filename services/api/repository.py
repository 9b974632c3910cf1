"""What the api reads and writes in Postgres, by the named statements of queries.sql.

Every statement on a story takes the caller's tenant: another tenant's story is one that does not exist.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter

from services.api.limits import TenantLimits, tenant_gone, too_many_regenerations, too_many_stories
from services.api.schemas import Page
from services.api.story_filter import StoryFilter
from services.api.versions import etag
from storyloom.db.pool import Connection, Pool, dumps
from storyloom.db.queries import load_queries
from storyloom.runtime.settings import LimitSettings
from storyloom.story.assets import PUBLIC, TEXTS, Asset
from storyloom.story.events import CommandEvent
from storyloom.story.journey import Journey, document
from storyloom.web.keys import Caller
from storyloom.web.problems import Problem, not_found

RESOURCE_RESULTS = [*(asset.value for asset in TEXTS), *(f"scene_{k}" for k in (1, 2, 3, 4)), Asset.ACTIVITIES.value]
"""The assets whose results the story resource quotes."""
EDIT_RESULTS = [Asset.OUTLINE.value, *(text.value for text in TEXTS)]
"""The assets whose results an edit is checked against."""

Row: TypeAlias = Mapping[str, Any]
"""A row by its columns' names: an asyncpg.Record."""

_COMMAND: TypeAdapter[CommandEvent] = TypeAdapter(CommandEvent)


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.api")


@dataclass(frozen=True, slots=True)
class StorySnapshot:
    """A story's row and the status of each of its assets, at one moment."""

    row: Row
    assets: Mapping[Asset, str]

    @property
    def status(self) -> str:
        """The story's own status."""
        status: str = self.row["status"]
        return status

    def require_not_cancelled(self) -> None:
        """Raise a 409 Problem if the story is cancelled, which is final."""
        if self.status == "cancelled":
            raise Problem(409, "story_cancelled", "The story is cancelled, for good.")


class _KeyUsedError(Exception):
    """Another request with the same Idempotency-Key has committed first."""


async def create_story(
    pool: Pool, journey: Journey, *, defaults: LimitSettings, idempotency_key: str | None, request_hash: bytes
) -> bool | None:
    """Write a story and its pending assets; whether it may begin, or waits for others of its tenant to end.

    None, and nothing written, for a key that is used already. Raises a 429 Problem beyond the tenant's limits, a 401
    Problem where the tenant was deleted.
    """
    try:
        async with pool.acquire() as connection, connection.transaction():
            limits = await _lock_tenant(connection, journey.tenant_id, defaults)
            return await _insert_story(
                connection, journey, limits, idempotency_key=idempotency_key, request_hash=request_hash
            )
    except _KeyUsedError:
        return None


@dataclass(frozen=True, slots=True)
class NewStory:
    """A story to be written, and the key and the hash of the request that it comes from."""

    journey: Journey
    idempotency_key: str | None
    request_hash: bytes


async def create_stories(
    pool: Pool, tenant_id: str, stories: Sequence[NewStory], *, defaults: LimitSettings
) -> list[bool | Problem | None]:
    """Write several stories of a tenant in one transaction: of each what ``create_story`` answers or raises.

    Raises a Problem where none can be created: 429 once the money of the day is spent, 401 without the tenant.
    """
    outcomes: list[bool | Problem | None] = []
    async with pool.acquire() as connection, connection.transaction():
        limits = await _lock_tenant(connection, tenant_id, defaults)
        for one in stories:
            try:
                async with connection.transaction():  # a savepoint: one that fails leaves the others
                    admitted = await _insert_story(
                        connection,
                        one.journey,
                        limits,
                        idempotency_key=one.idempotency_key,
                        request_hash=one.request_hash,
                    )
            except _KeyUsedError:
                outcomes.append(None)
            except Problem as problem:
                outcomes.append(problem)
            else:
                outcomes.append(admitted)
    return outcomes


async def _lock_tenant(connection: Connection, tenant_id: str, defaults: LimitSettings) -> TenantLimits:
    tenant = await queries().lock_tenant(connection, tenant_id=tenant_id)
    if tenant is None:
        raise tenant_gone()
    limits = TenantLimits.of(tenant, defaults)
    limits.require_money()
    return limits


async def _insert_story(
    connection: Connection, journey: Journey, limits: TenantLimits, *, idempotency_key: str | None, request_hash: bytes
) -> bool:
    created = await queries().create_story(
        connection,
        id=journey.story_id,
        tenant_id=journey.tenant_id,
        request=journey.brief.stored(),
        approval=journey.brief.approval,
        priority=journey.brief.priority.value,
        trace=journey.trace,
        document=dumps(document(journey)),
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        assets=[asset.value for asset in journey.assets],
        asset_statuses=[state.status for state in journey.assets.values()],
        concurrent_stories=limits.concurrent_stories,
        stories_per_day=limits.stories_per_day,
    )
    if not created["counted"]:
        raise too_many_stories(limits.stories_per_day)
    if created["id"] is None:
        raise _KeyUsedError  # its story is counted already
    return bool(created["admitted"])


async def require_regenerations(
    connection: Connection, caller: Caller, story_id: UUID, *, defaults: LimitSettings, more: int
) -> None:
    """Raise a 429 Problem if the tenant's money of the day is spent, or the story's regenerations with ``more``."""
    row = await queries().limits_of_story(connection, id=story_id, tenant_id=caller.tenant_id)
    limits = TenantLimits.of(row, defaults)
    limits.require_money()
    if more and row["regenerations"] + more > limits.regenerations_per_story:
        raise too_many_regenerations(limits.regenerations_per_story)


async def find_created(pool: Pool, caller: Caller, idempotency_key: str | None, request_hash: bytes) -> UUID | None:
    """The story that was created under a key within a day. Raises a 422 Problem where it was another brief's."""
    if not idempotency_key:
        return None
    created = (await find_all_created(pool, caller, {idempotency_key: request_hash})).get(idempotency_key)
    if isinstance(created, Problem):
        raise created
    return created


async def find_all_created(pool: Pool, caller: Caller, hashes: Mapping[str, bytes]) -> dict[str, UUID | Problem]:
    """The same for many keys, each with the hash of its request, in one statement."""
    found: dict[str, UUID | Problem] = {}
    async for row in queries().stories_of_idempotency_keys(
        pool, tenant_id=caller.tenant_id, idempotency_keys=list(hashes)
    ):
        key = row["idempotency_key"]
        found[key] = row["id"]
        if row["request_hash"] != hashes[key]:
            found[key] = Problem(422, "key_reused", "This Idempotency-Key came with another brief before.")
    return found


async def release_old_key(pool: Pool, caller: Caller, idempotency_key: str | None) -> None:
    """Have the story of a key that is older than a day give it up, so that another request may take it."""
    await queries().release_old_key(pool, tenant_id=caller.tenant_id, idempotency_key=idempotency_key)


async def get_story(pool: Pool, caller: Caller, story_id: UUID) -> tuple[Row, dict[str, Any]]:
    """A story's row, and its ready results by asset (RESOURCE_RESULTS), of one moment. Raises a 404 Problem."""
    return await _get_with_results(pool, caller, story_id, RESOURCE_RESULTS)


async def get_row(pool: Pool, caller: Caller, story_id: UUID) -> Row:
    """A story's row. Raises a 404 Problem."""
    return await _get_row(pool, caller, story_id)


async def get_rows(pool: Pool, caller: Caller, ids: Collection[UUID]) -> dict[UUID, Row]:
    """The rows of some stories; those that there are not are left out."""
    found = queries().stories(pool, ids=list(ids), tenant_id=caller.tenant_id)
    return {row["id"]: row async for row in found}


async def list_stories(pool: Pool, caller: Caller, page: Page, wanted: StoryFilter) -> tuple[Sequence[Row], bool]:
    """The rows of a page, newest first, and whether more come after it."""
    found = queries().page(
        pool,
        tenant_id=caller.tenant_id,
        before_at=page.before_at,
        before_id=page.before_id,
        limit=page.limit + 1,
        statuses=wanted.statuses_to_search,
        story_type=wanted.story_type,
        since=wanted.since,
    )
    rows = [row async for row in found]
    return rows[: page.limit], len(rows) > page.limit


async def get_result(pool: Pool, caller: Caller, story_id: UUID, name: str) -> tuple[Asset, Mapping[str, Any]]:
    """A public asset's result. Raises a Problem: 404 where there is no such asset, 409 where it is not ready."""
    asset = public_asset(name)
    if asset is None:
        raise not_found("asset")
    row = await queries().asset(pool, id=story_id, tenant_id=caller.tenant_id, asset=name)
    if row is None:
        raise not_found("asset")
    if row["status"] != "ready":
        raise Problem(409, "asset_not_ready", f"{name} is not ready: it is {public_status(row['status'])}.")
    return asset, row["result"]


async def take_locked_snapshot(connection: Connection, caller: Caller, story_id: UUID) -> StorySnapshot:
    """The story and its assets, as they stay until the transaction ends. Raises a 404 Problem."""
    row = await _get_row(connection, caller, story_id, lock=True)
    statuses = queries().asset_statuses(connection, id=story_id, tenant_id=caller.tenant_id)
    return StorySnapshot(row, {Asset(one["asset_type"]): one["status"] async for one in statuses})


async def take_edit_snapshot(
    connection: Connection, caller: Caller, story_id: UUID
) -> tuple[StorySnapshot, dict[Asset, Any]]:
    """The story and its assets, and the ready results that an edit is checked against, all of one moment.

    Raises a 404 Problem.
    """
    row, results = await _get_with_results(connection, caller, story_id, EDIT_RESULTS)
    statuses = {Asset(name): found["status"] for name, found in row["assets"].items()}
    return StorySnapshot(row, statuses), {Asset(name): result for name, result in results.items()}


async def read_etag(connection: Connection, caller: Caller, story_id: UUID) -> str:
    """The tag of the story's resource. Raises a 404 Problem."""
    row, _ = await _get_with_results(connection, caller, story_id, [])
    return etag(row)


async def is_applied(pool: Pool, event_id: str) -> bool:
    """Whether what a command does has been done, or it came too late to do anything."""
    return bool(await queries().is_applied(pool, event_id=event_id))


async def find_command(connection: Connection, caller: Caller, event_id: str) -> CommandEvent | None:
    """The event of a command that was accepted before."""
    row = await queries().command(connection, event_id=event_id, tenant_id=caller.tenant_id)
    return None if row is None else _COMMAND.validate_python(row["event"])


async def text_is_changing(connection: Connection, caller: Caller, story_id: UUID) -> bool:
    """Whether a command was accepted that may change the story's text, and is not applied yet."""
    return bool(await queries().text_changes(connection, id=story_id, tenant_id=caller.tenant_id))


async def find_cancellation(connection: Connection, caller: Caller, story_id: UUID) -> CommandEvent | None:
    """The newest cancellation of a story."""
    row = await queries().last_cancellation(connection, id=story_id, tenant_id=caller.tenant_id)
    return None if row is None else _COMMAND.validate_python(row["event"])


async def add_command(connection: Connection, caller: Caller, event: CommandEvent) -> None:
    """Write a command's event into command_outbox, from where the reconciler publishes it if the api could not."""
    await queries().add_command(
        connection, event_id=event.id, id=event.story_id, tenant_id=caller.tenant_id, event=event.body.decode()
    )


def public_asset(name: str) -> Asset | None:
    """The asset of this name, if clients may name it."""
    return next((asset for asset in PUBLIC if asset.value == name), None)


def public_status(status: str) -> str:
    """An asset's status as a client reads it in a sentence."""
    return status if status in ("ready", "failed", "cancelled") else "being made"


async def _get_row(database: Pool | Connection, caller: Caller, story_id: UUID, *, lock: bool = False) -> Row:
    select = queries().story_locked if lock else queries().story
    row: Row | None = await select(database, id=story_id, tenant_id=caller.tenant_id)
    if row is None:
        raise not_found("story")
    return row


async def _get_with_results(
    database: Pool | Connection, caller: Caller, story_id: UUID, assets: list[str]
) -> tuple[Row, dict[str, Any]]:
    row: Row | None = await queries().story_with_results(
        database, id=story_id, tenant_id=caller.tenant_id, assets=assets
    )
    if row is None:
        raise not_found("story")
    found = row["assets"].items()
    return row, {name: one["result"] for name, one in found if one["result"] is not None}
