"""Keeps through the store what an interrupted job has paid for (storyloom.providers.paid_answers).

``stories/<story_id>/<asset>/<fingerprint>/answers/<name>``, one object an answer. A job that asks once leaves none: an
answer is stored when the next question is asked, beside it, or when the attempt is interrupted; a crash in between
loses that one. They are deleted before the job is acknowledged. What is left all the same (the store was away, a worker
that was frozen came back) goes with the story's other stale objects (services/api/stale_objects.py).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import structlog

from storyloom.jobs.manifest import answers_prefix
from storyloom.providers.paid_answers import PaidAnswers
from storyloom.runtime.metrics import ANSWERS_KEPT
from storyloom.storage.s3 import Page
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.jobs import AssetRequested

log = structlog.get_logger()

STORE_TIMEOUT_SECONDS = 10.0
"""Seconds that storing what an interrupted attempt paid for may take; what is not stored by then stays in memory."""
DELETE_TIMEOUT_SECONDS = 2.0


class AnswerObjects(Protocol):
    """Objects, or a test's own in memory. Raises RetryableError when unreachable, PermanentError when it refuses."""

    def pages(self, prefix: str) -> AsyncIterator[Page]:
        """What lies under a prefix."""
        ...

    async def read(self, key: str) -> bytes | None:
        """An object's bytes, None where there is none."""
        ...

    async def write(self, key: str, data: bytes) -> None:
        """Write an object; the last writer wins."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is deleted, too."""
        ...


class StoredAnswers:
    """The paid answers of one attempt at a job, and their objects."""

    def __init__(self, objects: AnswerObjects, job: AssetRequested) -> None:
        self._objects = objects
        self._prefix = answers_prefix(job.story_id, job.asset, job.fingerprint)
        self._service = job.service.value
        self._storing: set[asyncio.Task[None]] = set()
        self._may_be_there: set[str] = set()
        self.answers = PaidAnswers(before_asking=self._store_beside)

    async def open(self, remembered: Mapping[str, bytes]) -> None:
        """Read what earlier attempts have left. ``remembered``: what this process could not store.

        Raises RetryableError or PermanentError, before anything is asked.
        """
        earlier = dict(remembered)
        for name in await self._list():
            data = await self._objects.read(self._prefix + name)
            if data is not None:
                earlier[name] = data
        self._may_be_there |= earlier.keys()
        self.answers = PaidAnswers(earlier, before_asking=self._store_beside)
        if earlier:
            ANSWERS_KEPT.labels(service=self._service).inc(len(earlier))
            log.info("answers.taken_up", answers=len(earlier))

    async def store(self, seconds: float = STORE_TIMEOUT_SECONDS) -> dict[str, bytes]:
        """Store what was paid for and is not stored yet. Answers what could not be."""
        try:
            async with asyncio.timeout(seconds):
                if self._storing:
                    await asyncio.wait(self._storing)
                for name in [*self.answers.new]:
                    await self._store(name)
        except TimeoutError:
            log.warning("answers.not_stored", reason="the store did not answer in time")
        return {name: write() for name, write in self.answers.new.items()}

    async def delete(self, *, search: bool) -> None:
        """The asset is done, or not wanted any more: delete them all. Best effort.

        ``search``: earlier attempts may have left some that this one did not look for.
        """
        try:
            async with asyncio.timeout(DELETE_TIMEOUT_SECONDS):
                if self._storing:
                    await asyncio.wait(self._storing)  # or they would be there again
                if search:
                    self._may_be_there.update(await self._list())
                if self._may_be_there:
                    await self._objects.delete([self._prefix + name for name in sorted(self._may_be_there)])
                    self._may_be_there.clear()
        except (RetryableError, PermanentError, TimeoutError) as error:
            log.warning("answers.not_deleted", error=type(error).__name__)

    def _store_beside(self) -> None:
        """The next question may take long, or be the last thing that this worker does."""
        for name in self.answers.new:
            if name not in self._may_be_there:
                self._may_be_there.add(name)
                task = asyncio.create_task(self._store(name))
                self._storing.add(task)
                task.add_done_callback(self._storing.discard)

    async def _store(self, name: str) -> None:
        self._may_be_there.add(name)
        data = self.answers.new[name]()
        try:
            await self._objects.write(self._prefix + name, data)
        except (RetryableError, PermanentError) as error:
            log.warning("answers.not_stored", reason=error.reason)
        else:
            self.answers.new.pop(name, None)

    async def _list(self) -> list[str]:
        start = len(self._prefix)
        return [key[start:] async for page in self._objects.pages(self._prefix) for key, _ in page.objects]
