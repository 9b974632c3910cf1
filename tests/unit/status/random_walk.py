"""A story on its way without bus or database: a scheduler hands jobs' ends to the fold in any order, repeatedly."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

from services.status.transitions import NO_EFFECTS, Effects, apply
from storyloom.story.assets import GRAPH, PUBLIC, TEXTS, Asset
from storyloom.story.brief import Brief
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
    story_requested,
)
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.journey import Journey, approval, awaits_approval, begin, document, overall
from storyloom.story.results import AnyResult, SceneText
from tests.makers import sample

STORY = UUID(int=5)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
OTHER = Fingerprint("0" * 64)
_ORIGIN: dict[str, Any] = {"story_id": STORY, "tenant_id": "tests", "trace": "", "version": 1}

result = cache(sample)


def new_journey(wanted: Iterable[Asset] = PUBLIC, *, story_id: UUID = STORY, **more: Any) -> Journey:
    """A journey before its first event."""
    brief = {"characterName": "Mira", "storyType": "adventure", "assets": list(wanted), **more}
    return begin(story_id, "tests", "", Brief.asked(brief))


def requested(at: datetime = NOON) -> StoryRequested:
    return story_requested(STORY, "tests", "", at)


def cancelled() -> StoryCancelled:
    return StoryCancelled.model_construct(**_ORIGIN, id="cancelled", at=NOON)


def retry(*assets: Asset) -> AssetRetryRequested:
    return AssetRetryRequested.model_construct(**_ORIGIN, id="retry", at=NOON, assets=assets)


def regenerate(asset: Asset, hint: str | None = None) -> AssetRegenerateRequested:
    return AssetRegenerateRequested.model_construct(**_ORIGIN, id="regenerate", at=NOON, asset=asset, hint=hint)


def approved(text_version: str) -> StoryApproved:
    return StoryApproved.model_construct(**_ORIGIN, id=f"approved.{text_version}", at=NOON, text_version=text_version)


@cache
def words(scene: int, said: str = "Mira and Ember went home together.") -> SceneText:
    """A scene as a client has written it anew."""
    text = result(TEXTS[scene - 1], STORY)
    assert isinstance(text, SceneText)
    return text.model_copy(update={"paragraphs": (said,)})


def edited(scene: int, said: str = "Mira and Ember went home together.") -> SceneTextEdited:
    return SceneTextEdited.model_construct(**_ORIGIN, id="edited", at=NOON, text=words(scene, said), whole=None)


def deadline_passed() -> StoryDeadlinePassed:
    return StoryDeadlinePassed.model_construct(**_ORIGIN, id="deadline", at=NOON, seconds=60.0)


def completed(asset: Asset, fingerprint: Fingerprint, made: AnyResult | None = None) -> AssetCompleted:
    """An asset's good end. Built without validation, as thousands are."""
    return AssetCompleted.model_construct(
        **_ORIGIN,
        id=f"{asset.value}.completed",
        at=NOON,
        asset=asset,
        fingerprint=fingerprint,
        started_at=NOON,
        result=made or result(asset, STORY),
    )


def failed(asset: Asset, fingerprint: Fingerprint) -> AssetFailed:
    """An asset's bad end."""
    return AssetFailed.model_construct(
        **_ORIGIN,
        id=f"{asset.value}.failed",
        at=NOON,
        asset=asset,
        fingerprint=fingerprint,
        started_at=NOON,
        code="content_refused",
        reason="the provider refused it",
        request_id=None,
    )


def retrying(asset: Asset, fingerprint: Fingerprint, attempt: int = 1) -> AssetRetrying:
    """An attempt that failed, with another to come."""
    return AssetRetrying.model_construct(
        **_ORIGIN,
        id=f"{asset.value}.retrying.{attempt}",
        at=NOON,
        asset=asset,
        fingerprint=fingerprint,
        attempt=attempt,
        reason="rate limit",
        retry_at=NOON + timedelta(seconds=5),
    )


@dataclass
class Walk:
    """A journey, all that it started, and what a reader knows of it who got nothing but the updates."""

    journey: Journey
    started: list[Asset] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    known: dict[str, Any] = field(default_factory=dict)
    sent: set[Fingerprint] = field(default_factory=set)
    ends: int = 0
    consents: bool = False
    """Whether somebody approved the text that is there, counted apart from the journey."""

    def apply(self, event: AnyEvent) -> Effects:
        """Fold the event in, and hold what must hold after every event."""
        before = self.journey
        self.journey, effects = apply(before, event)
        if self.journey is before:
            assert effects == NO_EFFECTS
            return effects
        assert not before.cancelled, "a cancelled story changed"
        self._check_settled_stays(before, event)
        self._check_purges(before, effects)
        self._check_approval(before, event, effects)
        self._check_jobs(effects)
        self._read(before, effects)
        self.started += effects.jobs
        self.ends += effects.ended
        assert self.journey.version == before.version + 1
        assert set(effects.changed) == {a for a, s in self.journey.assets.items() if s is not before.assets[a]}
        assert effects.ended == (overall(before) == "generating" != overall(self.journey))
        return effects

    def fingerprint(self, asset: Asset) -> Fingerprint:
        """What the asset is to be made with. It must have started."""
        found = self.journey.assets[asset].fingerprint
        assert found is not None
        return found

    def make(self, *assets: Asset) -> None:
        """Complete assets that have started."""
        for asset in assets:
            self.apply(completed(asset, self.fingerprint(asset)))

    @property
    def outcome(self) -> dict[str, Any]:
        """Where it ended, as the world sees it, without times and reasons."""
        shown = document(self.journey)
        return {"overall": shown["overall"]} | {name: one["status"] for name, one in shown["assets"].items()}

    def _check_settled_stays(self, before: Journey, event: AnyEvent) -> None:
        """Only a command starts over what is settled, and what starts over is another revision."""
        for asset, state in before.assets.items():
            now = self.journey.assets[asset]
            if state.settled and now is not state:
                assert isinstance(event, AssetRetryRequested | AssetRegenerateRequested | SceneTextEdited)
                assert now.revision == state.revision + 1

    def _check_purges(self, before: Journey, effects: Effects) -> None:
        """Exactly what was under way, and neither ended by this event nor is under way still, is purged."""
        under_way = {(asset, state.fingerprint) for asset, state in before.assets.items() if state.status == "queued"}
        assert under_way.issuperset(effects.purges)
        for asset, fingerprint in under_way:
            now = self.journey.assets[asset]
            dropped = now.status == "cancelled" or (now.fingerprint != fingerprint)
            assert not dropped or (asset, fingerprint) in effects.purges

    def _check_approval(self, before: Journey, event: AnyEvent, effects: Effects) -> None:
        """Nothing begins that waits for the approval, before it was given for the text that is there."""
        if not self.journey.asks_approval:
            assert not any(state.status == "held" for state in self.journey.assets.values())
            return
        rewritten = any(self.journey.assets[text].revision != before.assets[text].revision for text in TEXTS)
        if isinstance(event, StoryApproved):
            self.consents = True
        elif rewritten and not isinstance(event, SceneTextEdited):
            self.consents = False
        assert self.consents or not any(GRAPH[job].after_approval for job in effects.jobs)
        assert self.consents == self.journey.approved
        assert not self.consents or self.journey.assets[Asset.CONTENT].status == "ready"

    def _check_jobs(self, effects: Effects) -> None:
        states = self.journey.assets
        for job in effects.jobs:
            fingerprint = self.fingerprint(job)
            assert fingerprint not in self.sent, "a job went out twice"
            self.sent.add(fingerprint)
            assert states[job].status == "queued"
            assert states[job].fingerprint is not None
            assert all(states[need].status == "ready" for need in GRAPH[job].needs)
            assert all(states[need].settled for need in GRAPH[job].settled)

    def _read(self, before: Journey, effects: Effects) -> None:
        """The reader: a snapshot and updates must amount to the document, and numbers have no gap."""
        numbers = [update.seq for update in effects.updates]
        assert numbers == list(range(before.seq + 1, self.journey.seq + 1))
        for update in effects.updates:
            self.events.append(update.event)
            if update.event == "snapshot":
                self.known = {**update.data["assetGenerationStatus"]["assets"]}
            elif update.event == "asset":
                self.known[update.data["asset"]] = {k: v for k, v in update.data.items() if k != "asset"}
            elif update.event == "story":
                assert update.data["overall"] == overall(self.journey)
            elif update.event == "approval":
                assert update.data == approval(self.journey) != approval(before)
        if "snapshot" in self.events:
            assert self.known == document(self.journey)["assets"]
        if approval(self.journey) != approval(before):
            assert "approval" in [update.event for update in effects.updates]


@dataclass
class Scheduler:
    """Delivers what was sent in an order of chance, sometimes again, amid noise; every sent end does arrive."""

    chance: Random
    failing: Collection[Asset] = ()
    noise: float = 0.3
    commands: float = 0.0
    """How often a client wants something, of all events applied; less with every command."""
    bag: list[AnyEvent] = field(default_factory=list)
    past: list[AnyEvent] = field(default_factory=list)

    def run(self, walk: Walk) -> Walk:
        """From StoryRequested until nothing is on its way."""
        self.bag.append(requested())
        while self.bag or awaits_approval(walk.journey):
            if awaits_approval(walk.journey) and (not self.bag or self.chance.random() < 0.2):
                self._approve(walk)
            if not self.bag:
                continue
            event = self.bag.pop(self.chance.randrange(len(self.bag)))
            self.past.append(event)
            self._work(walk, walk.apply(event))
            if self.commands > 0 and self.chance.random() < self.commands:
                self._command(walk)
            if self.chance.random() < self.noise:
                walk.apply(self._noise(walk))
        for event in self.past:
            assert walk.apply(event) == NO_EFFECTS
        return walk

    def _work(self, walk: Walk, effects: Effects) -> None:
        for job in effects.jobs:
            fingerprint = walk.fingerprint(job)
            attempts = self.chance.randrange(3)
            self.bag += [retrying(job, fingerprint, attempt) for attempt in range(1, attempts + 1)]
            self.bag.append(failed(job, fingerprint) if job in self.failing else completed(job, fingerprint))

    def _command(self, walk: Walk) -> None:
        """Any command, sensible or not, is handled now."""
        event: AnyEvent = self.chance.choice(
            (
                retry(),
                retry(self.chance.choice(PUBLIC)),
                regenerate(self.chance.choice(PUBLIC)),
                edited(self.chance.randint(1, 4), f"Mira laughed {self.chance.randrange(9)} times."),
            )
        )
        self.commands *= 0.7  # or it would never end
        self._work(walk, walk.apply(event))

    def _approve(self, walk: Walk) -> None:
        """A client that has read the text approves it; at times it has another in mind, which approves nothing."""
        if self.chance.random() < 0.3:
            assert walk.apply(approved("0" * 16)) is NO_EFFECTS
        event = approved((approval(walk.journey) or {})["textVersion"])
        self.past.append(event)
        self._work(walk, walk.apply(event))

    def _noise(self, walk: Walk) -> AnyEvent:
        asset = self.chance.choice(tuple(Asset))
        match self.chance.randrange(4):
            case 0:
                return self.chance.choice(self.past)
            case 1:
                return completed(asset, OTHER)
            case 2:
                return failed(asset, OTHER)
            case _:
                state = walk.journey.assets.get(asset)
                return retrying(asset, OTHER if state is None or state.fingerprint is None else state.fingerprint)
