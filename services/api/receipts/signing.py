"""The signature of a receipt: an HMAC over its canonical JSON. Pure.

Whoever holds the key can verify, and sign: it shows a change to those who run the installation, and to whoever they
give the key (docs/adr/0032-receipts.md).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from services.api.receipts.resources import ReceiptSignature


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON of which there is one: keys in order, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def key_id(key: str) -> str:
    """Which key it is, without telling it: the first 16 digits of its hash."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def sign(receipt: Mapping[str, Any], key: str) -> ReceiptSignature:
    """The signature of a receipt, whatever signature stands in it."""
    body = canonical({name: value for name, value in receipt.items() if name != "signature"})
    value = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return {"algorithm": "HMAC-SHA256", "keyId": key_id(key), "value": value}
