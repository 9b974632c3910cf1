"""Safety: nothing is published that moderation flags, and nothing that it could not judge (that is a RetryableError).

Two others ask: the api, before it takes a brief (screening), and before it takes a scene that a client has written anew
(editing).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from services.content.readability import count_words, judge, measure, targets_for
from storyloom.providers.ports import Moderation, StructuredModel
from storyloom.story.assets import SCENES
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.results import Readability, SceneText
from storyloom.story.screening import Verdict

AWAY_PATIENCE_SECONDS = 0.05
"""Seconds that somebody at the api waits for a provider that was away when last asked: it may be back."""
SCREENING_PATIENCE_SECONDS = 1.0
"""Seconds that a new brief waits for moderation, which takes some tenths of one: its outline is moderated anyway."""
EDITING_PATIENCE_SECONDS = 2.5
"""Seconds that an edited scene waits: without an answer it is refused. Less than the api's own patience."""
PROBE_INTERVAL_SECONDS = 2.0
"""Seconds between questions to a provider that leaves them unanswered."""

log = structlog.get_logger()


def unsafe(what: str, categories: Sequence[str]) -> PermanentError:
    """The end of what moderation flags; it names the categories, never the text."""
    named = ", ".join(categories) or "unnamed"
    return PermanentError(f"moderation flagged the {what}: {named}", code="unsafe", details={"categories": named})


def feedback_on(categories: Sequence[str]) -> str:
    """What the author of a flagged text is told, so that it is written otherwise."""
    named = ", ".join(categories) or "unnamed"
    return f"Moderation finds this unfit for children ({named}): tell it so that nothing can be taken for that."


async def judge_twice(model: StructuredModel, texts: Sequence[str]) -> Moderation:
    """What moderation says of what a person wrote: flagged only if it says so twice.

    Nobody writes it again, so that one wrong flag would be the end of it; and what is written of it is moderated too.
    Of a second look the scores are the higher ones of both.
    """
    verdict = await model.moderate(texts)
    return (await model.moderate(texts)).after(verdict) if verdict.flagged else verdict


def words_of(brief: Brief) -> list[str]:
    """All that a person typed into the brief, as one text, so that it is judged in its context."""
    people = [character.model_dump(include=_TYPED, exclude_none=True) for character in brief.characters]
    typed = [*people, brief.type_details, brief.setting or "", brief.premise or ""]
    return ["\n".join(text for value in typed for text in strings_in(value) if text)]


def strings_in(value: Any) -> Iterator[str]:
    """Every string of a plain value, keys left out, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)


_TYPED = {"name", "appearance", "features", "personality"}


class _Judge:
    """Judges what somebody at the api waits for: soon, or not at all.

    While the provider is known to be away, or left the last question unanswered, the call that finds out whether it is
    back goes on after the answer: a client's waiting ends and the question is asked all the same.
    """

    def __init__(self, model: StructuredModel, shut: Callable[[], bool], patience: float) -> None:
        self._model = model
        self._shut = shut
        self._patience = patience
        self._asking: set[asyncio.Task[Moderation | None]] = set()
        self._silent = False
        self._asked_at = float("-inf")

    async def judge(self, texts: Sequence[str]) -> Moderation | None:
        """What moderation says; None where it cannot be had now."""
        now = asyncio.get_running_loop().time()
        if self._silent and now < self._asked_at + PROBE_INTERVAL_SECONDS:
            return None
        self._asked_at = now
        patience = AWAY_PATIENCE_SECONDS if self._silent or self._shut() else self._patience
        question = asyncio.create_task(self._ask(texts))
        self._asking.add(question)
        question.add_done_callback(self._asking.discard)
        await asyncio.wait({question}, timeout=patience)
        if question.done():
            return question.result()
        if not self._silent:
            log.warning("moderation.silent", seconds=patience)
        self._silent = True
        return None

    async def _ask(self, texts: Sequence[str]) -> Moderation | None:
        try:
            verdict = await judge_twice(self._model, texts)
        except (RetryableError, PermanentError, ProviderUnavailable) as failure:
            log.warning("moderation.away", error=type(failure).__name__)
            return None
        self._silent = False
        return verdict


def _never() -> bool:
    return False


class Screening:
    """Answers "may a story be made of this brief?", or soon that moderation is away.

    ``shut`` says whether the provider is known to be away, ``patience`` how many seconds an answer may take.
    """

    def __init__(
        self,
        model: StructuredModel,
        shut: Callable[[], bool] = _never,
        *,
        patience: float = SCREENING_PATIENCE_SECONDS,
    ) -> None:
        self._judge = _Judge(model, shut, patience)

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._judge.judge(words_of(brief))
        if verdict is None:
            return Verdict(flagged=False, judged=False)
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)


class Editing:
    """Answers "may this scene be published, and how hard is it?", or soon that moderation is away.

    ``shut`` says whether the provider is known to be away.
    """

    def __init__(self, model: StructuredModel, shut: Callable[[], bool] = _never) -> None:
        self._judge = _Judge(model, shut, EDITING_PATIENCE_SECONDS)

    async def judge(self, edit: SceneEdit) -> EditVerdict:
        """Moderate the words, then measure them. What is too hard or too long becomes a finding, not a refusal."""
        text = "\n\n".join(edit.paragraphs)
        verdict = await self._judge.judge([text, edit.alt_text])
        if verdict is None:
            return EditVerdict(flagged=False, judged=False)
        if verdict.flagged:
            return EditVerdict(flagged=True, categories=verdict.categories)
        targets = targets_for(edit.age).a_scene()
        scene = SceneText(
            scene=edit.scene,
            paragraphs=edit.paragraphs,
            alt_text=edit.alt_text,
            words=max(1, count_words(text)),
            readability=measure(text, edit.names),
            findings=tuple(finding.text for finding in judge(text, targets, edit.language, edit.names)),
            moderated=verdict.record(),
        )
        return EditVerdict(flagged=False, text=scene, whole=_whole(edit, text))


def _whole(edit: SceneEdit, text: str) -> Readability | None:
    texts = {**edit.others, edit.scene: text}
    if len(texts) < len(SCENES):
        return None
    return measure("\n\n".join(texts[scene] for scene in SCENES), edit.names)
