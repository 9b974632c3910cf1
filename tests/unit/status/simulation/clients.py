"""Clients and the api: stories are posted, and get commands, at any time; the api may die between row and event."""

import asyncio
from functools import cache
from typing import Any
from uuid import UUID

from storyloom.messaging.connection import BusUnavailableError
from storyloom.story.assets import PUBLIC, TEXTS, Asset
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    CommandEvent,
    Event,
    SceneTextEdited,
    StoryApproved,
    StoryCancelled,
    story_requested,
)
from storyloom.story.journey import Journey, approval
from storyloom.story.results import SceneText
from tests.unit.status.random_walk import STORY, new_journey, result
from tests.unit.status.simulation.bus import Server, SimBus
from tests.unit.status.simulation.rows import CommandRow, Row, Rows
from tests.unit.status.simulation.world import Process, World

A = Asset
_LITTLE = ((A.CONTENT,), (A.COVER,), (A.COVER, A.SCENE_2))
_SOME = ((A.CONTENT, A.SCENE_1), (A.CONTENT, A.ACTIVITIES), (A.AUDIO,), (A.AUDIO,))
ORDERS = (*_LITTLE, *_LITTLE, *_LITTLE, *_SOME, PUBLIC)
"""What is asked for: mostly little, as much goes wrong with little."""


@cache
def _journey(number: int, assets: tuple[Asset, ...], asked: str) -> Journey:
    return new_journey(assets, story_id=UUID(int=number), approval=asked)


@cache
def _words(scene: int, version: int) -> SceneText:
    text = result(TEXTS[scene - 1], STORY)
    return text.model_copy(update={"paragraphs": (f"Mira heard it {version} times.",)})  # type: ignore[return-value]


class Clients:
    """Everybody who uses the api, and the api."""

    def __init__(
        self, world: World, rows: Rows, server: Server, *, commands: int, think_time: float, approvals: float = 0.0
    ) -> None:
        self._world = world
        self._rows = rows
        self._api = Process("api")
        self._bus = SimBus(server, self._api)
        self._commands = commands
        self._think_time = think_time
        self._approvals = approvals
        self.busy = 0

    def begin(self) -> None:
        """Let every client do as it wants."""
        for number in range(1, self._world.chance.choice((2, 2, 2, 2, 3))):
            self.busy += 1
            task = self._world.start(self._api, self._use(number))
            task.add_done_callback(self._leave)

    def _leave(self, _task: Any) -> None:
        self.busy -= 1

    async def _use(self, number: int) -> None:
        chance = self._world.chance
        asked = "required" if self._world.happens(self._approvals) else "auto"
        journey = _journey(number, chance.choice(ORDERS), asked)
        await asyncio.sleep(chance.random())
        self._world.log("posted", number, [asset.value for asset in journey.assets])
        if self._rows.add(journey):
            await self._publish(story_requested(journey.story_id, "tests", "", self._world.at))
        row = self._rows.stories[journey.story_id]
        if journey.asks_approval:
            self.busy += 1
            self._world.start(self._api, self._approve(row)).add_done_callback(self._leave)
        for count in range(chance.randint(0, self._commands)):
            await self._wait(row)
            await self._send(row, self._command(row, count))
        row.uses = False

    async def _send(self, row: Row, command: CommandEvent) -> None:
        self._rows.commands[command.id] = CommandRow(command, self._world.at)
        self._world.log("command", row.first.story_id.int, command.event, command.id)
        await self._publish(command)

    async def _approve(self, row: Row) -> None:
        """Read the text and approve it, as often as it is another one, until the story has ended for good.

        Some read for longer than a story may take; some approve a text that is not there any more.
        """
        chance, count = self._world.chance, 0
        patience = chance.choice((0.1, 3, 45))
        while row.status == "generating" or self._commands_left(row):
            await asyncio.sleep(0.5)
            shown = approval(row.journey) or {}
            if shown.get("status") != "awaited":
                continue
            await asyncio.sleep(chance.random() * patience)
            count += 1
            if chance.random() < 0.3:  # somebody else changes it meanwhile
                scene = chance.randint(1, 4)
                await self._send(row, SceneTextEdited(**self._origin(row, f"other.{count}"), text=_words(scene, count)))
                await asyncio.sleep(chance.random())
            approved = StoryApproved(**self._origin(row, f"approve.{count}"), text_version=shown["textVersion"])
            await self._send(row, approved)
            await asyncio.sleep(3)

    def _commands_left(self, row: Row) -> bool:
        """Whether a command may begin the story again: one that comes yet, or is not handled."""
        mine = {key for key, one in self._rows.commands.items() if one.command.story_id == row.first.story_id}
        return row.uses or not mine <= self._rows.inbox

    async def _wait(self, row: Row) -> None:
        """Some commands come while the story is made, at any moment; others once it has ended."""
        chance = self._world.chance
        await asyncio.sleep(chance.random() * min(self._think_time, chance.choice((0.1, 2, 8))))
        if self._think_time > 1 and chance.random() < 0.5:
            for _ in range(60):
                if row.status != "generating":
                    return
                await asyncio.sleep(1)

    def _command(self, row: Row, count: int) -> CommandEvent:
        """Any command, sensible or not: the rows that the api looks at may be old, and the fold decides."""
        chance, states = self._world.chance, row.assets
        origin = self._origin(row, f"command.{count}")
        public = [asset for asset in PUBLIC if asset in states]
        written = [text for text in TEXTS if text in states and states[text].status == "ready"]
        failed = any(state.status == "failed" for state in states.values())
        kinds = ["cancel", "regenerate", "retry", *["retry"] * 4 * failed, *["edit"] * 3 * bool(written)]
        match chance.choice(kinds):
            case "cancel":
                return StoryCancelled(**origin)
            case "regenerate":
                return AssetRegenerateRequested(**origin, asset=chance.choice(public))
            case "retry":
                return AssetRetryRequested(**origin, assets=tuple(chance.sample(public, chance.randint(0, 1))))
            case _:
                return SceneTextEdited(**origin, text=_words(chance.choice(written).scene, count))

    def _origin(self, row: Row, name: str) -> dict[str, Any]:
        return {
            "id": f"{row.first.story_id}.{name}",
            "story_id": row.first.story_id,
            "tenant_id": "tests",
            "trace": "",
            "at": self._world.at,
        }

    async def _publish(self, event: Event) -> None:
        if self._world.happens(self._world.faults.unpublished):
            return  # the api died between the two
        try:
            await self._bus.publish_events(event)
        except BusUnavailableError:
            self._world.log("unpublished", event.id)
