"""The same answer as server-sent events, in the order and shape of OpenAI's stream."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from studio.desk import Visit, hang_up
from studio.openai_api import draw_id
from studio.response_body import Answer, build_item, build_opening, build_response

Event = dict[str, Any]
_BEFORE_FIRST_WORD = 0.3  # the share of the whole time that passes before a model says its first word
_PIECES = re.compile(r"\s*\S{1,8}")  # about what one token is


async def stream_response(visit: Visit, answer: Answer, *, cost_usd: float) -> web.StreamResponse:
    """Stream an answer, over the time that the vendor would need for it; cut or garbled if that is the fault."""
    events = list(tell_events(answer, draw_id("resp"), draw_id("msg")))
    rest = await visit.pause(_BEFORE_FIRST_WORD)
    frames = [_frame(number, event) for number, event in enumerate(events)]
    visit.note(cost_usd, sum(map(len, frames)))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
    )
    broken = visit.fault_name in {"cut", "malformed"}
    with contextlib.suppress(ConnectionError):  # a client that left has been billed all the same
        await response.prepare(visit.request)
        for frame in frames[: len(frames) // 2] if broken else frames:
            await response.write(frame)
            await visit.desk.rest(rest / len(frames))
        if visit.fault_name == "cut":
            hang_up(visit.request)
            return response
        if visit.fault_name == "malformed":
            await response.write(_garble(frames[len(frames) // 2]))
        await response.write_eof()
    return response


def _garble(frame: bytes) -> bytes:
    """An event whose JSON breaks off."""
    return frame[: frame.index(b"data: ") + 20] + b"\n\n"


def tell_events(answer: Answer, response_id: str, message_id: str) -> Iterator[Event]:
    """All events of one answer, without their numbers."""
    opening = build_opening(answer, response_id)
    yield {"type": "response.created", "response": opening}
    yield {"type": "response.in_progress", "response": opening}
    item = build_item(answer, message_id)
    yield {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**item, "status": "in_progress", "content": []},
    }
    yield from _tell_part(answer, {"item_id": message_id, "output_index": 0, "content_index": 0})
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    ending = "response.completed" if answer.complete else "response.incomplete"
    yield {"type": ending, "response": build_response(answer, response_id, message_id)}


def _tell_part(answer: Answer, place: Event) -> Iterator[Event]:
    part = answer.part()
    kind = part["type"]
    field = "text" if kind == "output_text" else "refusal"
    more: Event = {"logprobs": []} if kind == "output_text" else {}
    yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
    for piece in cut(part[field]):
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, **more}
    yield {"type": f"response.{kind}.done", **place, field: part[field], **more}
    yield {"type": "response.content_part.done", **place, "part": part}


def cut(text: str) -> list[str]:
    """A text in pieces of about a token; joined, they are the text."""
    starts = [match.start() for match in _PIECES.finditer(text)] or [0]
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


def _frame(number: int, event: Event) -> bytes:
    data = {"type": event["type"], "sequence_number": number, **event}
    return f"event: {event['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
