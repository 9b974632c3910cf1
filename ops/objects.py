"""``objects``: copy the bucket into a folder, and a folder into the bucket. With Postgres' dump that is a whole backup.

For small installations, and for moving from one store to another; a large one has its store's own replication. What is
there already is not copied again, so that a copy that was cut short, or yesterday's, is brought up to date.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ops.cli import Injected, Operator
from ops.connections import OK, UnavailableError
from storyloom.operations.words import counted
from storyloom.storage.objects import STORIES, SUFFIXES, Objects
from storyloom.story.errors import PermanentError, RetryableError

AT_ONCE = 8
"""Objects under way: as many as the store's client has threads."""
_TYPES = {f".{suffix}": content_type for content_type, suffix in SUFFIXES.items()}
_RECORD = ".json"
"""Records may be written again under their key; whatever else is stored bears its content's hash as its name."""

app = App(name="objects")
Folder = Annotated[Path, Parameter(name="FOLDER", help="Holds each object under its key.")]


@app.command(name="export")
async def export_objects(folder: Folder, /, *, operator: Injected) -> int:
    """Copy everything of all stories from the bucket into a folder."""
    copied = 0

    async def copy(key: str) -> None:
        nonlocal copied
        data = await objects.read(key)
        if data is not None:  # else it was deleted meanwhile
            await asyncio.to_thread(_write, _path(folder, key), data)
            copied += 1

    async with _store(operator) as objects:
        async for page in objects.pages(STORIES):
            there = await asyncio.to_thread(_sizes, folder, [key for key, _ in page.objects])
            wanted = [key for key, size in page.objects if key.endswith(_RECORD) or there.get(key) != size]
            await _all(copy, wanted)
    operator.console.out(f"{counted(copied, 'object')} copied to {folder}.")
    return OK


@app.command(name="import")
async def import_objects(folder: Folder, /, *, operator: Injected) -> int:
    """Copy everything in a folder into the bucket. Makes the bucket where it is missing."""
    copied = 0

    async def copy(key: str) -> None:
        nonlocal copied
        data = await asyncio.to_thread(_path(folder, key).read_bytes)
        await objects.restore(key, data, _TYPES.get(Path(key).suffix, "application/octet-stream"))
        copied += 1

    async with _store(operator) as objects:
        await objects.make_bucket()
        there: dict[str, int] = {}
        async for page in objects.pages(STORIES):
            there |= page.objects
        keys = await asyncio.to_thread(_keys, folder)
        await _all(copy, [key for key, size in keys if key.endswith(_RECORD) or there.get(key) != size])
    operator.console.out(f"{counted(copied, 'object')} copied from {folder}.")
    return OK


@asynccontextmanager
async def _store(operator: Operator) -> AsyncIterator[Objects]:
    """The store, for as long as the block lasts. Raises UnavailableError."""
    objects = Objects(operator.settings, threads=AT_ONCE)
    try:
        yield objects
    except (RetryableError, PermanentError) as error:
        raise UnavailableError(f"The store is unavailable: {error.reason}.") from error
    finally:
        await objects.close()


async def _all(copy: Callable[[str], Awaitable[None]], keys: Sequence[str]) -> None:
    for start in range(0, len(keys), AT_ONCE):
        await asyncio.gather(*(copy(key) for key in keys[start : start + AT_ONCE]))


def _path(folder: Path, key: str) -> Path:
    path = (folder / key).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise UnavailableError(f"The store holds a key that would lie outside the folder: {key!r}.")
    return path


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: whoever is cut short leaves no half of an object under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _sizes(folder: Path, keys: Iterable[str]) -> dict[str, int]:
    return {key: path.stat().st_size for key in keys if (path := _path(folder, key)).is_file()}


def _keys(folder: Path) -> list[tuple[str, int]]:
    return sorted(
        (path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in (folder / STORIES).rglob("*")
        if path.is_file() and path.suffix != ".partial"
    )
