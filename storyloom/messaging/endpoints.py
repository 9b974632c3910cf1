"""What several services publish or request, as endpoints of a router: declared once, typed, in the AsyncAPI
document.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from pydantic import BaseModel

from storyloom.messaging.broker import STORY, Router
from storyloom.messaging.faststream_pull import CachedSubjectPublisher
from storyloom.messaging.topology import CANCEL_JOBS, DELIVERIES_DUE
from storyloom.story.events import Event
from storyloom.story.jobs import StopWork
from storyloom.story.notifications import DeliveriesDue

A = TypeVar("A", bound=BaseModel)

CancelJobs = Callable[[StopWork], Awaitable[object]]
"""Publishes StopWork to all workers. Best effort: never raises while NATS is unreachable."""
WakeWebhooks = Callable[[DeliveriesDue], Awaitable[object]]
"""Publishes DeliveriesDue to a replica of webhooks. Best effort: never raises while NATS is unreachable."""


class EventPublisher:
    """Publishes some kinds of events on STORY."""

    def __init__(self, router: Router, *kinds: type[Event]) -> None:
        self._publishers: dict[type[Event], CachedSubjectPublisher] = {
            kind: router.publisher(f"story.evt.{kind.__name__}.{{story_id}}", stream=STORY, schema=kind)
            for kind in kinds
        }

    async def publish(self, event: Event) -> None:
        """Publish an event; twice is harmless. Raises BusUnavailableError."""
        publisher = self._publishers[type(event)]
        subject, headers = address(event, publisher.subject.template)
        await publisher.publish(event, subject, headers=headers)

    async def republish(self, event: Event) -> None:
        """Publish an event that was lost, without its Msg-Id: the server must not take it for a repeat of the lost one.

        Raises BusUnavailableError.
        """
        publisher = self._publishers[type(event)]
        subject, headers = address(event, publisher.subject.template)
        del headers["Nats-Msg-Id"]
        await publisher.publish(event, subject, headers=headers)


class Question(Generic[A]):
    """A request over core NATS, which one replica of its service answers."""

    def __init__(self, router: Router, subject: str, asked: type[BaseModel], answer: type[A]) -> None:
        self._publisher = router.publisher(subject, schema=asked)
        self._read = answer.model_validate_json

    async def ask(self, asked: BaseModel, *, timeout: float) -> A:  # noqa: ASYNC109 - the client's own, on the wire
        """The answer. Raises nats.errors.Error without one in ``timeout`` seconds, ValidationError for a wrong one."""
        message = await self._publisher.request(asked, timeout=timeout)
        return self._read(message.body)


def cancel_jobs(router: Router) -> CancelJobs:
    """The publisher of StopWork, declared on a router."""
    publisher: CachedSubjectPublisher = router.publisher(CANCEL_JOBS, schema=StopWork)
    return publisher.publish


def wake_webhooks(router: Router) -> WakeWebhooks:
    """The publisher of DeliveriesDue, declared on a router."""
    publisher: CachedSubjectPublisher = router.publisher(DELIVERIES_DUE, schema=DeliveriesDue)
    return publisher.publish


def address(event: Event, subject: str) -> tuple[str, dict[str, str]]:
    """An event's subject, given the template, and its headers: Msg-Id for deduplication, and traceparent."""
    headers = {"Nats-Msg-Id": event.id}
    if event.trace:
        headers["traceparent"] = event.trace
    return subject.format(story_id=event.story_id), headers
