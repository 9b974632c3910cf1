"""The journey's one rule: (journey, event) → (journey, effects). Pure: no clock, no database, no awaits.

Any order, repeat or delay of a story's events leads to the same end. What is late, stale or repeated changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from storyloom.story.assets import GRAPH, WAITED_ON_BY, Asset
from storyloom.story.events import AnyEvent, AssetCompleted, AssetFailed, AssetRetrying, StoryCancelled, StoryRequested
from storyloom.story.fingerprint import Fingerprint, canonical, fingerprint
from storyloom.story.journey import NEED_FAILED, AssetState, Journey, document, overall, view
from storyloom.story.results import Outline, SceneText


@dataclass(frozen=True, slots=True)
class News:
    """One thing the reader is told; ``seq`` is its number in the story, ``data`` plain JSON."""

    seq: int
    event: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows from an event: rows that changed, jobs to send, news to tell, whether the story ended with it."""

    changed: tuple[Asset, ...] = ()
    jobs: tuple[Asset, ...] = ()
    news: tuple[News, ...] = ()
    ended: bool = False


NOTHING = Effects()

SHOWN = {asset: asset if recipe.public else recipe.shown_as for asset, recipe in GRAPH.items()}
"""Which public asset shows a change of an asset; None for what nobody sees."""


def after(journey: Journey, event: AnyEvent) -> tuple[Journey, Effects]:
    """The journey after the event. An event that says nothing new gives the same journey and no effects."""
    turn = _Turn(journey, event.at)
    turn.take(event)
    return turn.end()


class _Turn:
    """One event being folded in."""

    def __init__(self, journey: Journey, at: datetime) -> None:
        self.before = journey
        self.at = at
        self.assets = dict(journey.assets)
        self.cancelled = journey.cancelled
        self.changed: dict[Asset, None] = {}
        self.jobs: list[Asset] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.first = False

    def take(self, event: AnyEvent) -> None:
        # By the class itself: matching against pydantic's classes asks their metaclass each time.
        kind = type(event)
        if kind is AssetCompleted:
            self.complete(cast("AssetCompleted", event))
        elif kind is AssetFailed:
            self.fail(cast("AssetFailed", event))
        elif kind is AssetRetrying:
            self.retry(cast("AssetRetrying", event))
        elif kind is StoryRequested:
            self.request()
        elif kind is StoryCancelled:
            self.cancel()

    def request(self) -> None:
        if self.before.seq == 0 and not self.cancelled:
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
        state = replace(self.assets[event.asset], started_at=event.started_at)
        self._fail(event.asset, state, event.code, event.reason)

    def retry(self, event: AssetRetrying) -> None:
        if not self._counts(event.asset, event.fingerprint):
            return
        state = self.assets[event.asset]
        if event.attempt > state.attempts_failed:
            self._set(event.asset, replace(state, attempts_failed=event.attempt, retry_at=event.retry_at))

    def cancel(self) -> None:
        if overall(self.before) == "generating":
            self.cancelled = True
            self._drop_the_rest()

    def end(self) -> tuple[Journey, Effects]:
        if not self.changed and not self.first and self.cancelled == self.before.cancelled:
            return self.before, NOTHING
        now = replace(self.before, assets=self.assets, cancelled=self.cancelled)
        ended = overall(now) != "generating" and overall(self.before) == "generating"
        if ended:
            self._drop_the_rest()
            self.jobs = [job for job in self.jobs if self.assets[job].status == "queued"]
        changed = tuple(self.changed)
        told = self._news(now, changed, ended=ended)
        news = tuple(News(self.before.seq + k, *one) for k, one in enumerate(told, start=1))
        now = replace(now, seq=self.before.seq + len(news), version=self.before.version + 1)
        return now, Effects(changed, tuple(self.jobs), news, ended)

    def _counts(self, asset: Asset, heard: Fingerprint) -> bool:
        """A result counts only if it is of the asset's current fingerprint, and the asset is under way."""
        state = self.assets.get(asset)
        return state is not None and state.status == "queued" and state.fingerprint == heard

    def _settled(self, asset: Asset) -> None:
        self._start_what_can(WAITED_ON_BY[asset])

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

    def _fail(self, asset: Asset, state: AssetState, code: str, reason: str) -> None:
        failed = replace(state, status="failed", code=code, reason=reason, completed_at=self.at, retry_at=None)
        self._set(asset, failed)
        self._settled(asset)

    def _drop_the_rest(self) -> None:
        for asset, state in self.assets.items():
            if not state.settled:
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

    def _news(self, now: Journey, changed: tuple[Asset, ...], *, ended: bool) -> list[tuple[str, dict[str, Any]]]:
        if self.first:
            return [("snapshot", {"seq": 1, "status": overall(now), "assetGenerationStatus": document(now)})]
        told = self.told
        touched = dict.fromkeys(public for asset in changed if (public := SHOWN[asset]) is not None)
        for asset in touched:
            if asset in self.assets and (shown := view(now, asset)) != view(self.before, asset):
                told.append(("asset", {"asset": asset.value, **shown}))
        if ended:
            at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            told.append(("story", {"overall": overall(now), "completedAt": at}))
        return told


def fingerprint_of(journey: Journey, asset: Asset, assets: dict[Asset, AssetState]) -> Fingerprint:
    """The SHA-256 of all that decides what the asset will be: story, recipe, the brief, and what it is made from.

    A need that failed counts as absent: a book with a picture missing is another book.
    """
    recipe = GRAPH[asset]
    state = assets[asset]
    inputs = [[need.value, assets[need].fingerprint, assets[need].status == "ready"] for need in recipe.waits_for]
    brief = canonical(journey.brief.wire()).decode() if not recipe.waits_for else journey.brief.voice
    return fingerprint(str(journey.story_id), asset.value, recipe.version, state.revision, brief, inputs)
