"""The attempts note of one job in the store: read and written only where something went wrong.

A store that is unreachable spends no attempt: what cannot be counted is not counted.
"""

import asyncio
from collections.abc import Callable

import structlog

from storyloom.jobs.manifest import Attempts, read_attempts, write_attempts
from storyloom.storage.objects import Objects
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ProviderCall

log = structlog.get_logger()

Change = Callable[[Attempts], Attempts]
NO_ATTEMPTS = Attempts()


class History:
    """The attempts note of one job, as one worker reads and extends it. ``known``: what was read, and what we added."""

    __slots__ = ("_begun", "_job", "_objects", "_read", "known")

    def __init__(self, objects: Objects, job: AssetRequested) -> None:
        self._objects = objects
        self._job = job
        self._read = False
        self._begun = False
        self.known = NO_ATTEMPTS

    async def read(self) -> Attempts:
        """Read the note. Raises RetryableError while the store is unreachable, PermanentError when it refuses."""
        job = self._job
        self.known = await read_attempts(self._objects, job.story_id, job.asset, job.fingerprint)
        self._read = True
        return self.known

    async def begin(self) -> None:
        """Note that a redelivery begins, before anything is paid. Raises like ``read``."""
        await self._write(self.known.with_begin())
        self._begun = True

    async def fail(self, reason: str, calls: tuple[ProviderCall, ...], *, pauses: tuple[float, ...]) -> bool:
        """Note a failed attempt, trying again after each pause (seconds); whether it could be counted."""
        return await self._add(pauses, lambda note: note.with_failure(reason, calls))

    async def end(self, calls: tuple[ProviderCall, ...], *, clean: bool, pauses: tuple[float, ...] = ()) -> bool:
        """Note that an attempt was abandoned, no provider call under way if ``clean``; whether it could be noted.

        With nothing paid and no crash to be mistaken for, it is tried once at most.
        """
        needed = self._begun or bool(calls)
        if not needed and not clean:
            return True
        return await self._add(pauses if needed else (), lambda note: note.with_wait(calls, clean=clean))

    async def _add(self, pauses: tuple[float, ...], change: Change) -> bool:
        for pause in (*pauses, None):
            try:
                if not self._read:
                    await self.read()  # another worker may have left a note meanwhile
                note = change(self.known)
                await self._write(note.with_end() if self._begun else note)
            except (RetryableError, PermanentError) as failure:
                log.warning("job.attempts_not_stored", reason=failure.reason)
            else:
                self._begun = False
                return True
            if pause is not None:
                await asyncio.sleep(pause)
        return False

    async def _write(self, note: Attempts) -> None:
        job = self._job
        await write_attempts(self._objects, job.story_id, job.asset, job.fingerprint, note)
        self.known = note
