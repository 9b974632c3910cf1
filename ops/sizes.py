"""``sizes``: what stories take, in Postgres by table and in the store by kind of object: what all of it grows by."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Annotated
from uuid import UUID

import orjson
from cyclopts import Parameter
from rich.table import Table

from ops.cli import Injected
from ops.connections import NOTHING_FOUND, OK, UnavailableError, connect_postgres, queries
from storyloom.operations.words import counted
from storyloom.storage.objects import STORIES, Objects
from storyloom.story.errors import PermanentError, RetryableError

DEFAULT_STORIES = 50


@dataclass(frozen=True, slots=True)
class Share:
    """What one table or one kind of object takes: of all stories together, and of one on average."""

    name: str
    count: int
    bytes: int
    index_bytes: int
    bytes_per_story: float


async def sizes(
    *,
    stories: Annotated[
        int, Parameter(metavar="50", help="How many of the newest that are ready have their objects counted.")
    ] = DEFAULT_STORIES,
    as_json: Annotated[bool, Parameter(name="--json", help="Everything, as one JSON object.")] = False,
    operator: Injected,
) -> int:
    """Measure, print, and answer the exit code. Raises UnavailableError."""
    async with connect_postgres(operator.settings) as pool:
        total = await queries().count_stories(pool)
        newest = [row["id"] async for row in queries().newest_ready(pool, limit=stories)]
        tables = [
            Share(row["name"], row["rows"], row["heap"], row["indexes"], (row["heap"] + row["indexes"]) / max(1, total))
            async for row in queries().table_sizes(pool)
        ]
    if not newest:
        operator.console.out("No story is ready: there is nothing to measure.")
        return NOTHING_FOUND
    objects = await _objects(Objects(operator.settings), newest)
    if as_json:
        document = {
            "stories": total,
            "storiesInStore": len(newest),
            "tables": [asdict(share) for share in tables],
            "objects": [asdict(share) for share in objects],
        }
        operator.console.out(orjson.dumps(document).decode(), highlight=False)
        return OK
    operator.console.print(
        _table(f"Postgres, of {counted(total, 'story', 'stories')}", "rows", tables),
        _table(f"Store, of {counted(len(newest), 'story', 'stories')} that are ready", "objects", objects),
    )
    return OK


async def _objects(objects: Objects, stories: list[UUID]) -> list[Share]:
    counts: defaultdict[str, int] = defaultdict(int)
    total: defaultdict[str, int] = defaultdict(int)
    try:
        for story_id in stories:
            for key, size in await objects.list_keys(story_id):
                counts[kind(key)] += 1
                total[kind(key)] += size
    except (RetryableError, PermanentError) as error:
        raise UnavailableError(f"The store is unavailable: {error.reason}.") from error
    finally:
        await objects.close()
    found = [Share(name, counts[name], total[name], 0, total[name] / len(stories)) for name in total]
    return sorted(found, key=lambda share: -share.bytes)


def kind(key: str) -> str:
    """What an object is, by its key: its asset without a number, and its suffix; records are all one."""
    asset, *_, name = key.removeprefix(STORIES).split("/")[1:]
    suffix = name.rpartition(".")[2]
    return "records (json)" if suffix == "json" else f"{asset.rstrip('0123456789').rstrip('_')} ({suffix})"


def _table(title: str, many: str, shares: list[Share]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("")
    for column in (many, "bytes", "of indexes", "bytes a story"):
        table.add_column(column, justify="right")
    for share in shares:
        each = f"{share.bytes_per_story:,.0f}"
        table.add_row(share.name, f"{share.count:,}", f"{share.bytes:,}", f"{share.index_bytes:,}", each)
    table.add_row("together", "", "", "", f"{sum(share.bytes_per_story for share in shares):,.0f}", style="bold")
    return table
