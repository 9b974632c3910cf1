"""Programs that are run to their end, and ended with what they started when nobody waits for them any more."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
GRACE_SECONDS = 10
"""What a program has to end by itself: one that builds unmounts what it has mounted."""

_running: set[subprocess.Popen[str]] = set()


class StackError(Exception):
    """The stack could not be built, started, used or removed; the message says why."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
        """A program's exit code, where one failed; else 0."""


class UnsupportedError(Exception):
    """Containers cannot be had on this machine, whatever the code under test does; the message says why, in a line."""


def execute(
    command: Sequence[str], *, within: float, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> str:
    """Run a program in the checkout; its stdout. What it writes is kept in ``log``. Raises StackError.

    It has a session of its own: Ctrl-C in a terminal is for the test, which then ends it.
    """
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    ) as process:  # fmt: skip
        _running.add(process)
        try:
            written, said = process.communicate(timeout=within)
        except subprocess.TimeoutExpired as error:
            raise StackError(f"{' '.join(command[:4])} … took longer than {within:.0f} s") from error
        finally:
            _running.discard(process)
            end(process)
    if log is not None:
        log.write_text(written + said)
    if process.returncode:
        lines = (said.strip() or written.strip()).splitlines()[-8:]
        raise StackError(f"{' '.join(command[:6])} … failed:\n  " + "\n  ".join(lines), process.returncode)
    return written


def end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started in its session, first by asking."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def end_all() -> None:
    """End every program that another thread still waits for."""
    for process in list(_running):
        end(process)
