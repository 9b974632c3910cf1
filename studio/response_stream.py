"""The same answer as server-sent events, in the order and shape of OpenAI's stream."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from studio.openai_api import new_id
from studio.request_context import RequestContext, close_connection
from studio.response_body import Answer, build_in_progress, build_item, build_response

Event = dict[str, Any]
_SHARE_BEFORE_FIRST_TOKEN = 0.3  # the share of the whole time that passes before a model sends its first token
_PIECES = re.compile(r"\s*\S{1,8}")  # about what one token is


async def stream_response(context: RequestContext, answer: Answer, *, cost_usd: float) -> web.StreamResponse:
    """Stream an answer, over the time that the vendor would need for it; cut or malformed if that is the fault."""
    events = list(response_events(answer, new_id("resp"), new_id("msg")))
    rest = await context.wait(_SHARE_BEFORE_FIRST_TOKEN)
    messages = [_encode(number, event) for number, event in enumerate(events)]
    context.record(cost_usd, sum(map(len, messages)))
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
    )
    broken = context.fault_name in {"cut", "malformed"}
    with contextlib.suppress(ConnectionError):  # a client that left has been billed all the same
        await response.prepare(context.request)
        for message in messages[: len(messages) // 2] if broken else messages:
            await response.write(message)
            await context.state.sleep(rest / len(messages))
        if context.fault_name == "cut":
            close_connection(context.request)
            return response
        if context.fault_name == "malformed":
            await response.write(_break_off(messages[len(messages) // 2]))
        await response.write_eof()
    return response


def _break_off(message: bytes) -> bytes:
    """An event whose JSON breaks off."""
    return message[: message.index(b"data: ") + 20] + b"\n\n"


def response_events(answer: Answer, response_id: str, message_id: str) -> Iterator[Event]:
    """All events of one answer, without their numbers."""
    in_progress = build_in_progress(answer, response_id)
    yield {"type": "response.created", "response": in_progress}
    yield {"type": "response.in_progress", "response": in_progress}
    if answer.odd:
        yield {"type": "response.event_of_another_day", "item": None}
    if answer.text or answer.refusal or not answer.reasoning:
        yield from _message_events(answer, message_id)
    ending = "response.completed" if answer.complete else "response.incomplete"
    yield {"type": ending, "response": build_response(answer, response_id, message_id)}


def _message_events(answer: Answer, message_id: str) -> Iterator[Event]:
    item = build_item(answer, message_id)
    yield {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**item, "status": "in_progress", "content": []},
    }
    yield from _part_events(answer, {"item_id": message_id, "output_index": 0, "content_index": 0})
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}


def _part_events(answer: Answer, place: Event) -> Iterator[Event]:
    part = answer.content_part()
    kind = part["type"]
    field = "text" if kind == "output_text" else "refusal"
    more: Event = {"logprobs": []} if kind == "output_text" else {}
    yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}
    for piece in split_tokens(part[field]):
        yield {"type": f"response.{kind}.delta", **place, "delta": piece, **more}
    yield {"type": f"response.{kind}.done", **place, field: part[field], **more}
    yield {"type": "response.content_part.done", **place, "part": part}


def split_tokens(text: str) -> list[str]:
    """A text in pieces of about a token; joined, they are the text."""
    starts = [match.start() for match in _PIECES.finditer(text)] or [0]
    return [text[start:end] for start, end in itertools.pairwise([*starts, len(text)])]


def _encode(number: int, event: Event) -> bytes:
    data = {"type": event["type"], "sequence_number": number, **event}
    return f"event: {event['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
