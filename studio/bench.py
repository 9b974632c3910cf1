"""A worker process: does what the studio hands it through stdin, and hands it back through stdout.

`python -m studio.bench TRADE SLOTS`, started by studio/workshop.py and of no use by hand. It ends with its parent,
however that ends: the pipe closes, the reading thread sees it, the process is gone, even in the middle of a picture.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, BinaryIO, NoReturn

from studio import frames
from studio.crafts import Craft, learn

READY = 0  # the number of the frame that says: the trade is learned


class Bench:
    """Up to `slots` jobs at once, each answered with (number, result, None) or (number, None, (kind, message))."""

    def __init__(self, trade: str, slots: int, replies: BinaryIO) -> None:
        self._replies = replies
        self._lock = Lock()
        self._slots = ThreadPoolExecutor(slots)
        self._craft = self._slots.submit(self._learn, trade)

    def serve(self, jobs: BinaryIO) -> NoReturn:
        """Work until the parent closes the pipe."""
        try:
            while True:
                number, name, arguments = frames.read_frame(jobs)
                self._slots.submit(self._work, number, name, arguments)
        except EOFError:
            # What is still being made has nobody left to go to; a plain exit would wait for its threads.
            os._exit(0)

    def _learn(self, trade: str) -> Craft:
        try:
            craft = learn(trade)
        except Exception:
            traceback.print_exc()  # jobs that come will hear of it too, but nobody may be asking yet
            raise
        self._reply((READY, None, None))
        return craft

    def _work(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            self._reply((number, self._craft.result()[name](*arguments), None))
        except ValueError as error:
            self._reply((number, None, ("ValueError", str(error))))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked must hear of it
            self._reply((number, None, (type(error).__name__, "".join(traceback.format_exception(error)))))

    def _reply(self, message: Any) -> None:
        with self._lock:
            self._replies.write(frames.pack(message))
            self._replies.flush()


def main() -> NoReturn:
    """Take the pipes, learn the trade, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    replies = os.fdopen(os.dup(1), "wb")
    if sys.argv[1] != "painting":
        os.nice(5)  # where cores are few the voice gives way: the book waits for its pictures, and the eye comes first
    os.dup2(2, 1)  # libraries print; a stray line between two frames would break the pipe's language
    Bench(sys.argv[1], int(sys.argv[2]), replies).serve(os.fdopen(os.dup(0), "rb"))


if __name__ == "__main__":
    main()
