"""The process in which stories are evaluated: some seconds of pure CPU and some hundred MB, nobody else's.

It answers requests over its pipes until its stdin ends. A request is a length (4 bytes, big-endian), so many bytes of
JSON {story, files: [[name, size]]}, and the files' bytes; an answer a length and JSON {claims, version}.
"""

import json
import os
import struct
import sys
from typing import BinaryIO

from storyloom.evaluators import VERSION
from storyloom.evaluators.evaluate import evaluate


def answer(source: BinaryIO, target: BinaryIO) -> bool:
    """Answer one request; False where there is none any more."""
    head = source.read(4)
    if len(head) < 4:
        return False
    request = json.loads(source.read(struct.unpack(">I", head)[0]))
    files = {name: source.read(size) for name, size in request["files"]}
    claims = [claim.wire() for claim in evaluate(request["story"], files)]
    body = json.dumps({"claims": claims, "version": VERSION}).encode()
    target.write(struct.pack(">I", len(body)) + body)
    target.flush()
    return True


def main() -> None:
    """Answer until the parent has ended."""
    os.nice(10)  # a book that somebody waits for comes first
    # Libraries that print do not print into the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    while answer(sys.stdin.buffer, answers):
        pass


if __name__ == "__main__":
    main()
