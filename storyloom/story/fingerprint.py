"""Fingerprints: the SHA-256 of everything that decides what an asset will be."""

import hashlib
import json
from typing import Any, NewType

import orjson

Fingerprint = NewType("Fingerprint", str)
"""64 lower-case hex digits."""


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8 (after RFC 8785, for our plain values)."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what orjson does not know, such as integers over 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def fingerprint(*parts: Any) -> Fingerprint:
    """The fingerprint of plain JSON values, order mattering."""
    return Fingerprint(hashlib.sha256(canonical(parts)).hexdigest())
