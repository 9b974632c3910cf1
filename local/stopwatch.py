"""How long each part of a start took."""

import time
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Stopwatch:
    """Runs from its making. ``parts`` holds (name, began, took) in seconds, in the order in which they ended."""

    def __init__(self) -> None:
        self._zero = time.monotonic()
        self.parts: list[tuple[str, float, float]] = []

    async def time(self, name: str, part: Awaitable[T]) -> T:
        """Await a part and note when it began and how long it took."""
        began = time.monotonic()
        result = await part
        self.parts.append((name, began - self._zero, time.monotonic() - began))
        return result

    def table(self) -> str:
        """One line a part: when it began, when it was ready."""
        rows = [f"{name:<12}{began:7.2f} s → {began + took:6.2f} s" for name, began, took in self.parts]
        return "\n".join(rows)
