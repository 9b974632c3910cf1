"""What each user of NATS may publish and hear: one table, in the words of the code that uses the subjects.

``ROLES`` is the table; ``permissions`` makes subjects of it, with the prefix of the installation. Whatever is not named
is refused. What subjects cannot tell apart is not kept apart: a worker may say of any asset that it is completed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from storyloom.messaging.topology import CANCEL_JOBS, DELIVERIES_DUE, QUERY_WORKERS, Names, consumers, streams
from storyloom.runtime.settings import NatsSettings
from storyloom.story.assets import Priority, Service
from storyloom.story.editing import ASK_EDITING
from storyloom.story.evaluation import ASK_EVALUATION
from storyloom.story.events import (
    AnyEvent,
    AssetCompleted,
    AssetFailed,
    AssetRetrying,
    CommandEvent,
    Event,
    StoryCompleted,
    StoryDeadlinePassed,
    StoryRequested,
)
from storyloom.story.screening import ASK_SCREENING

COMMANDS: tuple[type[Event], ...] = get_args(CommandEvent)
EVENTS: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])
STARTED, PROGRESSED, UPDATED = "live.*.started", "live.*.progressed", "status.*"


@dataclass(frozen=True, slots=True)
class Role:
    """What a service does on NATS. Streams and durables go by their names without the installation's prefix.

    ``pulls``: (stream, durable). ``purges``, ``reads`` and ``deletes_from``: streams, the last two of single messages.
    ``browses``: streams that are read from the beginning by consumers of its own, never by a service's.
    """

    events: tuple[type[Event], ...] = ()
    publishes: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    pulls: tuple[tuple[str, str], ...] = ()
    purges: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    deletes_from: tuple[str, ...] = ()
    browses: tuple[str, ...] = ()
    looks_at_topology: bool = True
    """It may ask how streams and consumers stand."""
    provisions: bool = False
    """It may create the installation's own streams and durables, and no others, and bring them to what they must be."""
    answers: bool = False
    """It may answer what it is asked, once a question."""


def _worker(service: Service, *asked: str) -> Role:
    """A worker takes its own jobs, says what becomes of them, and asks the others what they have in flight."""
    return Role(
        events=(AssetCompleted, AssetRetrying, AssetFailed),
        publishes=(f"dead.{service.value}.>", STARTED, PROGRESSED, QUERY_WORKERS),
        hears=(CANCEL_JOBS, QUERY_WORKERS, *asked),
        pulls=tuple(("JOBS", f"{service.value}-{priority.value}") for priority in Priority),
        answers=True,
    )


ROLES: Mapping[str, Role] = {
    "api": Role(
        events=(StoryRequested, *COMMANDS),
        publishes=(UPDATED, CANCEL_JOBS, DELIVERIES_DUE, ASK_SCREENING, ASK_EDITING, ASK_EVALUATION),
        hears=(UPDATED,),
        purges=("STORY", "JOBS", "DEAD"),  # erasure
    ),
    "status": Role(
        # What was lost, it publishes again.
        events=(StoryRequested, *COMMANDS, AssetFailed, StoryDeadlinePassed, StoryCompleted),
        publishes=("job.>", "dead.status.>", UPDATED, CANCEL_JOBS, QUERY_WORKERS, DELIVERIES_DUE),
        hears=(STARTED, PROGRESSED, UPDATED),
        pulls=(("STORY", "status"),),
        purges=("JOBS",),
        reads=("JOBS", "DEAD"),
        browses=("DEAD",),  # an operator looks at it, and replays a job as a command
        provisions=True,  # it brings back what NATS has lost
    ),
    "webhooks": Role(hears=(DELIVERIES_DUE,), looks_at_topology=False),
    "content": _worker(Service.CONTENT, ASK_SCREENING, ASK_EDITING),
    "images": _worker(Service.IMAGES),
    "audio": _worker(Service.AUDIO),
    "documents": _worker(Service.DOCUMENTS, ASK_EVALUATION),
    "migrate": Role(provisions=True),
    "ops": Role(
        # A dead letter is replayed as a command, or as the very event that could not be applied.
        events=EVENTS,
        publishes=(QUERY_WORKERS,),
        reads=("STORY", "JOBS", "DEAD"),
        deletes_from=("DEAD",),
        browses=("STORY", "DEAD"),
    ),
}
"""Users are called like the services. ``migrate`` provisions before a release, ``ops`` is operators' commands."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """The subjects of one user, as nats-server reads them. A refusal wins over what is allowed."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    refused: Sequence[str] = field(default=())
    """What is not to be published, of what ``publish`` allows."""
    answers: bool = False


def permissions(role: Role, user: str, settings: NatsSettings) -> Permissions:
    """What a role's user may do in an installation whose prefix the settings have."""
    names = Names(settings.nats_subject_prefix)
    publish = [names.subject(f"story.evt.{kind.__name__}.*") for kind in role.events]
    publish += [names.subject(subject) for subject in role.publishes]
    publish += [subject for stream, durable in role.pulls for subject in _pull(names, stream, durable)]
    publish += [f"$JS.API.STREAM.PURGE.{names.prefix}{stream}" for stream in role.purges]
    publish += [f"$JS.API.STREAM.MSG.GET.{names.prefix}{stream}" for stream in role.reads]
    publish += [f"$JS.API.STREAM.MSG.DELETE.{names.prefix}{stream}" for stream in role.deletes_from]
    publish += [subject for stream in role.browses for subject in _browse(names.prefix + stream)]
    if role.looks_at_topology:
        publish += [subject for stream in streams(settings) for subject in _look_at(stream.name or "")]
    if role.provisions:
        publish += _provision(settings)
    return Permissions(
        publish=publish,
        subscribe=[f"_INBOX.{user}.>", *(names.subject(subject) for subject in role.hears)],
        refused=_durables_kept(settings, [names.prefix + stream for stream in role.browses]),
        answers=role.answers,
    )


def _pull(names: Names, stream: str, durable: str) -> Sequence[str]:
    stream, durable = names.prefix + stream, names.prefix + durable
    # The second form of an acknowledgement's subject is that of servers with a domain (NATS ADR-15).
    return (
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
        f"$JS.ACK.{stream}.{durable}.>",
        f"$JS.ACK.*.*.{stream}.{durable}.>",
    )


def _look_at(stream: str) -> Sequence[str]:
    return f"$JS.API.STREAM.INFO.{stream}", f"$JS.API.CONSUMER.INFO.{stream}.*"


def _browse(stream: str) -> Sequence[str]:
    calls = ("CONSUMER.CREATE.{}.>", "CONSUMER.DELETE.{}.*", "CONSUMER.MSG.NEXT.{}.*")
    return [f"$JS.API.{call.format(stream)}" for call in calls]


def _provision(settings: NatsSettings) -> Sequence[str]:
    own = [f"$JS.API.STREAM.{call}.{one.name}" for one in streams(settings) for call in ("CREATE", "UPDATE")]
    for stream, consumer in consumers(settings):
        # A new durable goes by the first, one that is changed by the second: with one filter its subject ends with it.
        name = f"{stream}.{consumer.durable_name}"
        changed = f"{name}.{consumer.filter_subject}" if consumer.filter_subject else name
        own += [f"$JS.API.CONSUMER.DURABLE.CREATE.{name}", f"$JS.API.CONSUMER.CREATE.{changed}"]
    return own


def _durables_kept(settings: NatsSettings, browsed: Sequence[str]) -> Sequence[str]:
    """The services' own consumers are nobody's to change, to empty or to delete by the way of browsing."""
    return [
        f"$JS.API.CONSUMER.{call}.{stream}.{consumer.durable_name}{end}"
        for stream, consumer in consumers(settings)
        if stream in browsed
        for call, end in (("CREATE", ""), ("CREATE", ".>"), ("DELETE", ""), ("MSG.NEXT", ""))
    ]
