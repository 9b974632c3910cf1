"""The product as a user runs it: ``make up`` in a folder of its own, reached over HTTP."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import Story, StoryloomClient
from local.briefs import DEFAULT_BRIEF

ROOT = Path(__file__).parents[1]
START_TIMEOUT_SECONDS = 120.0
"""Seconds for a start, on a busy machine too."""
_USER_VARIABLES = ("DATABASE_URL", "NATS_URL", "S3_ENDPOINT_URL", "HTTP_PORT", "PROCESSES", "BRIEF", "SEED", "OUT")
# A user's Python keeps its bytecode: without it every process of ours would compile all that it imports.
_SLOWING_VARIABLES = ("PYTHONDONTWRITEBYTECODE",)
_PROVIDERS = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL")


def environment(home: Path, **more: str) -> dict[str, str]:
    """Ours, but for what would lead out of the folder or to a provider that is paid."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*_USER_VARIABLES, *_PROVIDERS, *_SLOWING_VARIABLES)
    }
    return kept | {"STORYLOOM_HOME": str(home), "STUDIO_VOICE": "piper", "PYTHONUNBUFFERED": "1"} | more


@dataclass(frozen=True)
class Product:
    """A running stack: what ``local.json`` says of it, and its client."""

    pid: int
    addresses: Mapping[str, Any]
    client: StoryloomClient

    async def make(self, seed: int) -> Story:
        """One story, watched to its end. Raises RuntimeError when it is not ready then."""
        story = await self.client.create({**DEFAULT_BRIEF, "seed": seed})
        async for _ in self.client.events(story["id"]):
            pass
        story = await self.client.get(story["id"])
        if story["status"] != "ready":
            raise RuntimeError(f"the story ended {story['status']}: {story.get('error')}")
        return story


@asynccontextmanager
async def running(home: Path, **more: str) -> AsyncIterator[Product]:
    """Start everything; stop it at the end. ``more`` are environment variables."""
    command = (sys.executable, "-m", "local.up")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(home, **more), stdout=quiet)
    try:
        addresses = await asyncio.wait_for(_addresses(process, home / "local.json"), START_TIMEOUT_SECONDS)
        async with StoryloomClient(addresses["apiUrl"], addresses["apiKey"]) as client:
            yield Product(process.pid, addresses, client)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _addresses(process: asyncio.subprocess.Process, path: Path) -> dict[str, Any]:
    while not (found := _read(path)):  # another process writes it
        if process.returncode is not None:
            raise RuntimeError("the product did not start")
        await asyncio.sleep(0.05)
    return found


def _read(path: Path) -> dict[str, Any]:
    """What the file says, nothing while it is not there."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
