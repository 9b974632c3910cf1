"""The journey's one rule: (journey, event) → (journey, effects). Pure: no clock, no database, no awaits.

Any order, repeat or delay of a story's events leads to an end. What is late, stale or repeated changes nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from services.status import restarts
from storyloom.story.assets import GRAPH, TEXTS, WAITED_ON_BY, Asset
from storyloom.story.events import (
    AnyEvent,
    AssetCompleted,
    AssetFailed,
    AssetRegenerateRequested,
    AssetRetrying,
    AssetRetryRequested,
    SceneTextEdited,
    StoryCancelled,
    StoryDeadlinePassed,
    StoryRequested,
)
from storyloom.story.fingerprint import Fingerprint, canonical, fingerprint
from storyloom.story.journey import DEADLINE, NEED_FAILED, AssetState, Journey, document, overall, view
from storyloom.story.results import Outline, SceneText, StoryContent


@dataclass(frozen=True, slots=True)
class StoryUpdate:
    """One thing the reader is told; ``seq`` is its number in the story, ``data`` plain JSON."""

    seq: int
    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows from an event: rows that changed, jobs to withdraw, jobs to send, news to tell.

    ``withdrawn`` names jobs by what they were to make: nobody wants them any more. ``ended`` says that the story ended
    with this event.
    """

    changed: tuple[Asset, ...] = ()
    jobs: tuple[Asset, ...] = ()
    updates: tuple[StoryUpdate, ...] = ()
    ended: bool = False
    purges: tuple[tuple[Asset, Fingerprint], ...] = ()


NOTHING = Effects()

SHOWN = {asset: asset if recipe.public else recipe.shown_as for asset, recipe in GRAPH.items()}
"""Which public asset shows a change of an asset; None for what nobody sees."""


def apply(journey: Journey, event: AnyEvent) -> tuple[Journey, Effects]:
    """The journey after the event. An event that says nothing new gives the same journey and no effects."""
    turn = _Transition(journey, event.at)
    # By the class itself: matching against pydantic's classes asks their metaclass each time.
    hear = HANDLERS.get(type(event))
    # What was cancelled stays so, whatever anybody says.
    if hear is not None and not journey.cancelled:
        hear(turn, event)
    return turn.end()


class _Transition:
    """One event being folded in."""

    def __init__(self, journey: Journey, at: datetime) -> None:
        self.before = journey
        self.at = at
        self.assets = dict(journey.assets)
        self.cancelled = journey.cancelled
        self.changed: dict[Asset, None] = {}
        self.jobs: list[Asset] = []
        self.withdrawn: list[tuple[Asset, Fingerprint]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.first = False

    def request(self, _event: StoryRequested) -> None:
        if self.before.seq == 0:
            self.first = True
            self._start_what_can(self.assets)

    def complete(self, event: AssetCompleted) -> None:
        if not self._counts(event.asset, event.fingerprint):
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
        self._set(event.asset, done)
        self._tell_of(done)
        self._settled(event.asset)

    def fail(self, event: AssetFailed) -> None:
        if not self._counts(event.asset, event.fingerprint):
            return
        if event.code == DEADLINE:  # its job may be under way yet
            self._withdraw(event.asset)
        state = self.assets[event.asset]
        state = replace(state, started_at=event.started_at, spent=state.spent + event.calls)
        self._fail(event.asset, state, event.code, event.reason)

    def retry(self, event: AssetRetrying) -> None:
        if not self._counts(event.asset, event.fingerprint):
            return
        state = self.assets[event.asset]
        further = event.attempt > state.attempts_failed
        later = event.attempt == state.attempts_failed and (state.retry_at is None or event.retry_at > state.retry_at)
        if further or later:
            self._set(event.asset, replace(state, attempts_failed=event.attempt, retry_at=event.retry_at))

    def cancel(self, _event: StoryCancelled) -> None:
        if overall(self.before) == "generating":
            self.cancelled = True
            self._drop_the_rest()

    def run_out(self, event: StoryDeadlinePassed) -> None:
        """All at once, or the failure of one would start another."""
        if overall(self.before) != "generating":
            return
        reason = f"the story took longer than {event.seconds:g} seconds"
        for asset, state in self.assets.items():
            if not state.settled:
                self._withdraw(asset)
                self._set(asset, _failed(state, DEADLINE, reason, self.at))

    def try_failed_again(self, event: AssetRetryRequested) -> None:
        self._start_over(restarts.failed(self.assets, event.assets))

    def regenerate(self, event: AssetRegenerateRequested) -> None:
        self._start_over(restarts.another(self.assets, event.asset))

    def edit(self, event: SceneTextEdited) -> None:
        asset = TEXTS[event.text.scene - 1]
        state = self.assets.get(asset)
        if state is None or state.status != "ready" or not isinstance(state.result, SceneText):
            return
        stale = restarts.made_from_text(self.assets, state.result)
        mark = fingerprint(str(self.before.story_id), asset.value, "edited", state.revision + 1, event.text.text)
        edited = replace(state, result=event.text, revision=state.revision + 1, fingerprint=mark, completed_at=self.at)
        self._set(asset, replace(edited, spent=state.spent + state.result.calls))
        self._tell_of(edited)
        self._reword(event)
        self._start_over(stale)

    def _reword(self, event: SceneTextEdited) -> None:
        """The finished content holds the scene too; it was checked as a whole and is not asked about again."""
        state = self.assets.get(Asset.CONTENT)
        if state is None or state.status != "ready" or not isinstance(state.result, StoryContent):
            return
        scenes = tuple(event.text if scene.scene == event.text.scene else scene for scene in state.result.scenes)
        update = {"scenes": scenes, "readability": event.whole or state.result.readability}
        result = state.result.model_copy(update=update)
        reworded = replace(state, result=result, revision=state.revision + 1, completed_at=self.at)
        self.assets[Asset.CONTENT] = reworded
        self._set(Asset.CONTENT, replace(reworded, fingerprint=self._fingerprint(Asset.CONTENT)))

    def end(self) -> tuple[Journey, Effects]:
        if not self.changed and not self.first and self.cancelled == self.before.cancelled:
            return self.before, NOTHING
        now = replace(self.before, assets=self.assets, cancelled=self.cancelled)
        was, is_now = overall(self.before), overall(now)
        ended = is_now != "generating" and was == "generating"
        if is_now != "generating":
            self._drop_the_rest()
        told = self._updates(now, ended=ended, reopened=was != "generating" and is_now == "generating")
        news = tuple(StoryUpdate(self.before.seq + k, *one) for k, one in enumerate(told, start=1))
        now = replace(now, seq=self.before.seq + len(news), version=self.before.version + 1)
        jobs = tuple(job for job in dict.fromkeys(self.jobs) if self.assets[job].status == "queued")
        sent = {asset: state.fingerprint for asset, state in self.before.assets.items() if state.status == "queued"}
        withdrawn = tuple(one for one in self.withdrawn if sent.get(one[0]) == one[1])
        return now, Effects(tuple(self.changed), jobs, news, ended, withdrawn)

    def _counts(self, asset: Asset, heard: Fingerprint) -> bool:
        """A result counts only if it is of the asset's current fingerprint, and the asset is under way."""
        state = self.assets.get(asset)
        return state is not None and state.status == "queued" and state.fingerprint == heard

    def _settled(self, asset: Asset) -> None:
        self._start_what_can(WAITED_ON_BY[asset])

    def _start_over(self, what: Collection[Asset]) -> None:
        for asset in (again := [asset for asset in self.assets if asset in what]):
            self._withdraw(asset)
            self._set(asset, restarts.pending(self.assets[asset]))
        self._start_what_can(again)

    def _start_what_can(self, candidates: Iterable[Asset]) -> None:
        for asset in candidates:
            state = self.assets.get(asset)
            if state is None or state.status != "pending":
                continue
            recipe = GRAPH[asset]
            missing = [need for need in recipe.needs if self.assets[need].status != "ready"]
            if gone := next((need for need in missing if self.assets[need].settled), None):
                self._fail(asset, state, NEED_FAILED, f"it needs {gone.value}, which failed")
            elif not missing and all(self.assets[need].settled for need in recipe.settled):
                self._set(asset, replace(state, status="queued", fingerprint=self._fingerprint(asset)))
                self.jobs.append(asset)

    def _set(self, asset: Asset, state: AssetState) -> None:
        self.assets[asset] = state
        self.changed[asset] = None

    def _withdraw(self, asset: Asset) -> None:
        state = self.assets[asset]
        if state.status == "queued" and state.fingerprint is not None:
            self.withdrawn.append((asset, state.fingerprint))

    def _fail(self, asset: Asset, state: AssetState, code: str, reason: str) -> None:
        self._set(asset, _failed(state, code, reason, self.at))
        self._settled(asset)

    def _drop_the_rest(self) -> None:
        for asset, state in self.assets.items():
            if not state.settled:
                self._withdraw(asset)
                self._set(asset, replace(state, status="cancelled", completed_at=self.at, retry_at=None))

    def _fingerprint(self, asset: Asset) -> Fingerprint:
        return fingerprint_of(self.before, asset, self.assets)

    def _tell_of(self, done: AssetState) -> None:
        match done.result:
            case Outline(title=title, logline=logline):
                self.told.append(("outline", {"title": title, "logline": logline}))
            case SceneText() as text:
                self.told.append(("text", {"scene": text.scene, "text": text.text, "altText": text.alt_text}))
            case _:
                pass

    def _updates(self, now: Journey, *, ended: bool, reopened: bool) -> list[tuple[str, dict[str, Any]]]:
        if self.first:
            return [("snapshot", {"seq": 1, "status": overall(now), "assetGenerationStatus": document(now)})]
        told = self.told
        if reopened:
            told.insert(0, ("story", {"overall": "generating"}))
        touched = dict.fromkeys(public for asset in self.changed if (public := SHOWN[asset]) is not None)
        for asset in touched:
            if asset in self.assets and (shown := view(now, asset)) != view(self.before, asset):
                told.append(("asset", {"asset": asset.value, **shown}))
        if ended:
            at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            told.append(("story", {"overall": overall(now), "completedAt": at}))
        return told


HANDLERS = cast(
    "Mapping[type, Callable[[_Transition, AnyEvent], None]]",
    {
        AssetCompleted: _Transition.complete,
        AssetFailed: _Transition.fail,
        AssetRetrying: _Transition.retry,
        StoryRequested: _Transition.request,
        StoryCancelled: _Transition.cancel,
        AssetRetryRequested: _Transition.try_failed_again,
        AssetRegenerateRequested: _Transition.regenerate,
        SceneTextEdited: _Transition.edit,
        StoryDeadlinePassed: _Transition.run_out,
    },
)


def fingerprint_of(journey: Journey, asset: Asset, assets: Mapping[Asset, AssetState]) -> Fingerprint:
    """The SHA-256 of all that decides what the asset will be: story, recipe, the brief, and what it is made from.

    A need that failed counts as absent, whatever it was to be: a book with a picture missing is another book.
    """
    recipe = GRAPH[asset]
    ready = ((need, assets[need]) for need in recipe.waits_for)
    inputs = [[need.value, state.fingerprint if state.status == "ready" else None] for need, state in ready]
    brief = canonical(journey.brief.wire()).decode() if not recipe.waits_for else journey.brief.voice
    return fingerprint(str(journey.story_id), asset.value, recipe.version, assets[asset].revision, brief, inputs)


def _failed(state: AssetState, code: str, reason: str, at: datetime) -> AssetState:
    return replace(state, status="failed", code=code, reason=reason, completed_at=at, retry_at=None)
