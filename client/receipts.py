"""A receipt compared with what one has: whether files are what it says, and whether it was changed itself."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

from .downloads import FILES, TAGGED
from .resources import StoryReceipt

_HEADER_BYTES = 10
"""Of an ID3v2.3 tag, and of each of its frames (https://id3.org/id3v2.3.0)."""
_STORED_TAG = b"storyloom/stored-tag\0"
"""Owner of the private frame that holds the tag with which a recording is stored."""


def changed_files(receipt: StoryReceipt, folder: Path) -> Iterator[str]:
    """The names of files in a folder, called as downloads are, that are not those of the receipt. Raises OSError.

    A file that is not there is no change. Of a recording with a cover in its tag the sound is compared, with the tag
    that it is stored with.
    """
    known = {artefact["asset"]: artefact["sha256"] for artefact in receipt["artefacts"]}
    for name, (asset, part) in FILES.items():
        wanted = known.get(asset if part in (None, TAGGED) else f"{asset}.{part}")
        path = folder / name
        if wanted is None or not path.exists():
            continue
        data = path.read_bytes()
        if hashlib.sha256(as_stored(data) if part == TAGGED else data).hexdigest() != wanted:
            yield name


def as_stored(mp3: bytes) -> bytes:
    """A recording with the tag that it is stored with; as it is, where its own tag does not hold that one."""
    end = _tag_end(mp3)
    at = _HEADER_BYTES
    while at + _HEADER_BYTES <= end:
        first = at + _HEADER_BYTES
        after = first + int.from_bytes(mp3[at + 4 : at + 8])
        if mp3[at : at + 4] == b"PRIV" and mp3.startswith(_STORED_TAG, first) and after <= end:
            return mp3[first + len(_STORED_TAG) : after] + mp3[end:]
        at = after
    return mp3


def _tag_end(mp3: bytes) -> int:
    """Where the tag ends that a recording begins with; 0 where there is none. Sizes have seven bits a byte."""
    if len(mp3) < _HEADER_BYTES or not mp3.startswith(b"ID3\x03"):
        return 0
    return _HEADER_BYTES + sum(byte << shift for byte, shift in zip(mp3[6:10], (21, 14, 7, 0), strict=True))


def is_signed_with(receipt: StoryReceipt, key: str) -> bool:
    """Whether the receipt is as it was when somebody signed it with the key: HMAC-SHA256 over its canonical JSON."""
    signature = receipt["signature"]
    if signature is None or signature["algorithm"] != "HMAC-SHA256":
        return False
    rest = {name: value for name, value in receipt.items() if name != "signature"}
    body = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hmac.compare_digest(hmac.new(key.encode(), body, hashlib.sha256).hexdigest(), signature["value"])
