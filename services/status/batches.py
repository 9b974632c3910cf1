"""A batch of one story's events, folded one after the other into one turn."""

from services.status.repository import Transition
from services.status.transitions import Effects, StoryUpdate, apply
from storyloom.runtime.metrics import STORIES
from storyloom.story.assets import Asset
from storyloom.story.events import AnyEvent, StoryCompleted
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.journey import Journey, overall


def fold(journey: Journey, events: list[AnyEvent], known: frozenset[str]) -> Transition | None:
    """All of a story's events that are not known, one after the other, as one turn; None if nothing came of them."""
    before, at = journey.version, None
    changed: dict[Asset, None] = {}
    jobs: dict[Asset, None] = {}
    withdrawn: list[tuple[Asset, Fingerprint]] = []
    news: list[StoryUpdate] = []
    heard: dict[str, None] = {}  # the same id twice in one batch counts once
    ended = False
    for event in events:
        if event.id in known or event.id in heard:
            continue
        heard[event.id] = None
        now, effects = apply(journey, event)
        if now is journey:
            continue
        journey, at = now, event.at
        changed |= dict.fromkeys(effects.changed)
        jobs |= dict.fromkeys(effects.jobs)
        withdrawn += effects.purges
        news += effects.updates
        ended = ended or effects.ended
    if at is None:
        return None
    # What one event queued another of the same batch may have settled.
    still = tuple(job for job in jobs if journey.assets[job].status == "queued")
    # An end that a command of the same batch undid is none to tell the outside world of.
    ended = ended and overall(journey) != "generating"
    effects = Effects(tuple(changed), still, tuple(news), ended, tuple(withdrawn))
    return Transition(before, journey, effects, at, tuple(heard))


def story_completed(turn: Transition) -> StoryCompleted:
    """What the outside world may be told of a turn that ended its story."""
    journey, status = turn.journey, overall(turn.journey)
    if status == "generating":
        raise ValueError("the story has not ended")
    STORIES.labels(overall=status).inc()
    return StoryCompleted(
        id=f"{journey.story_id}.completed.{journey.seq}",
        story_id=journey.story_id,
        tenant_id=journey.tenant_id,
        trace=journey.trace,
        at=turn.at,
        overall=status,
    )
