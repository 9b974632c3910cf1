"""The studio's own backends: painters and a speaker in worker processes, storyteller and moderation in the server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from studio.backends import Backends, EngineName, ImageRequest, Speech
from studio.moderation import classify
from studio.prompt_blocks import read_blocks
from studio.settings import StudioSettings
from studio.storyteller.answers import SCHEMAS, answer_prompt
from studio.worker_pool import WorkerPool


class LocalBackends:
    """Starts and stops the worker processes; `backends` are those that use them."""

    def __init__(self, settings: StudioSettings) -> None:
        self._painters = WorkerPool("painting", processes=settings.painters)
        # One process holds the voice model once; the engine lets go of the interpreter while it computes.
        self._speakers = WorkerPool(settings.voice, processes=settings.speakers, concurrency=2)
        self.backends = Backends(
            generate_image=self._generate_image,
            describe_image=self._describe_image,
            answer_prompt=_answer_prompt,
            classify_text=_classify_text,
            synthesise_speech=self._synthesise_speech,
        )

    async def start(self) -> None:
        """Start the workers; they warm up by themselves."""
        await self._painters.start()
        await self._speakers.start()

    async def stop(self) -> None:
        """Stop the workers, whatever they are doing."""
        await asyncio.gather(self._painters.stop(), self._speakers.stop())

    def ready_workers(self) -> dict[str, int]:
        """How many workers of each kind are warm."""
        return {"painters": self._painters.ready, "speakers": self._speakers.ready}

    async def _generate_image(self, order: ImageRequest, reference: bytes | None) -> bytes:
        # Square pictures take least: they go before the tall ones, and a story's cover with them.
        priority = 1 if order.size == "1024x1024" else 2
        picture: bytes = await self._painters.run("generate_image", order, reference, priority=priority)
        return picture

    async def _describe_image(self, picture: bytes) -> Mapping[str, Any] | None:
        # This takes milliseconds, and somebody waits for it before drawing on: it goes before all pictures.
        seen: dict[str, Any] | None = await self._painters.run("describe_image", picture, priority=0)
        return seen

    async def _synthesise_speech(
        self, text: str, *, voice_id: str, settings: Mapping[str, Any], engine: EngineName, seed: int
    ) -> Speech:
        speech: Speech = await self._speakers.run("synthesise_speech", text, voice_id, dict(settings), engine, seed)
        return speech


async def _answer_prompt(schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
    if schema_name not in SCHEMAS:
        return None
    return await asyncio.to_thread(answer_prompt, schema_name, read_blocks(prompt), seed=seed)


async def _classify_text(text: str) -> Mapping[str, float]:
    return classify(text)
