"""Which subjects a stream has messages on: JetStream's stream info with ``subjects_filter``, a page at a time.

nats-py (2.16) asks for the first page alone, and nothing in its answer says that there are more: a stream with more
subjects than fit on one would seem to have lost the rest.
"""

from typing import Any

import orjson
from nats.aio.client import Client
from nats.js.errors import APIError

OVERLAP = 1000
"""Subjects of a page that are asked for again with the next one, where there are enough: those that went meanwhile move
the rest up, and what stood right after the page would be missed."""
TIMEOUT_SECONDS = 10.0
"""For one page: a full one takes a busy server seconds."""


async def read_subjects(client: Client, stream: str, wanted: str, *, overlap: int = OVERLAP) -> set[str]:
    """The subjects of a stream that ``wanted`` matches, as of about one moment.

    A page has 100,000 at most (nats-server's JSMaxSubjectDetails). Raises nats errors, such as NotFoundError.
    """
    found: set[str] = set()
    offset = 0
    while True:
        answer = await _request(client, stream, {"subjects_filter": wanted, "offset": offset})
        page: dict[str, int] = answer["state"].get("subjects") or {}
        before = len(found)
        found |= page.keys()
        total = int(answer.get("total") or 0)
        if offset + len(page) >= total or len(found) == before:
            return found
        # At least half of every page is new: it ends.
        offset += len(page) - min(overlap, len(page) // 2)


async def _request(client: Client, stream: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await client.request(f"$JS.API.STREAM.INFO.{stream}", orjson.dumps(body), timeout=TIMEOUT_SECONDS)
    answer: dict[str, Any] = orjson.loads(reply.data)
    if "error" in answer:
        APIError.from_error(answer["error"])
    return answer
