"""``dead``: the letters of stream DEAD listed, shown, replayed and dropped."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson
from nats.js.errors import NotFoundError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.cli import clock, confirmed, counted, moment
from ops.connections import FOUND, NOTHING, USAGE, Reach, reaching_bus, reaching_database
from ops.letters import Choice, Entry, choose, look_up
from ops.replay import Replay, replay
from storyloom.messaging.connection import Bus
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Service

SERVICES = (*(service.value for service in Service), "status")
PAGE = 200
"""Rows of the list that are laid out together: it is written while it is read."""
WIDE = 140
"""Columns from which the list has room for story and trace."""
PLAIN = frozenset(
    {"event", "version", "id", "story_id", "tenant_id", "trace", "at", "asset", "assets", "fingerprint", "started_at"}
    | {"code", "reason", "request_id", "attempt", "retry_at", "seconds", "overall"}
)
"""The fields of events that tell of no child."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be asked."""
    ways = parser.add_subparsers(dest="way", required=True, metavar="list|show|replay|drop")
    listed = ways.add_parser("list", help="list dead letters, oldest first")
    _add_choice(listed)
    listed.add_argument("--json", action="store_true", help="a JSON object a line")
    shown = ways.add_parser("show", help="show one letter, without the brief and what was written from it")
    shown.add_argument("ids", metavar="id", type=_id, nargs=1)
    shown.add_argument("--full", action="store_true", help="with the brief: it names a child, do not paste it anywhere")
    replayed = ways.add_parser("replay", help="want failed assets again; tell buried events again. Twice is no harm")
    dropped = ways.add_parser("drop", help="delete letters, for good")
    for one in (replayed, dropped):
        one.add_argument("ids", metavar="id", type=_id, nargs="*", help="as listed")
        one.add_argument("--all", action="store_true", help="all that the filters let through")
        _add_choice(one)
    dropped.add_argument("--yes", action="store_true", help="do not ask")


async def run(asked: argparse.Namespace, settings: Settings, console: Console) -> int:
    """Do what was asked; the exit code. Raises AwayError."""
    if asked.way in ("replay", "drop") and bool(asked.ids) == (asked.all or _choice(asked) != Choice()):
        console.print("Name ids, or say --all or a filter; not both.", style="yellow")
        return USAGE
    async with reaching_bus(settings) as bus:
        if asked.way == "list":
            return await _list(bus, asked, console)
        if asked.way == "show":
            return await _show(bus, asked, console)
        entries = await _meant(bus, asked, console)
        if not entries:
            console.print("There is no such dead letter.")
            return NOTHING
        if asked.way == "drop":
            return await _drop(bus, entries, console, sure=asked.yes)
        async with reaching_database(settings) as pool:
            return _tell(await replay(Reach(settings, bus, pool), entries), console)


async def _list(bus: Bus, asked: argparse.Namespace, console: Console) -> int:
    count = 0
    async for page in _paged(choose(bus, _choice(asked))):
        if asked.json:
            for entry in page:
                console.out(json.dumps(entry.summary(), ensure_ascii=False), highlight=False)
        else:
            console.print(_table(page, header=count == 0, wide=console.width >= WIDE))
        count += len(page)
    if not asked.json:
        console.print(counted(count, "dead letter") if count else "There is no such dead letter.", style="dim")
    return FOUND if count else NOTHING


async def _show(bus: Bus, asked: argparse.Namespace, console: Console) -> int:
    found, _ = await look_up(bus, asked.ids)
    if not found:
        console.print(f"There is no dead letter {asked.ids[0]}.")
        return NOTHING
    (entry,) = found
    told: dict[str, Any] = entry.told if asked.full else _without_people(entry)
    head = {**entry.summary(), "bytes": len(entry.letter.data)}
    console.print_json(orjson.dumps({**head, "letter": told}).decode(), ensure_ascii=False)
    return FOUND


async def _meant(bus: Bus, asked: argparse.Namespace, console: Console) -> list[Entry]:
    if not asked.ids:
        return [entry async for entry in choose(bus, _choice(asked))]
    found, absent = await look_up(bus, sorted(set(asked.ids)))
    for number in absent:
        console.print(f"There is no dead letter {number}.", style="yellow")
    return found


def _tell(replays: Sequence[Replay], console: Console) -> int:
    for one in replays:
        sign, style = ("✓", "green") if one.done else ("–", "dim")
        line = Text.assemble((f"{sign} ", style), f"{one.entry.id}  {one.entry.letter.asset}  ", (one.said, style))
        console.print(line, soft_wrap=True)
    done = sum(one.done for one in replays)
    console.print(f"{done} of {counted(len(replays), 'letter')} replayed.", style="bold" if done else "dim")
    return FOUND


async def _drop(bus: Bus, entries: Sequence[Entry], console: Console, *, sure: bool) -> int:
    if not sure and not confirmed(f"Delete {counted(len(entries), 'dead letter')} for good?"):
        console.print("Nothing was deleted: say --yes.", style="yellow")
        return USAGE
    gone = 0
    for start in range(0, len(entries), 100):
        some = entries[start : start + 100]
        gone += sum(await asyncio.gather(*(_delete(bus, entry.id) for entry in some)))
    console.print(f"{counted(gone, 'dead letter')} deleted.")
    return FOUND


async def _delete(bus: Bus, number: int) -> bool:
    try:
        return await bus.js.delete_msg(bus.names.dead, number)
    except NotFoundError:
        return False  # somebody was quicker


def _table(page: Sequence[Entry], *, header: bool, wide: bool) -> Table:
    """The letters as rows. Where there is no room for it, `show` has the rest."""
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


def _without_people(entry: Entry) -> dict[str, Any]:
    """The letter without what names or describes a child: the brief, and everything that was written from it."""
    told = dict(entry.told)
    if entry.letter.kind == "job":
        left_out = "left out: it describes a child (--full shows it)"
        told["job"] = {**told["job"], "brief": left_out, "inputs": sorted(told["job"].get("inputs") or {})}
    if entry.letter.kind == "event" and "event" in told:
        told["event"] = _event_without_people(str(told["event"]))
    return told


def _event_without_people(text: str) -> dict[str, Any] | str:
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        return f"no JSON, {len(text)} characters (--full shows it)"
    if not isinstance(event, dict):
        return f"no event, {len(text)} characters (--full shows it)"
    return {key: value if key in PLAIN else "left out (--full shows it)" for key, value in event.items()}


async def _paged(entries: AsyncIterator[Entry]) -> AsyncIterator[list[Entry]]:
    page: list[Entry] = []
    async for entry in entries:
        page.append(entry)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", choices=SERVICES, help="who gave up")
    parser.add_argument("--code", help="why: content_refused, attempts_spent, bug, …")
    parser.add_argument("--since", type=moment, metavar="2h|ISO", help="not older than this")


def _choice(asked: argparse.Namespace) -> Choice:
    return Choice(asked.service, asked.code, asked.since)


def _id(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 63:
        raise argparse.ArgumentTypeError("an id is a whole number, as listed")
    return int(text)
