"""A call as the studio sees it: what faults match, what latencies are drawn from, what the ledger notes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

Endpoint = Literal["responses", "images.generate", "images.edit", "moderations", "text_to_speech"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request for work. `prompt` is all of its words, `schema` the name of the schema asked for."""

    endpoint: Endpoint
    model: str
    prompt: str
    seed: int
    request_id: str
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """What a finished answer costs, in US dollars, and its size in bytes as sent."""

    cost_usd: float
    size: int


def draw_seed(*content: Any) -> int:
    """A seed of 53 bits, which any JSON reader keeps, from what a request means: the same on every run and machine."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 11
