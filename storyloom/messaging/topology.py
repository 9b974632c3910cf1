"""The streams and consumers on NATS, and their one provisioner. Services declare nothing; they check.

STORY keeps events for 14 days; JOBS is a work queue with at most one live message a subject, so that its subjects *are*
the list of live work; DEAD keeps dead letters for 30 days, each once, however often its message is delivered again.
"""

from dataclasses import dataclass, replace

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
    "StoryDeadlinePassed",
)
"""What the projector consumes. It publishes StoryCompleted itself and need not consume it."""
QUERY_WORKERS = "workers.held"
"""Core NATS: every worker answers with the jobs that it has in flight."""
CANCEL_JOBS = "workers.stop"
"""Core NATS: every worker consumes StopWork (storyloom.story.jobs), the jobs that nobody wants any more."""


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


async def provision(js: JetStreamContext, settings: NatsSettings) -> None:
    """Bring every stream and consumer to what it must be. Safe to call twice, and by several at once.

    Raises nats errors when the server cannot be reached or refuses.
    """
    for stream in streams(settings):
        try:
            await js.add_stream(stream)
        except APIError as error:
            if error.err_code != 10058:  # the stream exists with other settings
                raise
            await js.update_stream(stream)
    for name, consumer in consumers(settings):
        await js.add_consumer(name, consumer)


async def topology_differences(js: JetStreamContext, settings: NatsSettings) -> list[str]:
    """What is absent or other than it must be, in a sentence each; empty when all is well."""
    found = []
    for stream in streams(settings):
        try:
            config = (await js.stream_info(stream.name or "")).config
        except NotFoundError:
            found.append(f"stream {stream.name} is missing")
            continue
        found += [f"stream {stream.name}: {key} is not as set" for key in _STREAM_KEYS if _differs(config, stream, key)]
    for name, consumer in consumers(settings):
        try:
            info = await js.consumer_info(name, consumer.durable_name or "")
        except NotFoundError:
            found.append(f"consumer {consumer.durable_name} is missing")
            continue
        keys = [key for key in _CONSUMER_KEYS if _differs(info.config, consumer, key)]
        found += [f"consumer {consumer.durable_name}: {key} is not as set" for key in keys]
    return found


_STREAM_KEYS = (
    "subjects",
    "retention",
    "discard",
    "discard_new_per_subject",
    "max_msgs_per_subject",
    "max_age",
    "max_bytes",
    "duplicate_window",
    "num_replicas",
)
_CONSUMER_KEYS = ("ack_wait", "filter_subject", "filter_subjects", "ack_policy", "max_deliver", "max_ack_pending")


def _differs(found: StreamConfig | ConsumerConfig | None, wanted: StreamConfig | ConsumerConfig, key: str) -> bool:
    want, have = getattr(wanted, key), getattr(found, key)
    return want is not None and have != want
