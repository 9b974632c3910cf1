"""The preview: words shown while they are being written, each sentence only once moderation has let it pass.

What is flagged is shown no further; the text is then written again (services/content/writer.py).
"""

import re
from collections.abc import Iterable

from pydantic_core import from_json

from storyloom.jobs.definition import Report
from storyloom.providers.ports import StructuredModel
from storyloom.story.errors import RetryableError
from storyloom.story.model_text import RejectedTextError, clean_text

MAX_PARAGRAPH_CHARACTERS = 4000
"""Characters of one paragraph; a whole story for the oldest has about 3,000."""
HOPELESS_CHARACTERS = 4 * MAX_PARAGRAPH_CHARACTERS
"""What is longer before it is cleaned is not looked at any more (``clean_text``), nor is what follows it."""
MODERATION_STEP_WORDS = 8
"""Words by which the text must have grown before moderation is asked again."""


class Preview:
    """Hears a scene's JSON as it grows and reports the prose so far, ``progress`` from 10 to 80."""

    def __init__(self, model: StructuredModel, report: Report, wanted: int) -> None:
        self._model = model
        self._report = report
        self._wanted = wanted
        self._shown = ""
        self._progress = 0
        self._endless = False
        self._next_look = 0
        self.flagged: tuple[str, ...] = ()
        """What the words were flagged for on the way; empty: for nothing."""

    async def __call__(self, partial: str) -> None:
        """Report what is new. Nothing is, once a paragraph is so long that it is rejected whatever comes."""
        if self._endless or len(partial) < self._next_look:
            return
        # A hundredth: each look reads all of it, and an answer may grow without end.
        self._next_look = len(partial) + len(partial) // 100
        paragraphs = read_paragraphs(partial)
        self._endless = any(len(text) > HOPELESS_CHARACTERS for text in paragraphs)
        written = _clean(paragraphs)
        progress = 10 + min(70, 70 * len(written.split()) // self._wanted)
        whole = cut_to_sentences(written)
        if len(whole.split()) >= len(self._shown.split()) + MODERATION_STEP_WORDS and await self._passes(whole):
            self._shown = whole
            await self._report(progress, text=whole)
        elif progress > self._progress:
            await self._report(progress)
        self._progress = max(progress, self._progress)

    async def _passes(self, text: str) -> bool:
        if self.flagged:
            return False
        try:
            verdict = await self._model.moderate([text])
        except RetryableError:
            return False  # it is not shown; the finished text is judged again, and there the failure counts
        self.flagged = (verdict.categories or ("unnamed",)) if verdict.flagged else ()
        return not self.flagged


_SENTENCES = re.compile(r".*[.!?…][”’\"')\]]*(?=\s|$)", re.DOTALL)


def _clean(paragraphs: Iterable[str]) -> str:
    """The paragraphs so far as they may be shown; empty as soon as one holds what is rejected in the end."""
    try:
        return "\n\n".join(clean_text(text, MAX_PARAGRAPH_CHARACTERS) for text in paragraphs)
    except RejectedTextError:
        return ""


def read_paragraphs(partial: str) -> tuple[str, ...]:
    """The paragraphs of a scene's JSON as far as they are written; the last one may be cut anywhere.

    Lenient: where nothing can be read, or not yet, there are none. Never raises.
    """
    try:
        # Half of a surrogate pair, which cannot be encoded, is the last character's first half: it comes again whole.
        scene = from_json(partial.encode(errors="ignore"), allow_partial="trailing-strings")
    except ValueError:
        return ()
    paragraphs = scene.get("paragraphs") if isinstance(scene, dict) else None
    if not isinstance(paragraphs, list):
        return ()
    return tuple(text for text in paragraphs if isinstance(text, str) and text)


def cut_to_sentences(text: str) -> str:
    """The text up to the end of its last whole sentence; empty where there is none yet."""
    match = _SENTENCES.match(text)
    return match[0] if match else ""
