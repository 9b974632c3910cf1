"""Screening: the api asks, before it takes a brief, whether it may be told."""

from services.content.author import Author
from services.content.safety import words_of
from storyloom.story.brief import Brief
from storyloom.story.screening import Verdict


class Screening:
    """Answers "may this brief be told?". Raises RetryableError where moderation cannot be asked now."""

    def __init__(self, author: Author) -> None:
        self._author = author

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._author.moderate(words_of(brief))
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)
