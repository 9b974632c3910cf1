"""A worker process: does the jobs that come through stdin, and sends their results through stdout.

`python -m studio.worker KIND CONCURRENCY`, started by studio/worker_pool.py and of no use by hand. It ends with its
parent, however that ends: the pipe closes, the reading thread sees it, and the process is gone, even during a job.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, BinaryIO, Literal, NoReturn, cast

from studio import framing
from studio.worker_tasks import Tasks, load_tasks

Kind = Literal["painting", "piper", "espeak"]  # what a worker loads and can do
READY = 0  # the number of the reply that says: all is loaded


class Worker:
    """Up to `concurrency` jobs at once; the replies are (number, result, None) or (number, None, (kind, message))."""

    def __init__(self, kind: Kind, concurrency: int, replies: BinaryIO) -> None:
        self._replies = replies
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(concurrency)
        self._tasks = self._threads.submit(self._load, kind)

    def serve(self, jobs: BinaryIO) -> NoReturn:
        """Work until the parent closes the pipe."""
        try:
            while True:
                number, function, arguments = framing.read(jobs)
                self._threads.submit(self._run, number, function, arguments)
        except EOFError:
            # What is still being made has nobody left to go to; a plain exit would wait for its threads.
            os._exit(0)

    def _load(self, kind: Kind) -> Tasks:
        try:
            tasks = load_tasks(kind)
        except Exception:
            traceback.print_exc()  # jobs that come will hear of it too, but nobody may be asking yet
            raise
        self._reply((READY, None, None))
        return tasks

    def _run(self, number: int, function: str, arguments: tuple[Any, ...]) -> None:
        try:
            self._reply((number, self._tasks.result()[function](*arguments), None))
        except ValueError as error:
            self._reply((number, None, ("ValueError", str(error))))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked must hear of it
            self._reply((number, None, (type(error).__name__, "".join(traceback.format_exception(error)))))

    def _reply(self, message: Any) -> None:
        with self._lock:
            self._replies.write(framing.encode(message))
            self._replies.flush()


def main() -> NoReturn:
    """Take the pipes, load, serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    replies = os.fdopen(os.dup(1), "wb")
    kind, concurrency = sys.argv[1:]
    if kind != "painting":
        os.nice(5)  # where cores are few the voice gives way: the book waits for its pictures, and the eye comes first
    os.dup2(2, 1)  # libraries print; a stray line between two frames would break the pipe's protocol
    Worker(cast("Kind", kind), int(concurrency), replies).serve(os.fdopen(os.dup(0), "rb"))


if __name__ == "__main__":
    main()
