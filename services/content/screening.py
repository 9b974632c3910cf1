"""Screening: the api asks, before it takes a brief, whether it may be told."""

from pydantic import BaseModel, ConfigDict

from services.content.author import Author
from services.content.safety import words_of
from storyloom.story.brief import Brief


class Verdict(BaseModel):
    """Whether moderation flags the brief, and by which of its categories."""

    model_config = ConfigDict(frozen=True)

    flagged: bool
    categories: tuple[str, ...] = ()


class Screening:
    """Answers "may this brief be told?". Raises TryAgain where moderation cannot be asked now."""

    def __init__(self, author: Author) -> None:
        self._author = author

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._author.moderate(words_of(brief))
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)

    async def close(self) -> None:
        await self._author.close()
