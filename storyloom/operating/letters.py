"""Dead letters as an operator meets them: read as far as they can be read, and chosen by service, code and time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from storyloom.bus.connection import Bus
from storyloom.operating.pages import read

Kind = Literal["job", "event", "unreadable"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One message on DEAD. ``id`` is its sequence in the stream, ``at`` the time when the server took it.

    A ``job`` was given up by a worker; an ``event`` was buried by the projector; what is ``unreadable`` was no job.
    ``told`` is its JSON, empty for what is none.
    """

    id: int
    at: datetime
    service: str
    story_id: str
    asset: str
    kind: Kind
    told: dict[str, Any]
    size: int

    @property
    def code(self) -> str:
        """The stable word for why it died."""
        usual = {"job": "", "event": "buried", "unreadable": "unreadable"}[self.kind]
        return str(self.told.get("code") or usual)

    @property
    def reason(self) -> str:
        usual = "the job could not be read" if self.kind == "unreadable" else ""
        return str(self.told.get("reason") or usual)

    @property
    def attempts(self) -> int | None:
        found = self.told.get("attempts")
        return found if isinstance(found, int) else None

    @property
    def job(self) -> dict[str, Any]:
        """The job, empty where there is none."""
        found = self.told.get("job")
        return found if isinstance(found, dict) else {}

    @property
    def trace(self) -> str:
        return str(self.job.get("trace") or self.told.get("trace") or "")

    def summary(self) -> dict[str, Any]:
        """What the list shows, as plain JSON."""
        return {
            "id": self.id,
            "at": self.at.isoformat(timespec="milliseconds"),
            "service": self.service,
            "story": self.story_id,
            "asset": self.asset,
            "kind": self.kind,
            "code": self.code,
            "reason": self.reason,
            "attempts": self.attempts,
            "trace": self.trace or None,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant; what is None is not asked."""

    service: str | None = None
    code: str | None = None
    since: datetime | None = None


async def choose(bus: Bus, choice: Choice) -> AsyncIterator[Entry]:
    """The letters that are meant, oldest first. Service and time are chosen by the server, the code here."""
    subject = f"dead.{choice.service or '*'}.>"
    async for message in read(bus, bus.names.dead, subject, since=choice.since):
        entry = _entry_of(bus, message)
        if choice.code is None or entry.code == choice.code:
            yield entry


async def look_up(bus: Bus, ids: Sequence[int]) -> tuple[list[Entry], list[int]]:
    """The letters of these ids, and the ids that there is no letter of (any more)."""
    found, absent = [], []
    for number in ids:
        try:
            raw = await bus.js.get_msg(bus.names.dead, seq=number)
        except NotFoundError:
            await bus.js.stream_info(bus.names.dead)  # raises where it is the whole stream that is missing
            absent.append(number)
        else:
            found.append(_entry_of_raw(bus, raw))
    return found, absent


def entry(number: int, at: datetime, subject: str, data: bytes) -> Entry:
    """Read a letter; ``subject`` is without prefix: ``dead.<service>.<story_id>.<asset>``."""
    _, service, story_id, asset = [*subject.split(".", 3), "", "", ""][:4]
    told: Any = None
    with suppress(orjson.JSONDecodeError):
        told = orjson.loads(data)
    kind: Kind = "unreadable"
    if isinstance(told, dict) and isinstance(told.get("job"), dict):
        kind = "job"
    elif isinstance(told, dict) and isinstance(told.get("event"), str) and asset == "event":
        kind = "event"
    # Of what never was a job nothing is believed but what the workers wrote around it.
    known = told if isinstance(told, dict) and (kind != "unreadable" or "reason" in told) else {}
    return Entry(number, at, service, story_id, asset, kind, known, len(data))


def _entry_of(bus: Bus, message: Msg) -> Entry:
    metadata = message.metadata
    subject = message.subject.removeprefix(bus.names.prefix)
    return entry(metadata.sequence.stream, metadata.timestamp, subject, message.data)


def _entry_of_raw(bus: Bus, raw: RawStreamMsg) -> Entry:
    if raw.time is None or raw.subject is None or raw.seq is None:
        raise ValueError("the server told of a message without its time, subject or number")
    return entry(raw.seq, raw.time, raw.subject.removeprefix(bus.names.prefix), raw.data or b"")
