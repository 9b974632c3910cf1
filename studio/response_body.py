"""The Response object of OpenAI's Responses API, complete, as the vendor's specification of 2026-08-21 has it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from studio.openai_api import estimate_tokens

# Reasoning models would spend tokens on thought; the studio thinks nothing.
_ECHOED: dict[str, Any] = {
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None,
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None, "safety_identifier": None,
    "store": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_logprobs": 0, "top_p": 1.0,
    "truncation": "disabled", "metadata": {},
}  # fmt: skip


_MOST_TOKENS = 128_000  # what a model allows where the request does not say


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one request: a text or a refusal, whole or broken off at the tokens allowed.

    `reasoning`: tokens that went into thought; `odd`: whether items and parts stand around it that no client knows.
    """

    body: dict[str, Any]
    text: str
    refusal: str | None
    input_tokens: int
    complete: bool = True
    reasoning: int = 0
    odd: bool = False

    @property
    def output_tokens(self) -> int:
        """The tokens of what is said and thought."""
        return estimate_tokens(self.refusal or self.text) + self.reasoning

    def exhausted(self, most: int | None, *, reasoning: bool) -> Answer:
        """The same, broken off at `most` tokens: in the middle of the text, or before it with all gone in thought."""
        kept = "" if reasoning else self.text[: len(self.text) // 2]
        thought = max(0, int(most or _MOST_TOKENS) - estimate_tokens(kept))
        return replace(self, text=kept, complete=False, reasoning=thought)

    def truncated(self, most: int | None) -> Answer:
        """The same, broken off after `most` tokens, if it has more."""
        if most is None or self.output_tokens <= most:
            return self
        kept = self.text.encode()[: int(most) * 4].decode(errors="ignore")
        return replace(self, text=kept, complete=False)

    def content_part(self) -> dict[str, Any]:
        """The content part: output_text or refusal."""
        if self.refusal is not None:
            return {"type": "refusal", "refusal": self.refusal}
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}


def build_item(answer: Answer, message_id: str) -> dict[str, Any]:
    """The one output message, finished."""
    return {
        "type": "message", "id": message_id, "role": "assistant",
        "status": "completed" if answer.complete else "incomplete", "content": [answer.content_part()],
    }  # fmt: skip


def build_output(answer: Answer, message_id: str) -> list[Any]:
    """All output items: the message, and the thought before it. One that ran out of tokens may have no message."""
    thought = {"type": "reasoning", "id": message_id.replace("msg", "rs", 1), "summary": []}
    if answer.reasoning and not answer.text:
        return [thought]
    item = build_item(answer, message_id)
    if not answer.odd:
        return [thought, item] if answer.reasoning else [item]
    empty: dict[str, Any] = {"type": "output_text", "text": None, "annotations": [], "logprobs": []}
    later = {"type": "part_of_another_day", "value": 7}
    return [
        thought, None, {"type": "item_of_another_day", "id": message_id, "content": "none"},
        {**item, "content": [None, empty, later, *item["content"]]}, None,
    ]  # fmt: skip


def build_response(answer: Answer, response_id: str, message_id: str) -> dict[str, Any]:
    """The finished Response."""
    now = int(time.time())
    tokens = answer.output_tokens
    return {
        **build_in_progress(answer, response_id),
        "status": "completed" if answer.complete else "incomplete",
        "completed_at": now if answer.complete else None,
        "incomplete_details": None if answer.complete else {"reason": "max_output_tokens"},
        "output": build_output(answer, message_id),
        "usage": {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": answer.reasoning},
            "total_tokens": answer.input_tokens + tokens,
        },
    }


def name_model(asked: str) -> str:
    """Who really answers: the studio, in the stead of the model asked for, by which prices and the ledger go."""
    return f"storyloom-studio-{asked}"


def build_in_progress(answer: Answer, response_id: str) -> dict[str, Any]:
    """The Response as a stream opens with it: in progress, nothing said yet."""
    body = answer.body
    echoed = {name: default if body.get(name) is None else body[name] for name, default in _ECHOED.items()}
    asked = body.get("text") or {}
    return {
        **echoed,
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": name_model(body["model"]),
        "output": [],
        "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None},
        "service_tier": "default",
        "text": {"format": asked.get("format", {"type": "text"}), "verbosity": asked.get("verbosity") or "medium"},
    }
