"""Messages on the pipes of worker processes: pickled tuples, each after a length prefix of four bytes.

Pickle is safe here because both ends are the studio's own processes on a private pipe. `multiprocessing.connection`
frames alike, but has no asyncio end.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any, BinaryIO

PREFIX = struct.Struct(">I")


def encode(message: Any) -> bytes:
    """One frame, ready to write."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return PREFIX.pack(len(body)) + body


def decode(body: bytes) -> Any:
    """The message in a frame's body."""
    return pickle.loads(body)  # noqa: S301 - see above: only our own worker or our own parent writes here


def read(stream: BinaryIO) -> Any:
    """The next message of a blocking stream. Raises EOFError at its end."""
    prefix = stream.read(PREFIX.size)
    if len(prefix) < PREFIX.size:
        raise EOFError
    (size,) = PREFIX.unpack(prefix)
    body = stream.read(size)
    if len(body) < size:
        raise EOFError
    return decode(body)
