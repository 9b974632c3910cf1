"""Replaying dead letters. Twice is no harm: a wish has the same id every time, and the projector knows its events.

An asset that failed is wanted again by the operator, as a client may want it: a row in ``wishes``, then the event,
which the reconciler tells again if it is lost. An event that the projector buried is told again as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import Record
from pydantic import ValidationError

from ops.connections import Reach
from ops.letters import Entry
from ops.sql import queries
from storyloom.messaging.connection import BusUnavailableError
from storyloom.story.assets import Asset
from storyloom.story.events import EVENT, AssetRetryRequested
from storyloom.story.journey import SETTLED

UNREADABLE = "cannot be replayed: no job can be read in it; if the asset failed, a retry of it makes it again"
MOST = 500
"""Letters that are replayed together."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of one letter. ``done``: something was set going; ``said`` is a sentence for people."""

    entry: Entry
    done: bool
    said: str


async def replay(reach: Reach, entries: Sequence[Entry]) -> list[Replay]:
    """Set what can be replayed going; say of each what became of it. Raises AwayError by its reach."""
    found: list[Replay] = []
    for start in range(0, len(entries), MOST):
        some = entries[start : start + MOST]
        found += [Replay(one, done=False, said=UNREADABLE) for one in some if one.letter.kind == "unreadable"]
        found += await _retry(reach, [one for one in some if one.letter.kind == "job"])
        for one in some:
            if one.letter.kind == "event":
                found.append(await _tell_again(reach, one))
    return sorted(found, key=lambda one: one.entry.id)


@dataclass(frozen=True, slots=True)
class _Wish:
    """The wish that a letter makes."""

    entry: Entry
    story_id: UUID
    asset: Asset

    @property
    def id(self) -> str:
        return f"{self.story_id}.wish.dead-{self.entry.id}"


async def _retry(reach: Reach, entries: Sequence[Entry]) -> list[Replay]:
    """Ask for the assets of some dead letters again: one wish an asset, however many letters it has."""
    answers: list[Replay] = []
    wishes: dict[tuple[UUID, Asset], _Wish] = {}
    for one in entries:
        try:
            wish = _Wish(one, UUID(one.letter.story), Asset(one.letter.asset))
        except ValueError:
            answers.append(Replay(one, done=False, said="names no asset of a story"))
            continue
        earlier = wishes.get((wish.story_id, wish.asset))
        if earlier is not None:
            answers.append(Replay(earlier.entry, done=False, said=f"is the same asset as letter {one.id}"))
        wishes[wish.story_id, wish.asset] = wish
    return answers + await _wish(reach, list(wishes.values()))


async def _wish(reach: Reach, wishes: Sequence[_Wish]) -> list[Replay]:
    if not wishes:
        return []
    columns = {
        "wishes": [wish.id for wish in wishes],
        "story_ids": [wish.story_id for wish in wishes],
        "assets": [wish.asset.value for wish in wishes],
    }
    states = {row["wish"]: row async for row in queries().states_of(reach.pool, **columns)}
    refused = {wish.id: why for wish in wishes if (why := _why_not(states.get(wish.id))) is not None}
    answers = [Replay(wish.entry, done=False, said=refused[wish.id]) for wish in wishes if wish.id in refused]
    able = [wish for wish in wishes if wish.id not in refused]
    events = [_event_of(wish, states[wish.id]) for wish in able]
    made = queries().make_wishes(
        reach.pool,
        wishes=[wish.id for wish in able],
        story_ids=[wish.story_id for wish in able],
        assets=[wish.asset.value for wish in able],
        events=[event.body.decode() for event in events],
    )
    new = {row["event_id"] async for row in made}
    told = await _tell(reach, [event for event in events if event.id in new])
    for wish in able:
        said = f"{wish.asset.value} is wanted again{told}" if wish.id in new else "changed while it was looked at"
        answers.append(Replay(wish.entry, done=wish.id in new, said=said))
    return answers


async def _tell(reach: Reach, events: Sequence[AssetRetryRequested]) -> str:
    try:
        await reach.bus.publish_events(*events)
    except BusUnavailableError:
        return "; the bus is away, the reconciler tells it later"  # the wish has its row
    return ""


def _why_not(state: Record | None) -> str | None:
    """Why an asset cannot be wanted again, None if it can."""
    if state is None:
        return "its story is gone"
    if state["wished_at"] is not None:
        return f"was replayed already, at {state['wished_at']:%Y-%m-%d %H:%M:%S} UTC"
    if state["story_status"] == "cancelled":
        return "its story is cancelled"
    if state["status"] is None:
        return "its story has no such asset"
    if state["status"] != "failed":
        return f"the asset is {state['status']} now: there is nothing to retry"
    return None


def _event_of(wish: _Wish, state: Record) -> AssetRetryRequested:
    return AssetRetryRequested(
        id=wish.id,
        story_id=wish.story_id,
        tenant_id=state["tenant_id"],
        trace=state["trace"],
        at=datetime.now(UTC),
        assets=(wish.asset,),
    )


async def _tell_again(reach: Reach, entry: Entry) -> Replay:
    """Tell a buried event again, as it is: the projector folds it in once, whatever happens."""
    try:
        event = EVENT.validate_json(str(entry.told.get("event", "")))
    except ValidationError:
        return Replay(entry, done=False, said="the event cannot be read by this version either")
    asset = getattr(event, "asset", None)
    rows = queries().states_of(
        reach.pool, wishes=[event.id], story_ids=[event.story_id], assets=[asset.value if asset else ""]
    )
    state = {row["wish"]: row async for row in rows}.get(event.id)
    if state is None:
        return Replay(entry, done=False, said="its story is gone")
    await reach.bus.republish(event)
    said = f"{type(event).__name__} is told again"
    if state["status"] in SETTLED:
        said += f", but comes late: {state['asset_type']} is {state['status']}"
    return Replay(entry, done=True, said=said)
