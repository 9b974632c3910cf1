"""Screening: the api asks, before it takes a brief, whether it may be told."""

from pydantic import ValidationError

from services.content.author import Author
from services.content.safety import words_of
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.screening import Verdict


class Screening:
    """Answers "may this brief be told?". Raises RetryableError where moderation cannot be asked now."""

    def __init__(self, author: Author) -> None:
        self._author = author

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._author.moderate(words_of(brief))
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)

    async def answer(self, question: bytes) -> bytes:
        """The same over the bus: a brief's JSON in, a verdict's out. Raises PermanentError for what is no brief."""
        try:
            brief = Brief.model_validate_json(question)
        except ValidationError:
            # Its message quotes the brief, and with it a child's name; a log is no place for that.
            raise PermanentError("screening was asked about something that is no brief", code="bug") from None
        verdict = await self.screen(brief)
        return verdict.model_dump_json().encode()
