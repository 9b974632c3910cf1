"""``dead``: the dead letters on stream DEAD listed, shown, replayed and dropped."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter
from nats.js.errors import NotFoundError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.cli import Injected, confirmed, converted, moment
from ops.connections import NOTHING_FOUND, OK, USAGE, connect_nats, connect_postgres
from storyloom.messaging.connection import Bus
from storyloom.operations.dead_letters import Entry, Filter, Sender, get_entries, list_entries
from storyloom.operations.replay import Replay, replay
from storyloom.operations.sources import Connections
from storyloom.operations.words import clock, counted

ROWS_PER_TABLE = 200
"""Rows of the list that are formatted together: it is printed while it is read."""
WIDE_TABLE_COLUMNS = 140
"""Columns from which the list shows story and trace."""
SAFE_FIELDS = frozenset(
    {"event", "version", "id", "story_id", "tenant_id", "trace", "at", "asset", "assets", "fingerprint", "started_at"}
    | {"code", "reason", "request_id", "attempt", "retry_at", "seconds", "overall"}
)
"""The fields of events that describe no child."""


app = App(name="dead")


@dataclass(frozen=True, slots=True)
class Options:
    """The filters, each an option."""

    service: Annotated[Sender | None, Parameter(help="The service that dead-lettered it.")] = None
    code: Annotated[str | None, Parameter(help="Why: content_refused, attempts_spent, bug, …")] = None
    since: Annotated[datetime | None, converted(moment), Parameter(metavar="2h|ISO", help="Not older than this.")] = (
        None
    )

    @property
    def filter(self) -> Filter:
        """As the stream is read by."""
        return Filter(self.service, self.code, self.since)


NO_FILTER = Options()


def _letter_id(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 63:
        raise ValueError(f"{text!r} is no id: an id is a whole number, as listed.")
    return int(text)


LetterId = Annotated[int, converted(_letter_id)]
Filters = Annotated[Options, Parameter(name="*")]
"""The filters, each an option of its own."""
All = Annotated[bool, Parameter(name="--all", help="All that the filters let through.")]


@app.command(name="list", help="List dead letters, oldest first.")
async def list_letters(
    *,
    filters: Filters = NO_FILTER,
    as_json: Annotated[bool, Parameter(name="--json", help="A JSON object a line.")] = False,
    operator: Injected,
) -> int:
    """The exit code. Raises UnavailableError, as all of them."""
    console, count = operator.console, 0
    async with connect_nats(operator.settings) as bus:
        async for page in _paged(list_entries(bus, filters.filter)):
            if as_json:
                for entry in page:
                    console.out(json.dumps(entry.summary(), ensure_ascii=False), highlight=False)
            else:
                console.print(_table(page, header=count == 0, wide=console.width >= WIDE_TABLE_COLUMNS))
            count += len(page)
    if not as_json:
        console.print(counted(count, "dead letter") if count else "There is no such dead letter.", style="dim")
    return OK if count else NOTHING_FOUND


@app.command(help="Show one dead letter, without the brief and what was written from it.")
async def show(
    letter_id: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    /,
    *,
    full: Annotated[bool, Parameter(help="With the brief: it names a child, do not paste it anywhere.")] = False,
    operator: Injected,
) -> int:
    async with connect_nats(operator.settings) as bus:
        found, _ = await get_entries(bus, [letter_id])
    if not found:
        operator.console.print(f"There is no dead letter {letter_id}.")
        return NOTHING_FOUND
    (entry,) = found
    body: dict[str, Any] = entry.body if full else _redacted(entry)
    head = {**entry.summary(), "bytes": len(entry.letter.data)}
    operator.console.print_json(orjson.dumps({**head, "letter": body}).decode(), ensure_ascii=False)
    return OK


@app.command(name="replay", help="Retry failed assets; publish dead-lettered events again. Safe to do twice.")
async def replay_letters(
    *ids: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    everything: All = False,
    filters: Filters = NO_FILTER,
    operator: Injected,
) -> int:
    if not _says_which(ids, filters, everything, operator.console):
        return USAGE
    async with connect_nats(operator.settings) as bus:
        entries = await _selected(bus, ids, filters, operator.console)
        if not entries:
            return NOTHING_FOUND
        async with connect_postgres(operator.settings) as pool:
            return _print_replays(await replay(Connections(operator.settings, bus, pool), entries), operator.console)


@app.command(help="Delete dead letters, for good.")
async def drop(
    *ids: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    everything: All = False,
    filters: Filters = NO_FILTER,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    operator: Injected,
) -> int:
    if not _says_which(ids, filters, everything, operator.console):
        return USAGE
    async with connect_nats(operator.settings) as bus:
        entries = await _selected(bus, ids, filters, operator.console)
        return await _drop(bus, entries, operator.console, sure=yes) if entries else NOTHING_FOUND


def _says_which(ids: Sequence[int], filters: Options, everything: bool, console: Console) -> bool:
    """Whether dead letters were chosen in one way, not in two or none."""
    if bool(ids) != (everything or filters != NO_FILTER):
        return True
    console.print("Name ids, or say --all or a filter; not both.", style="yellow")
    return False


async def _selected(bus: Bus, ids: Sequence[int], filters: Options, console: Console) -> list[Entry]:
    """The dead letters that were chosen; prints a sentence where there is none."""
    if ids:
        entries, absent = await get_entries(bus, sorted(set(ids)))
        for number in absent:
            console.print(f"There is no dead letter {number}.", style="yellow")
    else:
        entries = [entry async for entry in list_entries(bus, filters.filter)]
    if not entries:
        console.print("There is no such dead letter.")
    return entries


def _print_replays(replays: Sequence[Replay], console: Console) -> int:
    for one in replays:
        sign, style = ("✓", "green") if one.done else ("–", "dim")
        line = Text.assemble((f"{sign} ", style), f"{one.entry.id}  {one.entry.letter.asset}  ", (one.message, style))
        console.print(line, soft_wrap=True)
    done = sum(one.done for one in replays)
    console.print(f"{done} of {counted(len(replays), 'dead letter')} replayed.", style="bold" if done else "dim")
    return OK


async def _drop(bus: Bus, entries: Sequence[Entry], console: Console, *, sure: bool) -> int:
    if not sure and not confirmed(f"Delete {counted(len(entries), 'dead letter')} for good?"):
        console.print("Nothing was deleted: say --yes.", style="yellow")
        return USAGE
    deleted = 0
    for start in range(0, len(entries), 100):
        some = entries[start : start + 100]
        deleted += sum(await asyncio.gather(*(_delete(bus, entry.id) for entry in some)))
    console.print(f"{counted(deleted, 'dead letter')} deleted.")
    return OK


async def _delete(bus: Bus, number: int) -> bool:
    try:
        return await bus.js.delete_msg(bus.names.dead, number)
    except NotFoundError:
        return False  # somebody was quicker


def _table(page: Sequence[Entry], *, header: bool, wide: bool) -> Table:
    """Dead letters as rows. What does not fit is in `show`."""
    table = Table(box=None, show_header=header, header_style="bold", padding=(0, 2, 0, 0), expand=True)
    table.add_column("id", justify="right", min_width=5, style="cyan")
    table.add_column("time", min_width=8, no_wrap=True)
    table.add_column("service", min_width=9)
    table.add_column("asset", min_width=11)
    table.add_column("code", min_width=14, style="yellow")
    table.add_column("reason", ratio=1, min_width=12, overflow="fold")
    if wide:
        table.add_column("tries", justify="right", min_width=5)
        table.add_column("story", min_width=36, no_wrap=True)
        table.add_column("trace", min_width=8, max_width=35, style="dim", overflow="ellipsis", no_wrap=True)
    for one in page:
        letter = one.letter
        tries = str(letter.attempts) if letter.kind == "job" else ""
        head = (str(one.id), clock(letter.at), letter.service, letter.asset, letter.code, letter.reason)
        table.add_row(*head, *((tries, letter.story, letter.trace) if wide else ()))
    return table


def _redacted(entry: Entry) -> dict[str, Any]:
    """The dead letter without what names or describes a child: the brief, and everything that was written from it."""
    body = dict(entry.body)
    if entry.letter.kind == "job":
        left_out = "left out: it describes a child (--full shows it)"
        body["job"] = {**body["job"], "brief": left_out, "inputs": sorted(body["job"].get("inputs") or {})}
    if entry.letter.kind == "event" and "event" in body:
        body["event"] = _redacted_event(str(body["event"]))
    return body


def _redacted_event(text: str) -> dict[str, Any] | str:
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        return f"no JSON, {len(text)} characters (--full shows it)"
    if not isinstance(event, dict):
        return f"no event, {len(text)} characters (--full shows it)"
    return {key: value if key in SAFE_FIELDS else "left out (--full shows it)" for key, value in event.items()}


async def _paged(entries: AsyncIterator[Entry]) -> AsyncIterator[list[Entry]]:
    page: list[Entry] = []
    async for entry in entries:
        page.append(entry)
        if len(page) == ROWS_PER_TABLE:
            yield page
            page = []
    if page:
        yield page
