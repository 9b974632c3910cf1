"""A busy system as ``top`` and the doctor see it, made up."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ops.frames import Frame, Oldest, Sample
from storyloom.jobs.in_flight import InFlightJob, InFlightJobs
from storyloom.messaging.lanes import Lane, ProjectorLag
from storyloom.operations.diagnosis import Observation, Row, Story, Work, diagnose
from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import job_subject

NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)
STORY = UUID("7f4d0a52-5a0e-4f0f-9a6d-0d6f6f2b1c11")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def moment(story: Story, *, held: tuple[Asset, ...] = (), absent: tuple[Asset, ...] = ()) -> Observation:
    """All queued jobs are on the bus but for ``absent``; ``held`` are in a worker's hands."""
    queued = [asset for asset, row in story.assets.items() if row.status == "queued" and asset not in absent]
    return Observation(
        now=NOW,
        before=ago(2),
        live_subjects={job_subject(story.id, asset, story.priority) for asset in queued},
        in_flight={
            (story.id, asset, story.assets[asset].fingerprint or ""): Work("images-42@0badcafe", ago(9))
            for asset in held
        },
        asset_deadline=timedelta(hours=1),
        story_deadline=timedelta(hours=2),
    )


def story(**rows: Row) -> Story:
    """A story that has been at it for two minutes; what is not named is pending."""
    assets = {asset: rows.get(asset.value, Row("pending")) for asset in GRAPH}
    return Story(STORY, Priority.NORMAL, 3, ago(120), ago(120), assets)


def queued(seconds: float = 60, **more: object) -> Row:
    return Row("queued", "f" * 64, ago(seconds), **more)  # type: ignore[arg-type]  # passed on as they are


READY = Row("ready", "a" * 64)
HALFWAY = story(
    outline=READY,
    portrait=READY,
    text_1=READY,
    text_2=queued(3),
    cover=queued(80),
    scene_1=queued(70, attempts_failed=2, retry_at=NOW + timedelta(seconds=20)),
    scene_2=queued(60),
    narration_1=queued(1),
)


def busy() -> Frame:
    """Pictures are the narrow place, and their provider is limiting us."""
    values = {
        ("storyloom_provider_calls_total", ("outcome", "ok", "provider", "openai")): 412.0,
        ("storyloom_provider_calls_total", ("outcome", "rate_limited", "provider", "openai")): 17.0,
        ("storyloom_provider_calls_total", ("outcome", "timeout", "provider", "openai")): 3.0,
        ("storyloom_provider_calls_total", ("outcome", "ok", "provider", "elevenlabs")): 88.0,
        ("storyloom_provider_seconds_sum", ("endpoint", "images", "provider", "openai")): 8640.0,
        ("storyloom_provider_seconds_count", ("endpoint", "images", "provider", "openai")): 432.0,
        ("storyloom_provider_cost_usd_total", ("model", "gpt-image-1.5", "provider", "openai")): 21.37,
        ("storyloom_provider_limit", ("provider", "openai")): 64.0,
        ("storyloom_provider_in_flight", ("provider", "openai")): 31.0,
        ("storyloom_provider_waiting", ("provider", "openai")): 12.0,
        ("storyloom_provider_limit", ("provider", "elevenlabs")): 12.0,
        ("storyloom_provider_breaker_state", ("provider", "elevenlabs")): 2.0,
        ("storyloom_reconciler_actions_total", ("kind", "job")): 2.0,
        ("storyloom_jobs_total", ("outcome", "ready", "service", "images")): 371.0,
        ("storyloom_jobs_total", ("outcome", "failed", "service", "images")): 2.0,
        ("storyloom_job_retries_total", ("service", "images")): 20.0,
    }
    sample = Sample(values, reached=6)
    jobs = (InFlightJob(story_id=STORY, asset=Asset.COVER, fingerprint=Fingerprint("f" * 64), since=ago(9)),)
    images = [InFlightJobs(worker=f"images-{n}@0badcafe", service=Service.IMAGES, held=jobs) for n in (41, 42)]
    rest = [InFlightJobs(worker=f"{one.value}-7@0badcafe", service=one) for one in (Service.CONTENT, Service.AUDIO)]
    waiting = {(Service.IMAGES, Priority.NORMAL): (1204, 16, 312.0), (Service.CONTENT, Priority.URGENT): (0, 2, None)}
    found = []
    for service in Service:
        for priority in Priority:
            count, flying, age = waiting.get((service, priority), (0, 0, None))
            pulls = 0 if service is Service.DOCUMENTS else 4
            found.append(Lane(service, priority, count, flying, pulls, oldest=ago(age) if age else None))
    standing, _ = diagnose(HALFWAY, moment(HALFWAY, held=(Asset.COVER,)))
    return Frame(
        at=NOW,
        lanes=found,
        projector=ProjectorLag(3, 1, 8),
        dead_letters=14,
        workers=[*images, *rest],
        unfinished=212,
        unfinished_since=ago(340),
        commands=1,
        ended=Counter(ready=31, partial=2),
        oldest=Oldest(HALFWAY, standing),
        metrics=sample,
        growth=sample,
        window=58.0,
    )
