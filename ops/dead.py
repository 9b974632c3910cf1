"""``dead``: the letters of stream DEAD listed, shown, replayed and dropped."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter
from nats.js.errors import NotFoundError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.cli import Injected, clock, confirmed, converted, counted
from ops.connections import FOUND, NOTHING, USAGE, Reach, reaching_bus, reaching_database
from ops.letters import Choice, Entry, choose, look_up
from ops.replay import Replay, replay
from storyloom.messaging.connection import Bus

PAGE = 200
"""Rows of the list that are laid out together: it is written while it is read."""
WIDE = 140
"""Columns from which the list has room for story and trace."""
PLAIN = frozenset(
    {"event", "version", "id", "story_id", "tenant_id", "trace", "at", "asset", "assets", "fingerprint", "started_at"}
    | {"code", "reason", "request_id", "attempt", "retry_at", "seconds", "overall"}
)
"""The fields of events that tell of no child."""


app = App(name="dead")

EVERY = Choice()


def _letter_id(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 63:
        raise ValueError(f"{text!r} is no id: an id is a whole number, as listed.")
    return int(text)


LetterId = Annotated[int, converted(_letter_id)]
Chosen = Annotated[Choice, Parameter(name="*")]
"""The filters, each an option of its own."""
All = Annotated[bool, Parameter(name="--all", help="All that the filters let through.")]


@app.command(name="list", help="List dead letters, oldest first.")
async def list_letters(
    *,
    choice: Chosen = EVERY,
    as_json: Annotated[bool, Parameter(name="--json", help="A JSON object a line.")] = False,
    operator: Injected,
) -> int:
    """The exit code. Raises AwayError, as all of them."""
    console, count = operator.console, 0
    async with reaching_bus(operator.settings) as bus:
        async for page in _paged(choose(bus, choice)):
            if as_json:
                for entry in page:
                    console.out(json.dumps(entry.summary(), ensure_ascii=False), highlight=False)
            else:
                console.print(_table(page, header=count == 0, wide=console.width >= WIDE))
            count += len(page)
    if not as_json:
        console.print(counted(count, "dead letter") if count else "There is no such dead letter.", style="dim")
    return FOUND if count else NOTHING


@app.command(help="Show one letter, without the brief and what was written from it.")
async def show(
    letter_id: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    /,
    *,
    full: Annotated[bool, Parameter(help="With the brief: it names a child, do not paste it anywhere.")] = False,
    operator: Injected,
) -> int:
    async with reaching_bus(operator.settings) as bus:
        found, _ = await look_up(bus, [letter_id])
    if not found:
        operator.console.print(f"There is no dead letter {letter_id}.")
        return NOTHING
    (entry,) = found
    told: dict[str, Any] = entry.told if full else _without_people(entry)
    head = {**entry.summary(), "bytes": len(entry.letter.data)}
    operator.console.print_json(orjson.dumps({**head, "letter": told}).decode(), ensure_ascii=False)
    return FOUND


@app.command(name="replay", help="Want failed assets again; tell buried events again. Twice is no harm.")
async def replay_letters(
    *ids: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    everything: All = False,
    choice: Chosen = EVERY,
    operator: Injected,
) -> int:
    if not _says_which(ids, choice, everything, operator.console):
        return USAGE
    async with reaching_bus(operator.settings) as bus:
        entries = await _meant(bus, ids, choice, operator.console)
        if not entries:
            return NOTHING
        async with reaching_database(operator.settings) as pool:
            return _tell(await replay(Reach(operator.settings, bus, pool), entries), operator.console)


@app.command(help="Delete letters, for good.")
async def drop(
    *ids: Annotated[LetterId, Parameter(name="ID", help="As listed.")],
    everything: All = False,
    choice: Chosen = EVERY,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    operator: Injected,
) -> int:
    if not _says_which(ids, choice, everything, operator.console):
        return USAGE
    async with reaching_bus(operator.settings) as bus:
        entries = await _meant(bus, ids, choice, operator.console)
        return await _drop(bus, entries, operator.console, sure=yes) if entries else NOTHING


def _says_which(ids: Sequence[int], choice: Choice, everything: bool, console: Console) -> bool:
    """Whether letters were chosen in one way, not in two or none."""
    if bool(ids) != (everything or choice != EVERY):
        return True
    console.print("Name ids, or say --all or a filter; not both.", style="yellow")
    return False


async def _meant(bus: Bus, ids: Sequence[int], choice: Choice, console: Console) -> list[Entry]:
    """The letters that were chosen; says so where there is none."""
    if ids:
        entries, absent = await look_up(bus, sorted(set(ids)))
        for number in absent:
            console.print(f"There is no dead letter {number}.", style="yellow")
    else:
        entries = [entry async for entry in choose(bus, choice)]
    if not entries:
        console.print("There is no such dead letter.")
    return entries


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
