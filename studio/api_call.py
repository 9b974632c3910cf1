"""A call as the studio sees it: what faults match, what latencies are drawn from, what the ledger notes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

_NAME = re.compile(r"[\x21-\x7e]+")  # OpenAI takes ASCII alone
_LONGEST_NAME = 512  # characters, as OpenAI documents it

Endpoint = Literal["responses", "images.generate", "images.edit", "moderations", "text_to_speech"]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request for work. `prompt` is all of its words, `schema` the name of the schema asked for."""

    endpoint: Endpoint
    model: str
    prompt: str
    seed: int
    request_id: str
    schema: str | None = None
    max_output_tokens: int | None = None
    """What the answer may have; null: as many as the model has."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a finished answer costs, in US dollars, and its size in bytes as sent."""

    cost_usd: float
    size: int


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Who made a call, as far as the studio can tell."""

    client_request_id: str | None = None
    """What the client called it (X-Client-Request-Id)."""
    started_at: float = 0.0
    """When the call was accepted, in unix seconds."""
    connected: bool | None = None
    """Whether the client was still connected when the answer was ready; None: unknown."""


def read_client_request_id(header: str | None) -> str | None:
    """A client's name for its request, if it is one; what is too long is cut. It may say anything."""
    return header[:_LONGEST_NAME] if header and _NAME.fullmatch(header) else None


def derive_seed(*content: Any) -> int:
    """A seed of 53 bits, which any JSON reader keeps, from what a request means: the same on every run and machine."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 11
