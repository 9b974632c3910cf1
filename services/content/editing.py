"""Editing: a scene that a client has written anew is judged like one of ours, and measured; taste is the client's."""

from services.content.author import Author
from services.content.readability import count_words, judge, measure, targets_for
from storyloom.story.assets import SCENES
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.results import Readability, SceneText


class Editing:
    """Answers "may this scene be told so, and how hard is it?". Raises RetryableError where moderation is away."""

    def __init__(self, author: Author) -> None:
        self._author = author

    async def judge(self, edit: SceneEdit) -> EditVerdict:
        """Moderate the words, then measure them. What is too hard or too long is told as findings and no refusal."""
        text = "\n\n".join(edit.paragraphs)
        verdict = await self._author.moderate([text, edit.alt_text])
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
