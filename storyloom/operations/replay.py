"""Replaying dead letters. Safe to do twice: a command has the same id every time, and the inbox drops a repeated event.

An asset that failed is retried, as a client may retry it: a row in ``command_outbox``, then the event, which the
reconciler publishes again if it is lost. An event that the projector dead-lettered is published again as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record
from pydantic import ValidationError

from storyloom.messaging.connection import BusUnavailableError
from storyloom.operations.dead_letters import Entry
from storyloom.operations.sources import Connections, queries
from storyloom.story.assets import Asset
from storyloom.story.events import EVENT, AssetRetryRequested
from storyloom.story.journey import SETTLED

UNREADABLE = "cannot be replayed: no job can be read in it; if the asset failed, let its client retry it"
BATCH_SIZE = 500
"""Dead letters that are replayed together."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of one dead letter. ``done``: something was published; ``message`` is a sentence for people."""

    entry: Entry
    done: bool
    message: str


async def replay(connections: Connections, entries: Sequence[Entry]) -> list[Replay]:
    """Replay what can be replayed; answer of each what became of it. Raises UnavailableError."""
    found: list[Replay] = []
    for start in range(0, len(entries), BATCH_SIZE):
        some = entries[start : start + BATCH_SIZE]
        found += [Replay(one, done=False, message=UNREADABLE) for one in some if one.letter.kind == "unreadable"]
        found += await _retry(connections, [one for one in some if one.letter.kind == "job"])
        for one in some:
            if one.letter.kind == "event":
                found.append(await _republish(connections, one))
    return sorted(found, key=lambda one: one.entry.id)


@dataclass(frozen=True, slots=True)
class _Command:
    """The command that a dead letter is replayed by."""

    entry: Entry
    story_id: UUID
    asset: Asset

    @property
    def id(self) -> str:
        return f"{self.story_id}.wish.dead-{self.entry.id}"


async def _retry(connections: Connections, entries: Sequence[Entry]) -> list[Replay]:
    """Retry the assets of some dead letters: one command an asset, however many letters it has."""
    answers: list[Replay] = []
    commands: dict[tuple[UUID, Asset], _Command] = {}
    for one in entries:
        try:
            command = _Command(one, UUID(one.letter.story), Asset(one.letter.asset))
        except ValueError:
            answers.append(Replay(one, done=False, message="names no asset of a story"))
            continue
        earlier = commands.get((command.story_id, command.asset))
        if earlier is not None:
            answers.append(Replay(earlier.entry, done=False, message=f"is the same asset as letter {one.id}"))
        commands[command.story_id, command.asset] = command
    return answers + await _add_commands(connections, list(commands.values()))


async def _add_commands(connections: Connections, commands: Sequence[_Command]) -> list[Replay]:
    if not commands:
        return []
    columns = {
        "ids": [command.id for command in commands],
        "story_ids": [command.story_id for command in commands],
        "assets": [command.asset.value for command in commands],
    }
    states = {row["id"]: row async for row in queries().states_of(connections.pool, **columns)}
    refused = {one.id: why for one in commands if (why := _refusal(states.get(one.id))) is not None}
    answers = [Replay(one.entry, done=False, message=refused[one.id]) for one in commands if one.id in refused]
    able = [command for command in commands if command.id not in refused]
    events = [_event_of(command, states[command.id]) for command in able]
    made = queries().insert_commands(
        connections.pool,
        ids=[command.id for command in able],
        story_ids=[command.story_id for command in able],
        assets=[command.asset.value for command in able],
        events=[event.body.decode() for event in events],
    )
    new = {row["event_id"] async for row in made}
    delayed = await _publish(connections, [event for event in events if event.id in new])
    for command in able:
        said = f"{command.asset.value} will be retried{delayed}" if command.id in new else "changed in the meantime"
        answers.append(Replay(command.entry, done=command.id in new, message=said))
    return answers


async def _publish(connections: Connections, events: Sequence[AssetRetryRequested]) -> str:
    try:
        await connections.bus.publish_events(*events)
    except BusUnavailableError:
        return "; NATS is unavailable, the reconciler publishes it later"  # the command has its row
    return ""


def _refusal(state: Record | None) -> str | None:
    """Why an asset cannot be retried, None if it can."""
    if state is None:
        return "its story was deleted"
    if state["requested_at"] is not None:
        return f"was replayed already, at {state['requested_at']:%Y-%m-%d %H:%M:%S} UTC"
    if state["story_status"] == "cancelled":
        return "its story is cancelled"
    if state["status"] is None:
        return "its story has no such asset"
    if state["status"] != "failed":
        return f"the asset is {state['status']} now: there is nothing to retry"
    return None


def _event_of(command: _Command, state: Record) -> AssetRetryRequested:
    return AssetRetryRequested(
        id=command.id,
        story_id=command.story_id,
        tenant_id=state["tenant_id"],
        trace=state["trace"],
        at=datetime.now(UTC),
        assets=(command.asset,),
    )


async def _republish(connections: Connections, entry: Entry) -> Replay:
    """Publish a dead-lettered event again, as it is: the projector applies it once, whatever happens."""
    try:
        event = EVENT.validate_json(str(entry.body.get("event", "")))
    except ValidationError:
        return Replay(entry, done=False, message="the event cannot be read by this version either")
    asset = getattr(event, "asset", None)
    rows = queries().states_of(
        connections.pool, ids=[event.id], story_ids=[event.story_id], assets=[asset.value if asset else ""]
    )
    state = {row["id"]: row async for row in rows}.get(event.id)
    if state is None:
        return Replay(entry, done=False, message="its story was deleted")
    await connections.bus.republish(event)
    said = f"{type(event).__name__} is published again"
    if state["status"] in SETTLED:
        said += f", but has no effect: {state['asset_type']} is {state['status']}"
    return Replay(entry, done=True, message=said)
