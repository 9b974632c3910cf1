"""The whole product as a user has it: one stack of processes with the studio behind it, reached over HTTP alone."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import Story, StoryEvent, StoryloomClient
from local.settings import LocalSettings
from local.stack import Stack
from local.state import Addresses
from tests.conftest import Background

MIRA: dict[str, Any] = {
    "storyType": "bedtime",
    "age": 5,
    "seed": 11,
    "premise": "a fox who has lost her lantern",
    "setting": "a foggy forest",
    "characters": [
        {
            "name": "Mira",
            "age": 5,
            "pronouns": "she/her",
            "appearance": {"skin": "#8d5524", "hair": "curly black", "eyes": "brown", "clothing": "yellow dress"},
            "traits": ["wheelchair_manual"],
            "features": ["round blue glasses"],
            "personality": ["loves foxes"],
        }
    ],
}

SHORT_TIMEOUTS = {
    "STUDIO_VOICE": "espeak",
    "RETRY_DELAYS": "[0.2, 0.2]",
    "MAX_ATTEMPTS": "4",
    "ACK_WAIT": "4",
    "TEXT_TIMEOUT": "4",
    "IMAGE_TIMEOUT": "30",
    "VOICE_TIMEOUT": "20",
}
"""A user's settings, but with shorter timeouts."""


@dataclass
class Product:
    """What a client and an operator can reach."""

    addresses: Addresses
    client: StoryloomClient
    studio: httpx.AsyncClient

    async def make(self, **changes: Any) -> tuple[Story, list[StoryEvent]]:
        """Ask for a story and watch it to its end: the story, and every event of its stream."""
        story = await self.client.create({**MIRA, **changes})
        events = [event async for event in self.client.events(story["id"])]
        return await self.client.get(story["id"]), events

    async def misbehave(self, fault: str, **order: Any) -> None:
        """Order a fault from the studio."""
        answer = await self.studio.post("/studio/faults", json={"fault": fault, **order})
        assert answer.is_success, answer.text


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack keeps its state and its logs."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def stack(background: Background, home: Path) -> Iterator[Addresses]:
    """One stack for all of these tests; each makes stories of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SHORT_TIMEOUTS.items():
            patch.setenv(name, value)
        for name in ("DATABASE_URL", "NATS_URL", "S3_ENDPOINT_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PORT"):
            patch.delenv(name, raising=False)
        found = Stack(LocalSettings(storyloom_home=home))
        addresses = background.run(found.start(), within=120)
    yield addresses
    background.run(found.stop(), within=30)
    assert not [
        name for name, pid in addresses.processes.items() if pid != os.getpid() and Path(f"/proc/{pid}").exists()
    ]


@pytest.fixture
async def product(stack: Addresses) -> AsyncIterator[Product]:
    """The product, behaving: no fault of an earlier test stands."""
    assert stack.studio_url is not None
    async with (
        StoryloomClient(stack.api_url, stack.api_key) as client,
        httpx.AsyncClient(
            base_url=stack.studio_url, trust_env=False, headers={"Authorization": "Bearer studio"}
        ) as studio,
    ):
        await studio.delete("/studio/faults")
        yield Product(stack, client, studio)
        await studio.delete("/studio/faults")
