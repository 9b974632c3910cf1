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

SHUT_PATIENCE_SECONDS = 0.05
"""Seconds that somebody at the api waits for a provider that was away when last asked: it may be back."""

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
    """
    verdict = await model.moderate(texts)
    return await model.moderate(texts) if verdict.flagged else verdict


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
    """Judges what somebody at the api waits for: at once, or not at all.

    While the provider is known to be away the call that may probe it goes on after the answer, so that a client's
    waiting ends and the probe is made all the same.
    """

    def __init__(self, model: StructuredModel, shut: Callable[[], bool]) -> None:
        self._model = model
        self._shut = shut
        self._probes: set[asyncio.Task[Moderation | None]] = set()

    async def judge(self, texts: Sequence[str]) -> Moderation | None:
        """What moderation says; None where it cannot be had now."""
        if not self._shut():
            return await self._ask(texts)
        probe = asyncio.create_task(self._ask(texts))
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)
        await asyncio.wait({probe}, timeout=SHUT_PATIENCE_SECONDS)
        return probe.result() if probe.done() else None

    async def _ask(self, texts: Sequence[str]) -> Moderation | None:
        try:
            return await judge_twice(self._model, texts)
        except (RetryableError, PermanentError, ProviderUnavailable) as failure:
            log.warning("moderation.away", error=type(failure).__name__)
            return None


def _never() -> bool:
    return False


class Screening:
    """Answers "may a story be made of this brief?", or at once that moderation is away.

    ``shut`` says whether the provider is known to be away.
    """

    def __init__(self, model: StructuredModel, shut: Callable[[], bool] = _never) -> None:
        self._judge = _Judge(model, shut)

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._judge.judge(words_of(brief))
        if verdict is None:
            return Verdict(flagged=False, judged=False)
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)


class Editing:
    """Answers "may this scene be published, and how hard is it?", or at once that moderation is away.

    ``shut`` says whether the provider is known to be away.
    """

    def __init__(self, model: StructuredModel, shut: Callable[[], bool] = _never) -> None:
        self._judge = _Judge(model, shut)

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
        )
        return EditVerdict(flagged=False, text=scene, whole=_whole(edit, text))


def _whole(edit: SceneEdit, text: str) -> Readability | None:
    texts = {**edit.others, edit.scene: text}
    if len(texts) < len(SCENES):
        return None
    return measure("\n\n".join(texts[scene] for scene in SCENES), edit.names)
