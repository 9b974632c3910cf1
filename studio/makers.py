"""The studio's own parts: painters and a speaker in worker processes, storyteller and moderation in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from studio.moderation import classify
from studio.parts import Parts, PictureOrder, Speech, UnanswerableError
from studio.settings import Engine, StudioSettings
from studio.storyteller.blocks import Unanswerable, read_blocks
from studio.storyteller.telling import tell
from studio.workshop import Workshop

TOLD = frozenset({"outline", "scene_text", "story_check", "activities"})  # the schemas that the storyteller knows


class Makers:
    """Starts and stops the worker processes, and hands out the parts that use them."""

    def __init__(self, settings: StudioSettings) -> None:
        self._painting = Workshop("painting", benches=settings.painters)
        # One process holds the voice model once; the engine lets go of the interpreter while it computes.
        self._voice = Workshop(settings.voice, benches=settings.speakers, slots=2)
        self.parts = Parts(draw=self._draw, look=self._look, tell=_tell, classify=_classify, speak=self._speak)

    async def start(self) -> None:
        """Start the workers; they warm up by themselves."""
        await self._painting.start()
        await self._voice.start()

    async def stop(self) -> None:
        """Stop the workers, whatever they are doing."""
        await asyncio.gather(self._painting.stop(), self._voice.stop())

    def readiness(self) -> dict[str, int]:
        """How many workers of each trade are warm."""
        return {"painters": self._painting.ready, "speakers": self._voice.ready}

    async def _draw(self, order: PictureOrder, reference: bytes | None) -> bytes:
        # Square pictures take least: they go before the tall ones, and a story's cover with them.
        turn = 1 if order.size == "1024x1024" else 2
        picture: bytes = await self._painting.make("draw", order, reference, turn=turn)
        return picture

    async def _look(self, picture: bytes) -> Mapping[str, Any] | None:
        # Looking takes milliseconds, and somebody waits for it before drawing on: it goes before all pictures.
        seen: dict[str, Any] | None = await self._painting.make("look", picture, turn=0)
        return seen

    async def _speak(
        self, text: str, *, voice_id: str, settings: Mapping[str, Any], engine: Engine, seed: int
    ) -> Speech:
        return Speech(*await self._voice.make("speak", text, voice_id, dict(settings), engine, seed))


async def _tell(schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
    if schema_name not in TOLD:
        return None
    try:
        blocks = read_blocks(prompt)
        answer: Mapping[str, Any] = await asyncio.to_thread(tell, schema_name, blocks, seed=seed)
    except Unanswerable as error:
        raise UnanswerableError(str(error)) from error
    return answer


async def _classify(text: str) -> Mapping[str, float]:
    return classify(text)
