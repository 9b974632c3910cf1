"""Dead letters: what was given up, with the reason, for people to look at (stream DEAD).

Three kinds of body stand there: a job with why it died; a message on JOBS that is no job, as it came; and what the
projector could not read or fold, as ``{"event", "reason"}``. ``DeadLetter.read`` reads them all.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Self
from uuid import UUID

import orjson
from nats.aio.msg import Msg
from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from storyloom.messaging.consumer import stored_ns
from storyloom.messaging.publisher import OutboundMessage
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import PermanentError
from storyloom.story.events import AssetFailed
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import NEWEST_VERSION, AssetRequested
from storyloom.story.results import ProviderCall, Value
from storyloom.story.validation import wrong_fields


class DeadLetterBody(Value):
    """The body of a job's dead letter. ``attempts`` counts those that failed; ``calls`` is what they cost."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    job: dict[str, Any]
    """An AssetRequested as JSON: kept as it was, so that a later version can still show it."""
    code: str
    reason: str
    request_id: str | None = None
    details: dict[str, str] = Field(default_factory=dict)
    attempts: int = 0
    calls: tuple[ProviderCall, ...] = ()
    trace: str = ""
    at: datetime


class UnreadableEvent(Value):
    """The body of an event's dead letter: the event as it came, and why it was given up."""

    event: str
    reason: str


class DeadLetter(Value):
    """A dead letter of any kind, as people and tools look at it. ``job`` is None where there is none to replay."""

    kind: Literal["job", "unreadable", "event"]
    service: str
    """Whose it was: a worker service, or ``status``."""
    story: str
    """The story's id; whatever stood there, where the message was no job."""
    asset: str
    """The asset's name; ``event`` for an event."""
    code: str
    reason: str
    request_id: str | None = None
    details: dict[str, str] = Field(default_factory=dict)
    attempts: int = 0
    calls: tuple[ProviderCall, ...] = ()
    trace: str = ""
    at: datetime
    job: AssetRequested | None = None
    data: bytes
    """The body as it stands on the stream."""

    @classmethod
    def read(cls, subject: str, data: bytes, stored_at: datetime) -> Self:
        """Read any body of DEAD. ``subject`` may carry the bus's prefix; ``stored_at`` is the message's own time.

        Raises ValueError for a subject that is not ``dead.<service>.<story>.<asset>``.
        """
        _, service, story, asset = subject.split(".")
        of: dict[str, Any] = {"service": service, "story": story, "asset": asset, "data": data}
        fields = _object(data)
        if service == "status":
            reason = str(fields.get("reason", "it says nothing"))
            return cls(kind="event", code="unreadable_event", reason=reason, at=stored_at, **of)
        try:
            body = DeadLetterBody.model_validate(fields)
        except ValidationError:
            return cls(kind="unreadable", code="bug", reason="the job could not be read", at=stored_at, **of)
        job = None
        with suppress(ValidationError):
            job = AssetRequested.model_validate(body.job)
        trace = body.trace or str(body.job.get("trace", ""))
        kept = {name: getattr(body, name) for name in DeadLetterBody.model_fields if name not in ("job", "trace")}
        return cls(kind="job", job=job, trace=trace, **kept, **of)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no job: its dead letter, the field that is wrong, and the failure, if it said enough to tell
    one.
    """

    message: OutboundMessage
    field: str
    failed: AssetFailed | None


def dead_letter_message(
    job: AssetRequested, failure: PermanentError, *, attempts: int, calls: tuple[ProviderCall, ...] = ()
) -> OutboundMessage:
    """The dead letter of a job. Publishing it twice is harmless: its Msg-Id is derived from the job's, and DEAD knows
    it for as long as it keeps the letter.
    """
    body = DeadLetterBody(
        job=job.model_dump(mode="json"),
        code=failure.code,
        reason=failure.reason,
        request_id=failure.request_id,
        details=failure.details,
        attempts=attempts,
        calls=calls,
        trace=job.trace,
        at=datetime.now(UTC),
    )
    subject = f"dead.{job.service.value}.{job.story_id}.{job.asset.value}"
    return OutboundMessage(subject, body.model_dump_json(by_alias=True).encode(), f"{job.id}.dead")


def letter_id(message: Msg) -> str | None:
    """The Msg-Id of the dead letter of a message that has no id of its own: the same at every delivery of it.

    By stream, time and sequence: a stream that was recreated counts from one again. None for what no stream delivered.
    """
    stored = stored_ns(message)
    return f"{message.metadata.stream}.{stored}.{message.metadata.sequence.stream}.dead" if stored else None


def is_newer(data: bytes) -> bool:
    """Whether a message on JOBS was written by a newer version of this program: somebody else can read it."""
    version = _object(data).get("version")
    return isinstance(version, int) and version > NEWEST_VERSION


def unreadable(message: Msg, error: ValidationError, service: Service) -> Unreadable:
    """What is left to do about a message on JOBS that is no job."""
    field = wrong_fields(error, AssetRequested, most=1)
    _, story, asset = message.subject.rsplit(".", 2)
    kept = OutboundMessage(f"dead.{service.value}.{story}.{asset}", message.data, letter_id(message))
    failed = None
    with suppress(ValidationError, ValueError, TypeError, KeyError):
        fields = orjson.loads(message.data)
        failed = AssetFailed(
            id=f"{fields['id']}.failed",
            story_id=UUID(story),
            tenant_id=fields["tenant_id"],
            trace=str(fields.get("trace", "")),
            at=datetime.now(UTC),
            asset=Asset(asset),
            fingerprint=Fingerprint(fields["fingerprint"]),
            started_at=datetime.now(UTC),
            code="bug",
            reason=f"the job could not be read: {field}",
        )
    return Unreadable(kept, field, failed)


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
