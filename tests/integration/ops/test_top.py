"""``top`` on a real system: its picture shows what goes on, it outlives outages, and it ends when asked to."""

import asyncio
import io
import os
import signal

from rich.console import Console

from ops import top
from ops.cli import Operator, read
from ops.connections import OK, open_connections
from ops.frames import Frames
from ops.top import View
from storyloom.db.pool import open_pool
from storyloom.messaging.connection import connect
from storyloom.operations.sources import Connections
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Priority, Service
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BY_HAND, System, running, until


def paper(*, terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), width=120, height=60, highlight=False, force_terminal=terminal)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def busy(system: System) -> bool:
    return system.makers.running == 1 and len(await system.live_jobs()) == 2


async def test_a_picture_shows_what_is_made_who_makes_it_and_what_ended(settings: Settings) -> None:
    """One story has ended; of another the portrait is in a worker's hands and the outline waits."""
    held = asyncio.Event()

    async def hold(job: AssetRequested) -> None:
        await held.wait()

    async with running(settings, reconciler=BY_HAND) as system, open_connections(settings) as connections:
        await system.finished(await system.post())
        await system.workers[Service.CONTENT].stop()
        system.makers.before = hold
        story_id = await system.post()
        await until(lambda: busy(system))
        frames = Frames(connections, [f"{system.status.internal_url}/metrics"])
        frame = await frames.take()
        again = await frames.take()
        console = paper()
        console.print(View(frame))
        held.set()
    lanes = {(lane.service, lane.priority): lane for lane in frame.lanes}
    assert lanes[Service.CONTENT, Priority.NORMAL].queued == 1
    assert lanes[Service.IMAGES, Priority.NORMAL].in_flight == 1
    assert (frame.unfinished, dict(frame.ended), frame.dead_letters, frame.commands) == (1, {"ready": 1}, 0, 0)
    assert frame.oldest is not None
    assert frame.oldest.story.id == story_id
    states = {one.asset.value: one.state for one in frame.oldest.assets}
    assert (states["portrait"], states["outline"], states["cover"]) == ("in_flight", "queued", "waiting")
    assert {answer.service for answer in frame.workers} == set(Service) - {Service.CONTENT}
    assert frame.metrics.total("storyloom_stories_total", overall="ready") >= 1
    assert dict(again.ended) == {"ready": 1}
    assert again.window > 0
    assert again.growth.total("storyloom_stories_total") == 0
    assert str(story_id) in written(console)


async def test_where_there_is_no_terminal_one_picture_is_printed_without_control_codes(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.post()
        console = paper()
        command = read(["top", "--metrics", system.status.internal_url])
        assert await command(operator=Operator(settings, console)) == OK
    assert "1 in progress" in written(console)
    assert "\x1b" not in written(console)


async def test_it_draws_until_it_is_interrupted_and_gives_the_screen_back(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()):
        console = paper(terminal=True)
        drawing = asyncio.create_task(read(["top", "--every", "0.2"])(operator=Operator(settings, console)), name="top")
        await until(lambda: drawn(console, 3))
        os.kill(os.getpid(), signal.SIGINT)
        assert await drawing == OK
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    text = written(console)
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1
    assert "oldest story" in text.rpartition("\x1b[?1049l")[2]


async def drawn(console: Console, pictures: int) -> bool:
    return written(console).count("oldest story") >= pictures


async def test_a_lost_connection_is_said_beside_the_last_picture(settings: Settings) -> None:
    """First Postgres, then the bus; a picture is taken again when both are back."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        bus, pool = await connect(settings, "test"), await open_pool(settings, size=1)
        frames = Frames(Connections(settings, bus, pool))
        first = View(await frames.take())
        await pool.close()
        second = await top._next(frames, first)
        await bus.client.close()
        third = await top._next(frames, second)
        frames.connections = Connections(settings, system.bus, system.pool)
        fourth = await top._next(frames, third)
    assert second.error.startswith("Postgres does not answer")
    assert third.error.startswith("NATS does not answer")
    assert third.frame is first.frame
    assert fourth.error == ""
    assert fourth.frame is not first.frame
