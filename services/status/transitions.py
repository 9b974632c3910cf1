"""The one rule: (journey, event) → (journey, effects). Pure: no clock, no database, no awaits.

Any order, repeat or delay of a story's events leads to an end. What is late, stale or repeated changes nothing.
``apply`` takes one event; ``fold`` takes a batch of one story's events and makes one transition of them, which is what
the projector writes.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from services.status import revisions
from storyloom.story.assets import GRAPH, TEXTS, WAITED_ON_BY, Asset
from storyloom.story.causes import DEADLINE, MONEY_CAP_REACHED, NEED_FAILED
from storyloom.story.events import (
    AnyEvent,
    AssetCompleted,
    AssetFailed,
    AssetRegenerateRequested,
    AssetRetrying,
    AssetRetryRequested,
    SceneTextEdited,
    StoryApproved,
    StoryCancelled,
    StoryDeadlinePassed,
    StoryRequested,
)
from storyloom.story.fingerprint import Fingerprint, fingerprint
from storyloom.story.journey import (
    PARTS,
    AssetState,
    Journey,
    approval,
    awaits_approval,
    cause,
    document,
    failure,
    overall,
    text_version,
    view,
)
from storyloom.story.results import Outline, SceneText, StoryContent


@dataclass(frozen=True, slots=True)
class StoryUpdate:
    """One event of the progress stream; ``seq`` is its number in the story, ``data`` plain JSON."""

    seq: int
    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows from an event: rows that changed, jobs to publish, updates for readers, jobs to purge.

    ``purges`` names jobs by what they were to make: their results are not needed any more. ``ended`` says that the
    story ended with this event, ``stale`` that the store may hold objects now that no row refers to. ``backlog``: jobs
    to publish later, once a worker has a slot for them. ``usd``: what was paid for the results that counted. ``made``:
    the assets that were completed, as often as they were.
    """

    changed: tuple[Asset, ...] = ()
    jobs: tuple[Asset, ...] = ()
    updates: tuple[StoryUpdate, ...] = ()
    ended: bool = False
    purges: tuple[tuple[Asset, Fingerprint], ...] = ()
    stale: bool = False
    backlog: tuple[Asset, ...] = ()
    usd: float = 0.0
    made: tuple[Asset, ...] = ()


NO_EFFECTS = Effects()


@dataclass(frozen=True, slots=True)
class Transition:
    """A story's way through one batch: the row's version before, the journey after, the events and their effects."""

    version_before: int
    journey: Journey
    effects: Effects
    at: datetime
    event_ids: tuple[str, ...]
    traceparent: str = ""
    """The span in which it happens; empty where spans are off."""


SHOWN_AS = {asset: asset if recipe.public else recipe.shown_as for asset, recipe in GRAPH.items()}
"""Which public asset shows a change of an asset; None for what nobody sees."""


def apply(journey: Journey, event: AnyEvent) -> tuple[Journey, Effects]:
    """The journey after the event. An event that changes nothing gives the same journey and no effects."""
    builder = _TransitionBuilder(journey, event.at)
    # By the class itself: matching against pydantic's classes asks their metaclass each time.
    handle = HANDLERS.get(type(event))
    # What was cancelled stays so, whatever comes later.
    if handle is not None and not journey.cancelled:
        handle(builder, event)
    return builder.build()


def fold(journey: Journey, events: Iterable[AnyEvent], known: frozenset[str]) -> Transition | None:
    """Apply a story's events, but for those with known ids, as one transition; None if nothing came of them."""
    version_before, at = journey.version, None
    changed: dict[Asset, None] = {}
    jobs: dict[Asset, None] = {}
    purges: list[tuple[Asset, Fingerprint]] = []
    updates: list[StoryUpdate] = []
    event_ids: dict[str, None] = {}  # the same id twice in one batch counts once
    ended = stale = False
    made: list[Asset] = []
    usd = 0.0
    for event in events:
        if event.id in known or event.id in event_ids:
            continue
        event_ids[event.id] = None
        after, effects = apply(journey, event)
        if after is journey:
            continue
        journey, at = after, event.at
        changed |= dict.fromkeys(effects.changed)
        jobs |= dict.fromkeys(effects.jobs)
        purges += effects.purges
        updates += effects.updates
        ended = ended or effects.ended
        stale = stale or effects.stale
        usd += effects.usd
        made += effects.made
    if at is None:
        return None
    # What one event queued another of the same batch may have settled.
    still_queued = tuple(job for job in jobs if journey.assets[job].status == "queued")
    # An end that a command of the same batch undid is none to announce.
    ended = ended and overall(journey) != "generating"
    effects = Effects(
        tuple(changed), still_queued, tuple(updates), ended, tuple(purges), stale, usd=usd, made=tuple(made)
    )
    return Transition(version_before, journey, effects, at, tuple(event_ids))


class _TransitionBuilder:
    """One event being applied: a method an event type changes a copy of the journey, ``build`` says what came of it."""

    def __init__(self, journey: Journey, at: datetime) -> None:
        self.before = journey
        self.at = at
        self.assets = dict(journey.assets)
        self.cancelled = journey.cancelled
        self.approved = journey.approved
        self.changed: dict[Asset, None] = {}
        self.jobs: list[Asset] = []
        self.purges: list[tuple[Asset, Fingerprint]] = []
        self.updates: list[tuple[str, dict[str, Any]]] = []
        self.is_first = False
        self.usd = 0.0
        self.made: tuple[Asset, ...] = ()

    def request(self, _event: StoryRequested) -> None:
        if self.before.seq == 0:
            self.is_first = True
            self._start_ready(self.assets)

    def complete(self, event: AssetCompleted) -> None:
        if not self._is_current(event.asset, event.fingerprint):
            return
        state = self.assets[event.asset]
        done = replace(
            state,
            status="ready",
            result=event.result,
            started_at=event.started_at,
            completed_at=event.at,
            retry_at=None,
        )
        self.usd += sum(call.cost_usd for call in event.result.calls)
        self.made = (event.asset,)
        self._set(event.asset, done)
        self._add_text_update(done)
        self._start_dependents(event.asset)

    def fail(self, event: AssetFailed) -> None:
        if not self._is_current(event.asset, event.fingerprint):
            return
        self.usd += sum(call.cost_usd for call in event.calls)
        if event.code in (DEADLINE, MONEY_CAP_REACHED):  # its job may be under way yet
            self._purge(event.asset)
        state = self.assets[event.asset]
        state = replace(state, started_at=event.started_at, spent=state.spent + event.calls)
        self._fail(event.asset, state, event.code, event.reason)

    def retry(self, event: AssetRetrying) -> None:
        if not self._is_current(event.asset, event.fingerprint):
            return
        state = self.assets[event.asset]
        further = event.attempt > state.attempts_failed
        later = event.attempt == state.attempts_failed and (state.retry_at is None or event.retry_at > state.retry_at)
        if further or later:
            self._set(
                event.asset,
                replace(state, attempts_failed=event.attempt, retry_at=event.retry_at, tried=not event.waits),
            )

    def cancel(self, _event: StoryCancelled) -> None:
        if overall(self.before) == "generating":
            self.cancelled = True
            self._cancel_unsettled()

    def expire(self, event: StoryDeadlinePassed) -> None:
        """All at once, or the failure of one would start another. What waits for its approval is not late."""
        if overall(self.before) != "generating" or awaits_approval(self.before):
            return
        reason = f"the story took longer than {event.seconds:g} seconds"
        for asset, state in self.assets.items():
            if not state.settled:
                self._purge(asset)
                self._set(asset, _failed(state, DEADLINE, reason, self.at))

    def retry_failed(self, event: AssetRetryRequested) -> None:
        self._restart(revisions.assets_to_retry(self.before, event.assets))

    def regenerate(self, event: AssetRegenerateRequested) -> None:
        """What is asked for anew takes the hint, or loses the one before; what is made from it keeps its own."""
        chosen = revisions.assets_to_regenerate(self.before, event.asset)
        for asset in {event.asset, *PARTS.get(event.asset, ())}.intersection(chosen):
            self.assets[asset] = replace(self.assets[asset], hint=event.hint)
        self._restart(chosen)

    def approve(self, event: StoryApproved) -> None:
        """Of another text than the one that is there nothing is approved."""
        if not awaits_approval(self.before) or text_version(self.assets[Asset.CONTENT]) != event.text_version:
            return
        self.approved = True
        released = [asset for asset, state in self.assets.items() if state.status == "held"]
        for asset in released:
            self._set(asset, replace(self.assets[asset], status="pending"))
        self._start_ready(released)

    def edit(self, event: SceneTextEdited) -> None:
        asset = TEXTS[event.text.scene - 1]
        state = self.assets.get(asset)
        if state is None or state.status != "ready" or not isinstance(state.result, SceneText):
            return
        outdated = revisions.assets_using_text(self.assets, state.result)
        edit = fingerprint(str(self.before.story_id), asset.value, "edited", state.revision + 1, event.text.text)
        edited = replace(state, result=event.text, revision=state.revision + 1, fingerprint=edit, completed_at=self.at)
        self._set(asset, replace(edited, spent=state.spent + state.result.calls))
        self._add_text_update(edited)
        self._update_content(event)
        self._restart(outdated)

    def _update_content(self, event: SceneTextEdited) -> None:
        """The finished content holds the scene too; it was checked as a whole and is not asked about again."""
        state = self.assets.get(Asset.CONTENT)
        if state is None or state.status != "ready" or not isinstance(state.result, StoryContent):
            return
        scenes = tuple(event.text if scene.scene == event.text.scene else scene for scene in state.result.scenes)
        update = {"scenes": scenes, "readability": event.whole or state.result.readability}
        result = state.result.model_copy(update=update)
        updated = replace(state, result=result, revision=state.revision + 1, completed_at=self.at)
        self.assets[Asset.CONTENT] = updated
        self._set(Asset.CONTENT, replace(updated, fingerprint=self._fingerprint(Asset.CONTENT)))

    def build(self) -> tuple[Journey, Effects]:
        if not self.changed and not self.is_first and self.cancelled == self.before.cancelled:
            return self.before, NO_EFFECTS
        after = replace(self.before, assets=self.assets, cancelled=self.cancelled, approved=self.approved)
        was, now = overall(self.before), overall(after)
        ended = now != "generating" and was == "generating"
        if now != "generating":
            self._cancel_unsettled()
        contents = self._updates(after, ended=ended, reopened=was != "generating" and now == "generating")
        updates = tuple(StoryUpdate(self.before.seq + k, *one) for k, one in enumerate(contents, start=1))
        after = replace(after, seq=self.before.seq + len(updates), version=self.before.version + 1)
        jobs = tuple(job for job in dict.fromkeys(self.jobs) if self.assets[job].status == "queued")
        queued = {asset: state.fingerprint for asset, state in self.before.assets.items() if state.status == "queued"}
        purges = tuple(one for one in self.purges if queued.get(one[0]) == one[1])
        return after, Effects(
            tuple(self.changed), jobs, updates, ended, purges, self._makes_stale(), usd=self.usd, made=self.made
        )

    def _makes_stale(self) -> bool:
        """Whether something was made before that no row refers to now, or an attempt may have left what it paid for."""
        if self.cancelled:
            return True
        for asset in self.changed:
            before, after = self.before.assets[asset], self.assets[asset]
            left = before.fingerprint is not None and before.fingerprint != after.fingerprint
            if left or after.status == "failed" or after.attempts_failed > before.attempts_failed:
                return True
        return False

    def _is_current(self, asset: Asset, made: Fingerprint) -> bool:
        """A result counts only if it is of the asset's current fingerprint, and the asset is under way."""
        state = self.assets.get(asset)
        return state is not None and state.status == "queued" and state.fingerprint == made

    def _start_dependents(self, asset: Asset) -> None:
        held = [one for one, state in self.assets.items() if state.status == "held"] if asset is Asset.CONTENT else ()
        self._start_ready((*WAITED_ON_BY[asset], *held))

    def _restart(self, chosen: Collection[Asset]) -> None:
        """A text that is made anew, unlike one that the client has edited, is to be approved anew."""
        self.approved = self.approved and Asset.CONTENT not in chosen
        for asset in (restarted := [asset for asset in self.assets if asset in chosen]):
            self._purge(asset)
            self._set(asset, revisions.next_revision(self.assets[asset]))
        if self.before.asks_approval and not self.approved:
            self._hold()
        self._start_ready(restarted)

    def _hold(self) -> None:
        for asset, state in self.assets.items():
            if state.status == "pending" and GRAPH[asset].after_approval:
                self._set(asset, replace(state, status="held"))

    def _start_ready(self, candidates: Iterable[Asset]) -> None:
        for asset in candidates:
            state = self.assets.get(asset)
            if state is None or state.begun:
                continue
            recipe = GRAPH[asset]
            missing = [need for need in revisions.needs_of(self.before, asset) if self.assets[need].status != "ready"]
            if failed := next((need for need in missing if self.assets[need].settled), None):
                state = replace(state, cause=cause(self.assets, failed))
                self._fail(asset, state, NEED_FAILED, f"it needs {failed.value}, which failed")
            elif state.status != "held" and not missing and all(self.assets[one].settled for one in recipe.settled):
                self._set(asset, replace(state, status="queued", fingerprint=self._fingerprint(asset)))
                self.jobs.append(asset)

    def _set(self, asset: Asset, state: AssetState) -> None:
        self.assets[asset] = state
        self.changed[asset] = None

    def _purge(self, asset: Asset) -> None:
        state = self.assets[asset]
        if state.status == "queued" and state.fingerprint is not None:
            self.purges.append((asset, state.fingerprint))

    def _fail(self, asset: Asset, state: AssetState, code: str, reason: str) -> None:
        self._set(asset, _failed(state, code, reason, self.at))
        self._start_dependents(asset)

    def _cancel_unsettled(self) -> None:
        for asset, state in self.assets.items():
            if not state.settled:
                self._purge(asset)
                self._set(asset, replace(state, status="cancelled", completed_at=self.at, retry_at=None))

    def _fingerprint(self, asset: Asset) -> Fingerprint:
        return revisions.fingerprint_of(self.before, asset, self.assets)

    def _add_text_update(self, done: AssetState) -> None:
        match done.result:
            case Outline(title=title, logline=logline):
                self.updates.append(("outline", {"title": title, "logline": logline}))
            case SceneText() as text:
                self.updates.append(("text", {"scene": text.scene, "text": text.text, "altText": text.alt_text}))
            case _:
                pass

    def _updates(self, after: Journey, *, ended: bool, reopened: bool) -> list[tuple[str, dict[str, Any]]]:
        if self.is_first:
            return [("snapshot", {"seq": 1, "status": overall(after), "assetGenerationStatus": document(after)})]
        updates = self.updates
        if reopened:
            updates.insert(0, ("story", {"overall": "generating"}))
        touched = dict.fromkeys(public for asset in self.changed if (public := SHOWN_AS[asset]) is not None)
        for asset in touched:
            if asset in self.assets and (shown := view(after, asset)) != view(self.before, asset):
                updates.append(("asset", {"asset": asset.value, **shown}))
        if (now := approval(after)) is not None and now != approval(self.before):
            updates.append(("approval", now))
        if ended:
            at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            end: dict[str, Any] = {"overall": overall(after), "completedAt": at}
            if (why := failure(after)) is not None:
                end["error"] = why.wire()
            updates.append(("story", end))
        return updates


HANDLERS = cast(
    "Mapping[type, Callable[[_TransitionBuilder, AnyEvent], None]]",
    {
        AssetCompleted: _TransitionBuilder.complete,
        AssetFailed: _TransitionBuilder.fail,
        AssetRetrying: _TransitionBuilder.retry,
        StoryRequested: _TransitionBuilder.request,
        StoryCancelled: _TransitionBuilder.cancel,
        AssetRetryRequested: _TransitionBuilder.retry_failed,
        AssetRegenerateRequested: _TransitionBuilder.regenerate,
        SceneTextEdited: _TransitionBuilder.edit,
        StoryApproved: _TransitionBuilder.approve,
        StoryDeadlinePassed: _TransitionBuilder.expire,
    },
)


def _failed(state: AssetState, code: str, reason: str, at: datetime) -> AssetState:
    return replace(state, status="failed", code=code, reason=reason, completed_at=at, retry_at=None)
