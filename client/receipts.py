"""A receipt compared with what one has: whether files are what it says, and whether it was changed itself."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

from .downloads import FILES
from .resources import StoryReceipt


def changed_files(receipt: StoryReceipt, folder: Path) -> Iterator[str]:
    """The names of files in a folder, called as downloads are, that are not those of the receipt. Raises OSError.

    A file that is not there is no change.
    """
    known = {artefact["asset"]: artefact["sha256"] for artefact in receipt["artefacts"]}
    for name, (asset, part) in FILES.items():
        wanted = known.get(asset if part is None else f"{asset}.{part}")
        path = folder / name
        if wanted is not None and path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            yield name


def is_signed_with(receipt: StoryReceipt, key: str) -> bool:
    """Whether the receipt is as it was when somebody signed it with the key: HMAC-SHA256 over its canonical JSON."""
    signature = receipt["signature"]
    if signature is None or signature["algorithm"] != "HMAC-SHA256":
        return False
    rest = {name: value for name, value in receipt.items() if name != "signature"}
    body = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hmac.compare_digest(hmac.new(key.encode(), body, hashlib.sha256).hexdigest(), signature["value"])
