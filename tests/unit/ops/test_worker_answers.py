"""What workers find wrong is a finding of the doctor's, with the cause: providers, the store, their own loops."""

from datetime import UTC, datetime

from storyloom.jobs.in_flight import InFlightJobs, ShutProvider, WorkerProblem
from storyloom.operations.snapshot import unavailable_providers, worker_problems
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


def test_what_keeps_workers_from_working_is_one_finding_for_each_reason() -> None:
    full = WorkerProblem(check="store", reason="the store is full")
    dying = WorkerProblem(check="loops", reason="images-high lane crashes again and again (KeyError)")
    said = [
        InFlightJobs(worker="images-1", service=Service.IMAGES, problems=(full, dying)),
        InFlightJobs(worker="content-1", service=Service.CONTENT, problems=(full,)),
        InFlightJobs(worker="audio-1", service=Service.AUDIO),
    ]
    assert [(one.code, one.message) for one in worker_problems(said)] == [
        ("loop_failing", "images-high lane crashes again and again (KeyError), say images-1"),
        ("store_unwritable", "the store is full, say content-1, images-1"),
    ]
