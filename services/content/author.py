"""The author: the port through which this service writes and judges."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from storyloom.providers.openai.client import Moderation
from storyloom.story.results import ProviderCall

M = TypeVar("M", bound=BaseModel)


class Author(Protocol):
    """Whoever writes: OpenAI (storyloom.providers.openai.client), or a test's own. Raises RetryableError and
    PermanentError.
    """

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        images: Sequence[bytes] = (),
        purpose: str,
        on_text: Callable[[str], Awaitable[None]] | None = None,
    ) -> tuple[M, ProviderCall]:
        """An answer of the model's shape; ``on_text`` is given its JSON as far as it is written."""
        ...

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        """What moderation says of the texts together."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
