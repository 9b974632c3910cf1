"""How the studio talks to its workers: pickled tuples, each led by its length in four bytes.

Pickle is safe here because both ends are the studio's own processes on a private pipe.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO

LEAD = struct.Struct(">I")


def pack(message: Any) -> bytes:
    """One frame, ready to write."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return LEAD.pack(len(body)) + body


def unpack(body: bytes) -> Any:
    """What a frame's body says."""
    return pickle.loads(body)  # noqa: S301 - see above: only our own worker or our own parent writes here


def read_frame(stream: BinaryIO) -> Any:
    """The next frame of a blocking stream. Raises EOFError at its end."""
    lead = stream.read(LEAD.size)
    if len(lead) < LEAD.size:
        raise EOFError
    (size,) = LEAD.unpack(lead)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return unpack(body)
