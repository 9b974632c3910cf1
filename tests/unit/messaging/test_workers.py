"""Each worker's subscribers as app.py declares them, on FastStream's test broker: no server, no provider."""

import importlib
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from faststream.nats import TestNatsBroker

from storyloom.jobs.definition import Report, WorkerDefinition
from storyloom.jobs.manifest import Manifest
from storyloom.jobs.worker import make_broker
from storyloom.messaging.broker import Broker
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.events import AssetCompleted
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested, job_subject
from tests.makers import sample

FAILURES: list[tuple[Exception, str, str]] = [
    (PermanentError("not for children", code="content_refused"), "AssetFailed", "content_refused"),
    (RetryableError("rate limit"), "AssetRetrying", "rate limit"),
    (ValueError("Mira"), "AssetFailed", "bug"),
]


class Store(Objects):
    """Remembers manifests; has no notes."""

    def __init__(self) -> None:
        self.settings = Settings(store_retry_delays=())
        self.kept: list[Manifest] = []

    async def create(self, key: str, data: bytes) -> bool:
        del key
        self.kept.append(Manifest.model_validate_json(data))
        return True

    async def read(self, key: str) -> bytes | None:
        del key
        raise RetryableError("there is no store")


def worker(service: Service, *, failure: Exception | None = None) -> tuple[Broker, Store]:
    """A worker as it runs, with quick makers, on no server."""
    app = importlib.import_module(f"services.{service.value}.app")

    async def make(job: AssetRequested, report: Report) -> Any:
        await report(50, "half of it")
        if failure is not None:
            raise failure
        return sample(job.asset, job.story_id)

    handlers = {asset: make for asset, recipe in GRAPH.items() if recipe.service is service}
    settings, store = Settings(store_retry_delays=()), Store()
    broker, _ = make_broker(WorkerDefinition(service, handlers, app.jobs(settings, handlers)), store, settings)
    return broker, store


def job_of(asset: Asset, priority: Priority = Priority.NORMAL) -> AssetRequested:
    story_id = uuid4()
    return AssetRequested(
        id=f"{story_id}.{asset.value}",
        story_id=story_id,
        tenant_id="tests",
        trace="",
        at=datetime.now(UTC),
        asset=asset,
        fingerprint=fingerprint(str(story_id), asset.value),
        priority=priority,
        brief=Brief.asked({"characterName": "Mira", "storyType": "adventure"}),
    )


def published(broker: Broker, event: str) -> list[Any]:
    """The bodies of what was published on an event's subject."""
    (publisher,) = [one for one in broker.publishers if f".{event}." in str(one.subject.template)]  # type: ignore[attr-defined]
    return [call.args[0] for call in publisher.mock.call_args_list]


@pytest.mark.parametrize("asset", Asset)
async def test_a_job_on_any_lane_of_its_service_is_made_stored_and_published(asset: Asset) -> None:
    service = GRAPH[asset].service
    broker, store = worker(service)
    async with TestNatsBroker(broker) as bus:
        for priority in Priority:
            job = job_of(asset, priority)
            await bus.publish(job.body, job.subject, stream="JOBS")
        body = published(broker, "AssetCompleted")
    assert len(body) == len(store.kept) == len(Priority)
    event = AssetCompleted.model_validate(body[-1])
    assert (event.asset, event.story_id, event.fingerprint) == (asset, job.story_id, job.fingerprint)
    assert event.result == store.kept[-1].result == sample(asset, job.story_id)


@pytest.mark.parametrize("service", Service)
async def test_what_a_service_does_not_make_fails_as_a_bug(service: Service) -> None:
    other = next(asset for asset in Asset if GRAPH[asset].service is not service)
    broker, store = worker(service)
    job = job_of(other)
    lane = f"job.{service.value}.normal.{job.story_id}.{other.value}"
    async with TestNatsBroker(broker) as bus:
        await bus.publish(job.body, lane, stream="JOBS")
        (failed,) = published(broker, "AssetFailed")
    assert failed["code"] == "bug"
    assert failed["reason"] == f"{service.value} does not make {other.value}"
    assert store.kept == []


@pytest.mark.parametrize(("failure", "event", "why"), FAILURES, ids=[type(one).__name__ for one, _, _ in FAILURES])
async def test_a_failure_is_published_and_no_empty_event_of_success_is(
    failure: Exception, event: str, why: str
) -> None:
    """FastStream publishes an empty body for a handler that answers nothing: here it is never asked to."""
    broker, store = worker(Service.IMAGES, failure=failure)
    job = job_of(Asset.COVER)
    async with TestNatsBroker(broker) as bus:
        await bus.publish(job.body, job.subject, stream="JOBS")
        (body,) = published(broker, event)
        assert published(broker, "AssetCompleted") == []
    assert why in (body.get("code"), body["reason"])
    assert "Mira" not in orjson.dumps(body).decode()
    assert store.kept == []


async def test_a_job_that_cannot_be_read_fails_its_asset_and_is_kept_for_people() -> None:
    broker, _ = worker(Service.IMAGES)
    job = job_of(Asset.COVER)
    torn = orjson.dumps({**orjson.loads(job.body), "brief": {"characterName": "Mira"}})
    async with TestNatsBroker(broker) as bus:
        await bus.publish(torn, job_subject(job.story_id, job.asset, job.priority), stream="JOBS")
        (failed,) = published(broker, "AssetFailed")
    assert (failed["code"], failed["asset"]) == ("bug", "cover")
    assert "Mira" not in failed["reason"]


async def test_it_answers_who_it_is_and_what_it_works_on() -> None:
    broker, _ = worker(Service.AUDIO)
    async with TestNatsBroker(broker) as bus:
        answer = await bus.request(b"", "workers.held")
    assert orjson.loads(answer.body)["service"] == "audio"
    assert orjson.loads(answer.body)["held"] == []
