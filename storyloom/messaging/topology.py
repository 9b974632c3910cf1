"""The streams and consumers on NATS, and their one provisioner: ``python -m ops migrate`` runs it, and status does when
it starts and when something is missing. The other services declare nothing; they wait until all is there.

STORY keeps events for 14 days; JOBS is a work queue with at most one live message a subject, so that its subjects *are*
the list of live work; DEAD keeps dead letters for 30 days, each once, however often its message is delivered again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

from storyloom.runtime.settings import NatsSettings
from storyloom.story.assets import Priority, Service

GENERATION = 2
"""Add one with every change of what a stream or consumer is (not of what a setting says)."""
DAY = 86_400.0
EVENTS_FOR_STATUS = (
    "StoryRequested",
    "AssetCompleted",
    "AssetFailed",
    "AssetRetrying",
    "StoryCancelled",
    "AssetRetryRequested",
    "AssetRegenerateRequested",
    "SceneTextEdited",
    "StoryApproved",
    "StoryDeadlinePassed",
)
"""What the projector consumes. It publishes StoryCompleted itself and need not consume it."""
QUERY_WORKERS = "workers.held"
"""Core NATS: every worker answers with the jobs that it has in flight."""
CANCEL_JOBS = "workers.stop"
"""Core NATS: every worker consumes StopWork (storyloom.story.jobs), the jobs that nobody wants any more."""
DELIVERIES_DUE = "webhooks.due"
"""Core NATS: one replica of webhooks consumes DeliveriesDue (storyloom.story.notifications)."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of streams, durables and subjects: a prefix sets one system apart from another on the same server."""

    prefix: str = ""

    @property
    def story(self) -> str:
        return f"{self.prefix}STORY"

    @property
    def jobs(self) -> str:
        return f"{self.prefix}JOBS"

    @property
    def dead(self) -> str:
        return f"{self.prefix}DEAD"

    @property
    def projector(self) -> str:
        """The projector's durable on STORY."""
        return f"{self.prefix}status"

    def lane(self, service: Service, priority: Priority) -> str:
        """The durable of one service's jobs of one priority."""
        return f"{self.prefix}{service.value}-{priority.value}"

    def subject(self, subject: str) -> str:
        return self.prefix + subject


def streams(settings: NatsSettings) -> list[StreamConfig]:
    """Every stream, as it must be."""
    names = Names(settings.nats_subject_prefix)
    shared = StreamConfig(storage=StorageType.FILE, num_replicas=settings.nats_stream_replicas)
    return [
        replace(
            shared,
            name=names.story,
            subjects=[names.subject("story.evt.>")],
            retention=RetentionPolicy.LIMITS,
            max_age=14 * DAY,
            duplicate_window=600,
        ),
        replace(
            shared,
            name=names.jobs,
            subjects=[names.subject("job.>")],
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            max_msgs_per_subject=1,
            discard_new_per_subject=True,
            max_bytes=settings.jobs_max_bytes,
            duplicate_window=120,
        ),
        replace(
            shared,
            name=names.dead,
            subjects=[names.subject("dead.>")],
            retention=RetentionPolicy.LIMITS,
            max_age=30 * DAY,
            # A message that is delivered again long after it was dead-lettered is not dead-lettered again.
            duplicate_window=30 * DAY,
        ),
    ]


def consumers(settings: NatsSettings) -> list[tuple[str, ConsumerConfig]]:
    """Every durable with its stream. No ``backoff`` (it overrides ack_wait), no ``max_deliver``: workers count."""
    names = Names(settings.nats_subject_prefix)
    shared = ConsumerConfig(
        ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL, max_deliver=-1, max_ack_pending=20_000
    )
    consumed = [names.subject(f"story.evt.{event}.*") for event in EVENTS_FOR_STATUS]
    projector = replace(shared, durable_name=names.projector, ack_wait=settings.ack_wait, filter_subjects=consumed)
    lanes = [
        replace(
            shared,
            durable_name=names.lane(service, priority),
            filter_subject=names.subject(f"job.{service.value}.{priority.value}.>"),
            ack_wait=settings.ack_wait,
        )
        for service in Service
        for priority in Priority
    ]
    return [(names.story, projector), *((names.jobs, lane) for lane in lanes)]


@dataclass(frozen=True, slots=True)
class Topology:
    """All streams and consumers as one release with its settings has them. ``generation`` counts releases that differ
    in them.
    """

    streams: Sequence[StreamConfig]
    consumers: Sequence[tuple[str, ConsumerConfig]]
    generation: int = GENERATION


async def provision(js: JetStreamContext, settings: NatsSettings) -> None:
    """Bring every stream and consumer to what it must be, before services start. Safe to call twice, and by several at
    once, also by two releases: see ``apply``.

    Raises nats errors when the server cannot be reached or refuses.
    """
    await apply(js, topology(settings), starting=True)


async def topology_differences(js: JetStreamContext, settings: NatsSettings, *, starting: bool = False) -> list[str]:
    """What is absent or other than it must be, in a sentence each; empty when all is well, and for what a newer release
    has set. ``starting``: also what ``provision`` would change since a variable has another value.
    """
    return await differences(js, topology(settings), starting=starting)


def topology(settings: NatsSettings) -> Topology:
    """What this release needs."""
    return Topology(streams(settings), consumers(settings))


async def apply(js: JetStreamContext, wanted: Topology, *, starting: bool) -> None:
    """Create what is missing and update what is not as wanted.

    While a release is rolled out, two of them run, which may want different things; so may two replicas whose settings
    differ. Each stream and consumer carries in its metadata which generation set it, and what a setting was then:

    - Only the same generation or a newer one updates. An older release leaves alone what a newer one has set.
    - What an environment variable decides (SETTINGS) is updated only by a service that is ``starting``, and only where
      the variable is another than it was when it was set. So no two replicas undo each other's for ever, and what an
      operator has set by hand (replicas, a larger limit) stays.
    - Everything else, such as where it is stored, is the operators'.
    """
    for stream in wanted.streams:
        have = await _stream(js, stream)
        if have is None:
            try:
                await js.add_stream(_marked(stream, wanted.generation))
                continue
            except APIError as error:
                if error.err_code != _STREAM_EXISTS:
                    raise
                have = await _stream(js, stream)
        if have is not None and (changes := _changes(have, stream, wanted.generation, starting=starting)):
            await js.update_stream(replace(have, **changes))
    for name, consumer in wanted.consumers:
        found = await _consumer(js, name, consumer)
        if found is None:
            await js.add_consumer(name, _marked(consumer, wanted.generation))
        elif changes := _changes(found, consumer, wanted.generation, starting=starting):
            await js.add_consumer(name, replace(found, **changes))


async def differences(js: JetStreamContext, wanted: Topology, *, starting: bool = False) -> list[str]:
    """What is absent or other than wanted and would be changed by ``apply``, in a sentence each."""
    found = []
    for stream in wanted.streams:
        have = await _stream(js, stream)
        if have is None:
            found.append(f"stream {stream.name} is missing")
            continue
        changes = _changes(have, stream, wanted.generation, starting=starting)
        found += [f"stream {stream.name}: {key} is not as set" for key in changes if key != "metadata"]
    for name, consumer in wanted.consumers:
        held = await _consumer(js, name, consumer)
        if held is None:
            found.append(f"consumer {consumer.durable_name} is missing")
            continue
        changes = _changes(held, consumer, wanted.generation, starting=starting)
        found += [f"consumer {consumer.durable_name}: {key} is not as set" for key in changes if key != "metadata"]
    return found


SETTINGS = ("num_replicas", "max_bytes", "ack_wait")
"""What NATS_STREAM_REPLICAS, JOBS_MAX_BYTES and ACK_WAIT decide."""
_OPERATORS = frozenset({"num_replicas", "max_bytes"})
"""Those of them that an operator may change by hand. The workers' heartbeats rest on ``ack_wait``."""
_KEYS = (
    "subjects",
    "retention",
    "discard",
    "discard_new_per_subject",
    "max_msgs_per_subject",
    "max_age",
    "duplicate_window",
    "filter_subject",
    "filter_subjects",
    "ack_policy",
    "max_deliver",
    "max_ack_pending",
)
_MARK = "storyloom_"
_STREAM_EXISTS = 10_058
"""JetStream's error code: it exists with other settings."""

C = TypeVar("C", StreamConfig, ConsumerConfig)


async def _stream(js: JetStreamContext, wanted: StreamConfig) -> StreamConfig | None:
    try:
        return (await js.stream_info(wanted.name or "")).config
    except NotFoundError:
        return None


async def _consumer(js: JetStreamContext, stream: str, wanted: ConsumerConfig) -> ConsumerConfig | None:
    try:
        config: ConsumerConfig = (await js.consumer_info(stream, wanted.durable_name or "")).config
    except NotFoundError:
        return None
    return config


def _marked(wanted: C, generation: int) -> C:
    return replace(wanted, metadata=_marks(wanted, generation))


def _marks(wanted: StreamConfig | ConsumerConfig, generation: int) -> dict[str, str]:
    """What is noted: the generation, and the settings as they are set."""
    settings = {key: value for key in SETTINGS if (value := getattr(wanted, key, None)) is not None}
    return {f"{_MARK}{key}": str(value) for key, value in {"generation": generation, **settings}.items()}


def _changes(
    have: StreamConfig | ConsumerConfig, want: StreamConfig | ConsumerConfig, generation: int, *, starting: bool
) -> dict[str, Any]:
    """What is to be changed, by key; empty where all is well, or a newer generation's."""
    noted = {key: value for key, value in (have.metadata or {}).items() if not key.startswith("_nats.")}
    if _number(noted.get(f"{_MARK}generation")) > generation:
        return {}
    changes = {
        key: value for key in _KEYS if (value := getattr(want, key, None)) is not None and getattr(have, key) != value
    }
    for key in SETTINGS:
        ours, before = getattr(want, key, None), noted.get(f"{_MARK}{key}")
        if ours is None:
            continue
        if starting and before not in (None, str(ours)):
            expected = ours
        elif key in _OPERATORS:
            continue
        else:
            expected = ours if before is None else type(ours)(before)
        if getattr(have, key) != expected:
            changes[key] = expected
    marks = _marks(want, generation)
    if not starting:  # the settings stay as whoever started last has set them
        marks |= {key: noted[key] for key in marks.keys() & noted.keys() if key != f"{_MARK}generation"}
    if noted | marks != noted and (starting or changes):
        changes["metadata"] = noted | marks
    return changes


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
