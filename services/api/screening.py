"""What clients write is looked at before it is taken: a brief, a scene's edited text, a hint.

First by our own rules (storyloom/story/topics.py), which are always there; then by moderation, asked of the content
service.
"""

import asyncio
from dataclasses import dataclass

import structlog
from nats.errors import Error as NatsError
from pydantic import ValidationError

from services.api.refusals import refusal, require_fit
from storyloom.messaging.endpoints import Question
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.languages import language_of
from storyloom.story.results import Readability, SceneText
from storyloom.story.screening import Verdict
from storyloom.story.topics import refused_fields
from storyloom.web.problems import Problem

log = structlog.get_logger()


SILENT_PATIENCE_SECONDS = 0.05
"""Seconds that a brief waits for moderation while nobody answers questions."""
SILENCE_SECONDS = 5.0
"""Seconds after an unanswered question until the next one is given its full time."""


@dataclass(slots=True)
class Screening:
    """Asks over core NATS, for at most ``timeout`` seconds a time.

    After a question that nobody answered (the content service is frozen, or cut off) briefs wait for next to nothing:
    one client has waited for all.
    """

    briefs: Question[Verdict]
    edits: Question[EditVerdict]
    timeout: float
    help_lines: str = ""
    """Where somebody finds help who thinks of self-harm: part of that refusal."""
    languages: frozenset[str] = frozenset()
    """Those that stories may be asked for in, as languages.toml names them; none named: all."""
    _silent_until: float = float("-inf")

    async def check_brief(self, brief: Brief) -> None:
        """Raise a 422 Problem for a brief in a language not told here, with a refused topic, or flagged.

        Without an answer in time the brief passes: its outline is moderated in any case.
        """
        if self.languages and language_of(brief.language).tag not in self.languages:
            told = f"is none of the languages that stories are told in here: {', '.join(sorted(self.languages))}"
            errors = [{"pointer": "/language", "detail": told}]
            raise Problem(422, "bad_brief", "One field of the brief is wrong.", errors=errors)
        if fields := refused_fields(brief):
            raise refusal(fields, brief.language, self.help_lines)
        clock = asyncio.get_running_loop().time
        silent = clock() < self._silent_until
        try:
            verdict = await self.briefs.ask(brief, timeout=SILENT_PATIENCE_SECONDS if silent else self.timeout)
        except (NatsError, TimeoutError, ValidationError) as error:
            if isinstance(error, TimeoutError) and not silent:
                self._silent_until = clock() + SILENCE_SECONDS
            log.warning("story.not_screened", error=type(error).__name__)
            return
        self._silent_until = float("-inf")
        if not verdict.judged:
            log.warning("story.not_screened", error="moderation is away")
        if verdict.flagged:
            detail = "This brief cannot become a children's story: it was flagged for " + ", ".join(verdict.categories)
            raise Problem(422, "brief_flagged", f"{detail}.", categories=list(verdict.categories))

    async def check_edit(self, edit: SceneEdit) -> tuple[SceneText, Readability | None]:
        """The edited scene with its readability, and that of the whole story where all its scenes are written.

        Raises a Problem: 422 for words that hold a refused topic or that moderation flags, 503 without an answer, since
        nothing checks them later.
        """
        texts = [("/text", "\n".join(edit.paragraphs)), ("/altText", edit.alt_text)]
        require_fit(texts, edit.language, self.help_lines)
        verdict = await self._judge(edit, what="edit")
        if verdict.flagged or verdict.text is None:
            named = ", ".join(verdict.categories) or "what is unfit for children"
            detail = f"These words cannot be in a children's story: they were flagged for {named}."
            raise Problem(422, "text_flagged", detail, categories=list(verdict.categories))
        return verdict.text, verdict.whole

    async def check_hint(self, hint: SceneEdit) -> None:
        """Raise a Problem for a hint as for an edit. The question is the same, for any words."""
        require_fit([("/hint", hint.alt_text)], hint.language, self.help_lines)
        verdict = await self._judge(hint, what="hint")
        if verdict.flagged:
            named = ", ".join(verdict.categories) or "what is unfit for children"
            detail = f"This hint cannot shape a children's story: it was flagged for {named}."
            raise Problem(422, "hint_flagged", detail, categories=list(verdict.categories))

    async def _judge(self, words: SceneEdit, *, what: str) -> EditVerdict:
        try:
            verdict = await self.edits.ask(words, timeout=self.timeout)
        except (NatsError, TimeoutError, ValidationError) as error:
            log.warning("words.not_screened", what=what, error=type(error).__name__)
            raise _moderation_away() from None
        if not verdict.judged:
            log.warning("words.not_screened", what=what, error="moderation is away")
            raise _moderation_away()
        return verdict


def _moderation_away() -> Problem:
    detail = "The words cannot be moderated just now; try again."
    return Problem(503, "moderation_away", detail, headers={"Retry-After": "2"})
