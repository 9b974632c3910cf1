"""A provider that workers find unavailable is a finding of the doctor's, with the cause."""

from datetime import UTC, datetime

from ops.snapshot import unavailable_providers
from storyloom.jobs.in_flight import InFlightJobs, ShutProvider
from storyloom.story.assets import Service

SINCE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = SINCE.replace(minute=9)


def answer(service: Service, *shut: ShutProvider) -> InFlightJobs:
    """A worker's answer, as it comes over the bus."""
    said = InFlightJobs(worker=f"{service.value}-1", service=service, shut=shut)
    return InFlightJobs.model_validate_json(said.body)


def test_workers_that_find_every_provider_available_are_no_finding() -> None:
    assert unavailable_providers([answer(Service.CONTENT), answer(Service.AUDIO)]) == []


def test_each_provider_and_cause_is_one_finding_with_its_workers_and_its_beginning() -> None:
    found = unavailable_providers(
        [
            answer(Service.IMAGES, ShutProvider(provider="openai", why="not_allowed", since=LATER)),
            answer(Service.CONTENT, ShutProvider(provider="openai", why="not_allowed", since=SINCE)),
            answer(Service.AUDIO, ShutProvider(provider="elevenlabs", why="away", since=SINCE)),
        ]
    )
    assert [(one.code, one.about, one.message) for one in found] == [
        ("provider_unavailable", "elevenlabs.away", "elevenlabs is unavailable since 03:04:05 UTC, say audio-1"),
        (
            "provider_unavailable",
            "openai.not_allowed",
            "openai refuses our key since 03:04:05 UTC, say content-1, images-1",
        ),
    ]
