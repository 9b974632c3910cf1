"""Dead letters: what was given up, with the reason, for people to look at (stream DEAD)."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import orjson
from nats.aio.msg import Msg
from pydantic import ValidationError

from storyloom.bus.publishing import Letter
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import GiveUp
from storyloom.story.events import AssetFailed
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no job: its letter, the field that is wrong, and the failure, if it said enough to tell one."""

    letter: Letter
    field: str
    failed: AssetFailed | None


def letter(job: AssetRequested, failure: GiveUp, *, attempts: int) -> Letter:
    """The job with why it died."""
    body = {
        "job": job.model_dump(mode="json"),
        "code": failure.code,
        "reason": failure.reason,
        "requestId": failure.request_id,
        "details": failure.details,
        "attempts": attempts,
        "at": datetime.now(UTC).isoformat(),
    }
    subject = f"dead.{job.service.value}.{job.story_id}.{job.asset.value}"
    return Letter(subject, orjson.dumps(body), f"{job.id}.dead")


def unreadable(message: Msg, error: ValidationError, service: Service) -> Unreadable:
    """What is left to do about a message on JOBS that is no job."""
    field = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
    _, story, asset = message.subject.rsplit(".", 2)
    kept = Letter(f"dead.{service.value}.{story}.{asset}", message.data, None)
    failed = None
    with suppress(ValidationError, ValueError, TypeError, KeyError):
        told = orjson.loads(message.data)
        failed = AssetFailed(
            id=f"{told['id']}.failed",
            story_id=UUID(story),
            tenant_id=told["tenant_id"],
            trace=str(told.get("trace", "")),
            at=datetime.now(UTC),
            asset=Asset(asset),
            fingerprint=Fingerprint(told["fingerprint"]),
            started_at=datetime.now(UTC),
            code="bug",
            reason=f"the job could not be read: {field}",
        )
    return Unreadable(kept, field, failed)
