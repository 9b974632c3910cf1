"""Looks now and then whether the store takes what is made, so that nobody pays a provider for what cannot be kept."""

import asyncio
from contextlib import suppress

import structlog

from storyloom.storage.s3 import Bucket
from storyloom.story.errors import PermanentError, RetryableError

log = structlog.get_logger()


class StoreProbe:
    """Keeps a bucket's ``write_error`` true. One to a process; it costs three small requests a time."""

    def __init__(self, bucket: Bucket, *, interval: float = 15.0, retry: float = 2.0, timeout: float = 5.0) -> None:
        """``interval`` and ``retry``: seconds from one probe to the next while the store is well, and while it is not;
        ``timeout``: seconds after which one that has no answer yet counts as failed.
        """
        self._bucket = bucket
        self._interval = interval
        self._retry = retry
        self._timeout = timeout
        self._running: asyncio.Task[str | None] | None = None

    async def run(self) -> None:
        """Probe for ever; cancel it to end it. A write that fails brings the next probe forward."""
        try:
            while True:
                well = self._bucket.write_error is None
                with suppress(TimeoutError):
                    # A store that is known to be unwell is not asked sooner for one more write that failed.
                    awaited = self._bucket.suspect.wait() if well else asyncio.sleep(self._retry)
                    await asyncio.wait_for(awaited, self._interval)
                self._bucket.suspect.clear()
                await self.probe()
        finally:
            if self._running is not None:
                self._running.cancel()

    async def probe(self) -> None:
        """Probe once, and set what is known. Never raises for what the store does."""
        # What it takes to be able to ask is none of the store's silence.
        with suppress(RetryableError):  # the probe says it, too
            await self._bucket.open()
        # A frozen store keeps its thread: no other one is spent on it before that is back.
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._outcome())
        done, _ = await asyncio.wait({self._running}, timeout=self._timeout)
        error = self._running.result() if done else f"store: no answer within {self._timeout:g} seconds"
        before, self._bucket.write_error = self._bucket.write_error, error
        if error != before:
            log.warning("store.unwritable", reason=error) if error else log.info("store.writable")

    async def _outcome(self) -> str | None:
        try:
            await self._bucket.probe()
        except (RetryableError, PermanentError) as error:
            return error.reason
        return None
