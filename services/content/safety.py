"""Safety: nothing is published that moderation flags, and nothing that it could not judge (that is a RetryableError).

Two others ask: the api, before it takes a brief (screening), and before it takes a scene that a client has written anew
(editing).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.content.readability import count_words, judge, measure, targets_for
from storyloom.providers.ports import Moderation, StructuredModel
from storyloom.story.assets import SCENES
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.errors import PermanentError
from storyloom.story.results import Readability, SceneText
from storyloom.story.screening import Verdict


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


class Screening:
    """Answers "may a story be made of this brief?". Raises RetryableError where moderation cannot be asked now."""

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def screen(self, brief: Brief) -> Verdict:
        """Judge all that a person typed into the brief."""
        verdict = await judge_twice(self._model, words_of(brief))
        return Verdict(flagged=verdict.flagged, categories=verdict.categories)


class Editing:
    """Answers "may this scene be published, and how hard is it?". Raises RetryableError if moderation fails."""

    def __init__(self, model: StructuredModel) -> None:
        self._model = model

    async def judge(self, edit: SceneEdit) -> EditVerdict:
        """Moderate the words, then measure them. What is too hard or too long becomes a finding, not a refusal."""
        text = "\n\n".join(edit.paragraphs)
        verdict = await judge_twice(self._model, [text, edit.alt_text])
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
