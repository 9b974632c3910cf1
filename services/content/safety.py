"""Safety: nothing is published that moderation flags, and nothing that it could not judge (that is a RetryableError).

Two others ask: the api, before it takes a brief (screening), and before it takes a scene that a client has written anew
(editing).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.content.readability import count_words, judge, measure, targets_for
from storyloom.providers.ports import StructuredModel
from storyloom.story.assets import SCENES
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.errors import PermanentError
from storyloom.story.results import Readability, SceneText
from storyloom.story.screening import Verdict


async def ensure_safe(model: StructuredModel, texts: Sequence[str], what: str) -> None:
    """Raise PermanentError(code="unsafe") naming the categories, never the text, if moderation flags any of it."""
    verdict = await model.moderate(texts)
    if verdict.flagged:
        named = ", ".join(verdict.categories) or "unnamed"
        raise PermanentError(f"moderation flagged the {what}: {named}", code="unsafe", details={"categories": named})


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


class Screening:
    """Answers "may a story be made of this brief?". Raises RetryableError where moderation cannot be asked now."""

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await self._model.moderate(words_of(brief))
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)


class Editing:
    """Answers "may this scene be published, and how hard is it?". Raises RetryableError if moderation fails."""

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def judge(self, edit: SceneEdit) -> EditVerdict:
        """Moderate the words, then measure them. What is too hard or too long becomes a finding, not a refusal."""
        text = "\n\n".join(edit.paragraphs)
        verdict = await self._model.moderate([text, edit.alt_text])
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
