"""Jobs out of journeys: a job carries all that its maker needs, so that workers have no database."""

from datetime import UTC, datetime

from storyloom.story.assets import GRAPH, Asset
from storyloom.story.jobs import AssetRequested
from storyloom.story.journey import Journey


def job_for(journey: Journey, asset: Asset, *, at: datetime | None = None, put_back: bool = False) -> AssetRequested:
    """The job that makes a queued asset of a journey. Its id repeats with its fingerprint, so that the bus sees twins.

    ``at``: since when it is wanted, now if none is given. Never later than the commit that wants it: a job of that age
    may have been put back, and made, by the time that it reaches a worker.
    Built without validation: all parts were validated where they came in.
    """
    state = journey.assets[asset]
    if state.fingerprint is None:
        raise ValueError(f"{asset.value} was never queued")
    needs = ((need, journey.assets[need]) for need in GRAPH[asset].waits_for)
    return AssetRequested.model_construct(
        id=f"{journey.story_id}.{asset.value}.{state.fingerprint[:16]}",
        story_id=journey.story_id,
        tenant_id=journey.tenant_id,
        trace=journey.trace,
        at=at or datetime.now(UTC),
        asset=asset,
        fingerprint=state.fingerprint,
        priority=journey.brief.priority,
        put_back=put_back,
        brief=journey.brief,
        revision=state.revision,
        inputs={need: made.result for need, made in needs if made.status == "ready" and made.result is not None},
    )
