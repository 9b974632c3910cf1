"""Clients: they ask for a story, watch it, and send commands to it. They ask again until they are answered.

An answer that is lost says nothing: a story is asked for again by its Idempotency-Key, and is accepted once.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import aiohttp

from tests.chaos.briefs import rewritten
from tests.chaos.evidence import Asked, Client
from tests.chaos.schedule import Command, StoryPlan
from tests.chaos.stream_reader import Watcher

REQUEST_TIMEOUT_SECONDS = 8.0
"""Seconds that a client waits for an answer."""
RETRY_DELAY_SECONDS = 0.4
STORY_TIMEOUT_SECONDS = 100.0
"""Seconds that a client waits for its story to end before it sends a command; then it sends it all the same."""


class StoryClient:
    """One client with one story. ``run`` goes through its plan; the watchers go on until they are finished."""

    def __init__(self, http: aiohttp.ClientSession, urls: dict[str, str], run_name: str, plan: StoryPlan) -> None:
        self.client = Client(plan.number, f"chaos-{run_name}-{plan.number}", plan.assets)
        self.watchers: list[Watcher] = []
        self._http = http
        self._urls = urls
        self._plan = plan
        self.last_answer = "none yet"

    @property
    def _story(self) -> str:
        return f"{self._urls['api']}/api/v1/stories/{self.client.id}"

    async def run(self) -> None:
        """Ask for the story, watch it, and send the planned commands."""
        await asyncio.sleep(self._plan.at)
        await self._ask_for_story()
        if not self.client.accepted:
            return
        accepted = time.monotonic()
        for number, watch in enumerate(self._plan.watches, start=1):
            reader = f"{self._plan.number}.{number}@{watch.where}"
            watcher = Watcher(self._http, self._urls[watch.where], self.client.id, reader, watch.stays)
            watcher.start()
            self.watchers.append(watcher)
        for time_, command in enumerate(self._plan.commands):
            await self._until(command, accepted)
            await self._make(command, time_)

    async def show(self) -> Any:
        """The story as GET answers it, None for a 404."""
        status, body = await self._ask("GET", self._story)
        return body if status == 200 else None

    async def _until(self, command: Command, accepted: float) -> None:
        if command.after is not None:
            await asyncio.sleep(max(0.0, accepted + command.after - time.monotonic()))
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(STORY_TIMEOUT_SECONDS):
                while not any(watcher.ended for watcher in self.watchers):  # noqa: ASYNC110 - readers know, nobody notifies
                    await asyncio.sleep(0.2)

    async def _ask_for_story(self) -> None:
        headers = {"Idempotency-Key": self.client.key}
        url = f"{self._urls['api']}/api/v1/stories"
        status, body = await self._ask("POST", url, json=self._plan.brief, headers=headers)
        if status == 202:
            self.client.accepted, self.client.id = True, str(body["id"])
        else:
            raise AssertionError(f"story {self._plan.number} was refused with {status}: {body}")

    async def _make(self, command: Command, time_: int) -> None:
        asked = Asked(command.kind, command.asset, command.scene if command.kind == "edit" else 0)
        self.client.asked.append(asked)
        match command.kind:
            case "cancel":
                asked.status, _ = await self._ask("POST", f"{self._story}/cancel")
            case "retry":
                asked.status, _ = await self._ask("POST", f"{self._story}/assets/retry", json={})
            case "regenerate":
                asked.status, _ = await self._ask("POST", f"{self._story}/assets/{command.asset}/regenerate")
            case "edit":
                asked.text = rewritten(self._plan.number, command.scene, time_)
                body = {"text": asked.text}
                asked.status, _ = await self._ask("PUT", f"{self._story}/scenes/{command.scene}/text", json=body)
            case "delete":
                asked.status, _ = await self._ask("DELETE", self._story)
                # Asked again after a lost answer it is a 404: it was deleted all the same.
                self.client.deleted = asked.granted or asked.status == 404

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[int, Any]:
        """Ask until there is an answer other than that something is unreachable: its status and JSON."""
        while True:
            pause = RETRY_DELAY_SECONDS
            try:
                self.last_answer = f"no answer to {method} {url}"
                timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
                async with self._http.request(method, url, timeout=timeout, **options) as answer:
                    if answer.status < 500 and answer.status != 429:
                        return answer.status, await answer.json(content_type=None) if answer.status != 204 else None
                    self.last_answer = f"{answer.status} to {method} {url}: {await answer.text()}"
                    pause = max(RETRY_DELAY_SECONDS, min(5.0, float(answer.headers.get("Retry-After", 0))))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                pass  # no answer is no news
            await asyncio.sleep(pause)
