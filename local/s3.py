"""``python -m local.s3``: nanio, with the one thing that it lacks: ``If-None-Match: *`` on a write, as AWS S3 has it.

Source: docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

import nanio.app
import uvicorn
from nanio.errors import NoSuchKey, PreconditionFailed
from nanio.storage.filesystem import FilesystemStorage

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

CREATE_ONLY: ContextVar[bool] = ContextVar("create_only", default=False)
"""Whether the request that is answered in this task may only create its object."""


class FirstWriterWins(FilesystemStorage):  # type: ignore[misc]  # nanio ships no types
    """Raises PreconditionFailed (412) when a request may only create what is there already.

    Of two that create at once one comes second. One process serves the store, so that its own locks are enough.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._writing: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def put_object(self, bucket: str, key: str, body: AsyncIterator[bytes], **options: Any) -> Any:
        """As nanio's; every write of a key waits for the one before it."""
        lock = self._writing.setdefault((bucket, key), asyncio.Lock())
        async with lock:
            if CREATE_ONLY.get() and self._exists(bucket, key):
                async for _ in body:  # unread, it would be taken for the connection's next request
                    pass
                raise PreconditionFailed(resource=f"{bucket}/{key}")
            return await super().put_object(bucket, key, body, **options)

    def _exists(self, bucket: str, key: str) -> bool:
        try:
            self.head_object(bucket, key)
        except NoSuchKey:
            return False
        return True


def build_app() -> App:
    """The application of nanio, as its environment variables say, over such a storage."""
    app = nanio.app.build_app()
    settings = app.state.settings
    app.state.storage = FirstWriterWins(settings.data_dir, chunk_size=settings.chunk_size)

    async def conditional(
        scope: Scope, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        # What the storage is asked says nothing of the headers: they go with the task.
        CREATE_ONLY.set((b"if-none-match", b"*") in scope.get("headers", ()))
        await app(scope, receive, send)

    return conditional


def main() -> None:
    """Serve ``NANIO_DATA_DIR`` to whoever has ``NANIO_ACCESS_KEY`` and ``NANIO_SECRET_KEY``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    where = parser.parse_args()
    uvicorn.run(build_app, factory=True, host=where.host, port=where.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
