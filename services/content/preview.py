"""The preview: words shown while they are being written, each sentence only once moderation has let it pass."""

from services.content.author import Author
from services.content.prose import cut_to_sentences, read_paragraphs
from services.content.safety import ensure_safe
from storyloom.jobs.definition import Report
from storyloom.story.errors import RetryableError

STEP = 8
"""Words by which the text must have grown before moderation is asked again."""


class Preview:
    """Hears a scene's JSON as it grows and reports the prose so far, ``progress`` from 10 to 80."""

    def __init__(self, author: Author, report: Report, wanted: int) -> None:
        self._author = author
        self._report = report
        self._wanted = wanted
        self._shown = ""
        self._progress = 0

    async def __call__(self, partial: str) -> None:
        """Report what is new. Raises PermanentError(code="unsafe") at once if it is flagged: nobody pays for the
        rest.
        """
        written = "\n\n".join(read_paragraphs(partial))
        progress = 10 + min(70, 70 * len(written.split()) // self._wanted)
        whole = cut_to_sentences(written)
        if len(whole.split()) >= len(self._shown.split()) + STEP and await self._passes(whole):
            self._shown = whole
            await self._report(progress, text=whole)
        elif progress > self._progress:
            await self._report(progress)
        self._progress = max(progress, self._progress)

    async def _passes(self, text: str) -> bool:
        try:
            await ensure_safe(self._author, [text], "text")
        except RetryableError:
            return False  # it is not shown; the finished text is judged again, and there the failure counts
        return True
