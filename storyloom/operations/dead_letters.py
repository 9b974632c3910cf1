"""Dead letters as an operator sees them: numbered, and filtered by service, code and time."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from nats.js.errors import NotFoundError

from storyloom.jobs.dead_letters import DeadLetter
from storyloom.messaging.connection import Bus
from storyloom.operations.sources import read_stream


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter of DEAD and its number: its sequence in the stream."""

    id: int
    letter: DeadLetter

    @property
    def body(self) -> dict[str, Any]:
        """The letter's JSON; empty for a message that is no dead letter."""
        if self.letter.kind == "unreadable":
            return {}
        try:
            found = orjson.loads(self.letter.data)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    def summary(self) -> dict[str, Any]:
        """What the list shows, as plain JSON."""
        letter = self.letter
        return {
            "id": self.id,
            "at": letter.at.isoformat(timespec="milliseconds"),
            "service": letter.service,
            "story": letter.story,
            "asset": letter.asset,
            "kind": letter.kind,
            "code": letter.code,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "trace": letter.trace or None,
        }


Sender = Literal["content", "images", "audio", "documents", "status"]
"""Which service dead-lettered it: a worker, or status."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters; None matches all. ``service`` dead-lettered it, ``since`` it is not older."""

    service: Sender | None = None
    code: str | None = None
    since: datetime | None = None


async def list_entries(bus: Bus, filters: Filter) -> AsyncIterator[Entry]:
    """The letters that match, oldest first. Service and time are filtered by the server, the code here."""
    subject = f"dead.{filters.service or '*'}.>"
    async for message in read_stream(bus, bus.names.dead, subject, since=filters.since):
        metadata = message.metadata
        found = parse_entry(metadata.sequence.stream, message.subject, message.data, metadata.timestamp)
        if filters.code is None or found.letter.code == filters.code:
            yield found


async def get_entries(bus: Bus, ids: Sequence[int]) -> tuple[list[Entry], list[int]]:
    """The letters of these ids, and the ids that there is no letter of (any more)."""
    found, absent = [], []
    for number in ids:
        try:
            raw = await bus.js.get_msg(bus.names.dead, seq=number)
        except NotFoundError:
            await bus.js.stream_info(bus.names.dead)  # raises where it is the whole stream that is missing
            absent.append(number)
        else:
            if raw.time is None or raw.subject is None:
                raise ValueError("the server sent a message without its time or subject")
            found.append(parse_entry(number, raw.subject, raw.data or b"", raw.time))
    return found, absent


def parse_entry(number: int, subject: str, data: bytes, at: datetime) -> Entry:
    """A message of DEAD as far as it can be read."""
    try:
        return Entry(number, DeadLetter.read(subject, data, at))
    except ValueError:  # a subject, or a body, that nobody of ours writes
        reason = "it is no dead letter"
        of = {"service": "", "story": "", "asset": subject, "code": "unknown", "reason": reason, "at": at, "data": data}
        return Entry(number, DeadLetter.model_validate({"kind": "unreadable", **of}))
