"""The sequences of docs/architecture, and README's "Where is …": made from the functions themselves.

Each row names its function by reference: one that is renamed, or moves, is renamed and moves here.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.api import app as api
from services.api.commands import Commands
from services.api.routes import Routes
from services.images import app as images
from services.images.painter import Painter
from services.status import app as status
from services.status.backlog import Backlog
from services.status.projector import Projector
from services.status.reconciler import Reconciler
from services.status.stream import Stream
from services.status.transitions import apply
from storyloom.jobs.attempts import History
from storyloom.jobs.cancellation import CancelledJobs
from storyloom.jobs.dead_letters import DeadLetter
from storyloom.jobs.delivery import Delivery
from storyloom.jobs.events import JobEvents
from storyloom.jobs.executor import JobExecutor
from storyloom.jobs.heartbeat import Heartbeat
from storyloom.jobs.manifest import read_manifest, write_manifest
from storyloom.jobs.runner import JobMiddleware, JobRunner
from storyloom.messaging.connection import Bus
from storyloom.messaging.endpoints import EventPublisher, Question
from storyloom.messaging.faststream_pull import SlotsSubscriber
from storyloom.messaging.topology import provision
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.resilience.gate import Gate
from storyloom.storage.objects import Objects
from tools.docs.markdown import table

CHECKOUT = Path(__file__).parents[2]

Code = type[Any] | Callable[..., Any]
"""A class, a function or a method."""


@dataclass(frozen=True, slots=True)
class Step:
    """Who calls whom, by participants' names; which code that is; and what happens there, in words."""

    caller: str
    callee: str
    code: Code
    what: str


A_STORY: Sequence[Step] = (
    Step("client", "api", Routes.create, "POST /api/v1/stories: the brief is validated"),
    Step("api", "content", Question.ask, "screening: a request over core NATS; without an answer in time it goes on"),
    Step("api", "Postgres", Commands.create, "the story and a pending row for each asset, in one transaction"),
    Step("api", "NATS", EventPublisher.publish, "StoryRequested, on stream STORY; then 202 for the client"),
    Step("NATS", "status", Projector.run, "pulls a batch of events"),
    Step("status", "status", apply, "the pure rule by which stories move: state and event to state and effects"),
    Step("status", "status", Backlog.admit, "jobs for which no worker has a slot yet stay in their rows: the backlog"),
    Step("status", "Postgres", Projector.project, "states, event log, inbox and next jobs, in one statement a batch"),
    Step("status", "NATS", Bus.enqueue, "AssetRequested, on stream JOBS, for each asset that can start"),
    Step("NATS", "images", images.jobs, "the subscriber of the service that makes the asset"),
    Step("images", "images", JobMiddleware.consume_scope, "what stands around every job: a-job.md"),
    Step("images", "provider", Painter.picture, "the work itself; every other worker has its own"),
    Step("images", "S3", Objects.put, "the bytes, under their own hash"),
    Step("images", "S3", write_manifest, "the manifest, last: from here on nobody pays for this asset again"),
    Step("images", "NATS", JobMiddleware.publish_scope, "AssetCompleted, on stream STORY, through any outage"),
    Step("images", "NATS", Delivery.ack, "only now is the job acknowledged"),
    Step("NATS", "status", Projector.project, "the result is applied; what waited for it may start"),
    Step("status", "client", Stream.handle, "server-sent events: history from Postgres, then live from NATS"),
)

A_JOB: Sequence[Step] = (
    Step("NATS", "subscriber", SlotsSubscriber, "one message for each free slot, each in a task of its own"),
    Step("subscriber", "middleware", JobMiddleware.consume_scope, "FastStream calls it around the handler"),
    Step("middleware", "runner", JobRunner.take, "reads the job; drops it if cancelled, requeues it while draining"),
    Step("middleware", "NATS", Heartbeat.start, "in_progress every third of ACK_WAIT, until the job has its end"),
    Step("middleware", "runner", JobRunner.attempt, "one attempt; decides how it ends"),
    Step("runner", "executor", JobExecutor.result, "a redelivered job first: is another worker on it?"),
    Step("executor", "S3", read_manifest, "… is there a result already, paid for by an earlier worker?"),
    Step("executor", "handler", Painter.picture, "the handler, within JOB_TIMEOUT"),
    Step("handler", "provider", Gate.call, "circuit breaker, concurrency limit, queue by priority"),
    Step("handler", "provider", OpenAI.redraw, "the call that costs money"),
    Step("handler", "S3", Objects.put, "the bytes, under their own hash"),
    Step("executor", "S3", write_manifest, "If-None-Match: the first writer wins, a slower one adopts its result"),
    Step("middleware", "NATS", JobMiddleware.publish_scope, "AssetCompleted, again and again until NATS has it"),
    Step("middleware", "NATS", Delivery.ack, "the ack is last"),
)

WHERE: Sequence[tuple[str, Sequence[Code]]] = (
    ("a job consumed", (images.jobs, SlotsSubscriber)),
    ("what stands around a job: attempts, heartbeat, event, ack", (JobMiddleware, JobRunner.attempt, Heartbeat)),
    ("a job retried, or not", (JobRunner.attempt, History)),
    ("a dead letter written", (JobEvents.failed, DeadLetter)),
    ("a job cancelled", (JobRunner.cancel, CancelledJobs)),
    ("a lost job requeued", (Reconciler,)),
    ("a story's state changed", (apply, Projector.project)),
    ("what the api publishes and asks", (api.Endpoints,)),
    ("what status consumes and publishes", (status.Endpoints, Projector.run)),
    ("what a worker publishes", (images.jobs, JobEvents)),
    ("a story created", (Routes.create, Commands.create)),
    ("progress sent to a reader", (Stream.handle,)),
    ("a provider called, limited, and left alone while it fails", (OpenAI, Gate)),
    ("streams and consumers defined", (provision,)),
)
"""What a newcomer looks for, and the code that it is."""


def a_story(root: Path) -> str:
    """The sequence of a story."""
    return _sequence(root, A_STORY)


def a_job(root: Path) -> str:
    """The sequence of a job."""
    return _sequence(root, A_JOB)


def where(root: Path) -> str:
    """The table of README."""
    del root
    rows = [[question, ", ".join(_link(code, "") for code in found)] for question, found in WHERE]
    return table(["where is …", "code"], rows)


def place(code: Code) -> tuple[str, str]:
    """The file of some code, from the checkout, and its name in there. Raises LookupError for code of others."""
    file = Path(inspect.getsourcefile(inspect.unwrap(code)) or "")
    if not file.is_relative_to(CHECKOUT):
        raise LookupError(f"{code.__qualname__} is not ours: {file}")
    return str(file.relative_to(CHECKOUT)), code.__qualname__


def _sequence(root: Path, steps: Sequence[Step]) -> str:
    """A numbered diagram, and below it the file of each number."""
    del root
    participants = dict.fromkeys(name for step in steps for name in (step.caller, step.callee))
    lines = ["```mermaid", "sequenceDiagram", "    autonumber"]
    lines += [f"    participant {name}" for name in participants]
    lines += [f"    {step.caller}->>{step.callee}: {step.code.__qualname__}" for step in steps]
    rows = [[str(number), _link(step.code, "../../"), step.what] for number, step in enumerate(steps, start=1)]
    return "\n".join([*lines, "```", "", table(["", "function", "what happens"], rows)])


def _link(code: Code, up: str) -> str:
    file, name = place(code)
    return f"[`{name}`]({up}{file})" if up else f"`{name}` in [{file}]({file})"
