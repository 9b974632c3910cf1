"""A store in a folder: small files, shared by all processes of a benchmark, which does not measure the store."""

from collections.abc import AsyncIterator
from pathlib import Path

from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import Page


class FolderStore(Objects):
    """Keeps records as files. The first to create one wins, as in a real store."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, threads=1)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def read(self, key: str) -> bytes | None:
        """The record, if there is one."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    async def write(self, key: str, data: bytes) -> None:
        """Keep it."""
        self._path(key).write_bytes(data)

    async def create(self, key: str, data: bytes) -> bool:
        """Keep it, unless one is there."""
        try:
            with self._path(key).open("xb") as file:
                file.write(data)
        except FileExistsError:
            return False
        return True

    async def pages(self, prefix: str, *, delimiter: str = "") -> AsyncIterator[Page]:
        """Nothing: no job that is measured asks twice."""
        del prefix, delimiter
        yield Page([], [])

    async def check(self) -> None:
        """It is there."""

    async def probe(self) -> None:
        """Nothing stands in the way of a write."""

    def _path(self, key: str) -> Path:
        return self._folder / key.replace("/", ".")
