"""What is done with the stack, over HTTP and the container engine alone: a story, a worker killed, NATS restarted."""

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from client import Story, StoryEvent, StoryloomClient
from tests.compose.engine import Engine, Say
from tests.compose.images import PROJECT
from tests.compose.processes import StackError

BRIEF: dict[str, Any] = {
    "storyType": "bedtime",
    "age": 5,
    "seed": 11,
    "premise": "a fox who has lost her lantern",
    "characters": [{"name": "Mira", "age": 5, "pronouns": "she/her"}],
}
"""Three stories of the same brief: whatever disturbs the second and the third, they cost what the first did."""
STORY_SECONDS = 240.0
OF_NO_USE = ("cut", "malformed", "dirty_text", "incomplete")
"""The studio's faults after which nothing is paid."""

Calls = Counter[tuple[str, str]]


def paid_calls(ledger: list[Mapping[str, Any]]) -> Calls:
    """The studio's ledger as counts by endpoint and schema: calls that cost something and were answered to somebody."""
    return Counter(
        (row["endpoint"], row["schema"] or "")
        for row in ledger
        if row["cost_usd"] > 0 and row["client_there"] is not False and row["fault"] not in OF_NO_USE
    )


def difference(undisturbed: Calls, found: Calls) -> str:
    """In what two stories' calls differ, empty where they do not."""
    more, fewer = found - undisturbed, undisturbed - found
    said = [f"{count} more of {name} {schema}".rstrip() for (name, schema), count in sorted(more.items())]
    return ", ".join(said + [f"{count} fewer of {name} {schema}".rstrip() for (name, schema), count in fewer.items()])


@dataclass
class Watched:
    """A story that was asked for, what its stream told, and how it stood at the stream's end."""

    id: str
    events: list[StoryEvent] = field(default_factory=list)
    story: Story | None = None


class Scenario:
    """The stack as a client and an operator have it: the proxy, the studio's counters, the engine."""

    def __init__(self, engine: Engine, client: StoryloomClient, studio: httpx.AsyncClient, say: Say) -> None:
        self._engine = engine
        self._client = client
        self._studio = studio
        self._say = say

    async def play(self) -> None:
        """All of it. Raises StackError for whatever is not as it must be."""
        undisturbed = await self._undisturbed()
        await self._killed_worker(undisturbed)
        await self._restarted_bus(undisturbed)

    async def _undisturbed(self) -> Calls:
        """A story through the proxy, told while it is made, and its book through the store's public address."""
        since = await self._ledger_end()
        # The text stands still until the stream has spoken: a proxy that holds the stream back would never speak.
        await self._misbehave("stall", match={"schema": "scene_text"}, seconds=5, times=1)
        spoke = asyncio.Event()

        async def look() -> None:
            await spoke.wait()
            told = await self._client.get(watched.id)
            if told["status"] in ("ready", "partial", "failed"):
                raise StackError("the proxy held the stream back until the story had ended")

        watched = Watched((await self._client.create(BRIEF))["id"])
        async with asyncio.TaskGroup() as group:
            group.create_task(look())
            group.create_task(self._watch(watched, on_event=lambda _event: spoke.set()))
        self._must_be_ready(watched)
        with tempfile.TemporaryDirectory() as folder:
            size = await self._client.download(watched.id, "pdf", Path(folder, "book.pdf"))
        self._say(f"a story is ready: {len(watched.events)} events through the proxy, a book of {size // 1024} KiB")
        calls = paid_calls(await self._ledger(since))
        self._say(f"it took {calls.total()} paid calls")
        return calls

    async def _killed_worker(self, undisturbed: Calls) -> None:
        """The worker that draws dies while its pictures are being drawn; another one makes each once."""
        since = await self._ledger_end()
        await self._misbehave("stall", match={"endpoint": "images.edit"}, seconds=3600)
        watched = Watched((await self._client.create(BRIEF))["id"])
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(watched))
            await self._until(self._is_struck, "a picture is being drawn")
            await self._run("kill", "--signal", "KILL", f"{PROJECT}-images-1")
            self._say("killed the worker that draws, in the middle of a picture")
            await self._behave()
            await self._run("start", f"{PROJECT}-images-1")
        self._must_be_ready(watched)
        await self._must_cost(undisturbed, since, "after a worker was killed")
        self._say("its story is ready, each picture was made once, and nothing was paid twice")

    async def _restarted_bus(self, undisturbed: Calls) -> None:
        """NATS goes and comes back while a story is made."""
        since = await self._ledger_end()
        watched = Watched((await self._client.create(BRIEF))["id"])
        begun = asyncio.Event()

        def note(event: StoryEvent) -> None:
            if event.name == "asset" and event.data["status"] == "ready":
                begun.set()

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch(watched, on_event=note))
            waiting = group.create_task(begun.wait())
            await asyncio.wait((watching, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            await self._run("restart", "--time", "10", f"{PROJECT}-nats-1")
            self._say(f"restarted NATS after {len(watched.events)} events")
        self._must_be_ready(watched)
        await self._must_cost(undisturbed, since, "after NATS was restarted")
        self._say("its story is ready, and nothing was paid twice")

    async def _watch(self, watched: Watched, on_event: Callable[[StoryEvent], object] | None = None) -> None:
        async with aclosing(self._client.events(watched.id, timeout=STORY_SECONDS)) as events:
            async for event in events:
                watched.events.append(event)
                if on_event is not None:
                    on_event(event)
        watched.story = await self._client.get(watched.id)

    @staticmethod
    def _must_be_ready(watched: Watched) -> None:
        if watched.story is None:
            raise StackError("the stream of the story did not end")
        if watched.story["status"] != "ready":
            raise StackError(f"the story is {watched.story['status']}: {watched.story['assetGenerationStatus']}")

    async def _must_cost(self, undisturbed: Calls, since: int, when: str) -> None:
        if said := difference(undisturbed, paid_calls(await self._ledger(since))):
            raise StackError(f"{when} a story of the same brief took {said}")

    async def _ledger(self, since: int) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = (await self._studio.get("/studio/ledger", params={"since": since})).json()
        return rows

    async def _ledger_end(self) -> int:
        return int((await self._studio.get("/studio/ledger/totals")).json()["last_seq"])

    async def _misbehave(self, fault: str, **order: Any) -> None:
        (await self._studio.post("/studio/faults", json={"fault": fault, **order})).raise_for_status()

    async def _behave(self) -> None:
        (await self._studio.delete("/studio/faults")).raise_for_status()

    async def _is_struck(self) -> bool:
        return any(fault["struck"] for fault in (await self._studio.get("/studio/faults")).json())

    async def _until(self, true: Callable[[], Awaitable[bool]], what: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STORY_SECONDS):
                while not await true():  # noqa: ASYNC110 - in another process: nothing tells when it changes
                    await asyncio.sleep(0.1)
                return
        raise StackError(f"it did not come to pass that {what}")

    async def _run(self, *arguments: str) -> None:
        await asyncio.to_thread(self._engine.run, *arguments)


@contextlib.asynccontextmanager
async def scenario(engine: Engine, ports: Mapping[str, int], key: str, say: Say) -> AsyncIterator[Scenario]:
    """A scenario with its connections: the client's goes through the proxy."""
    async with (
        StoryloomClient(f"http://127.0.0.1:{ports['proxy']}", key) as client,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ports['studio']}",
            trust_env=False,
            timeout=30,
            headers={"Authorization": "Bearer studio"},
        ) as studio,
    ):
        yield Scenario(engine, client, studio, say)
