"""One call answers one structured prompt of docs/providers.md."""

import re
from collections.abc import Mapping
from typing import Any

from studio.prompt_blocks import UnanswerablePromptError
from studio.storyteller.activities import write_activities
from studio.storyteller.brief import read_brief
from studio.storyteller.outline import write_outline
from studio.storyteller.scenes import Wanted, write_scene
from studio.storyteller.story_check import check_story

SCHEMAS = frozenset({"outline", "scene_text", "story_check", "activities"})  # those that the storyteller answers


def answer_prompt(schema_name: str, blocks: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    """The answer to `outline`, `scene_text`, `story_check` or `activities`; the same arguments, the same answer.

    Raises:
        UnanswerablePromptError: a block is missing or unreadable, or the schema is none of SCHEMAS; it says which.

    """
    brief = read_brief(_brief_block(blocks))
    if schema_name == "outline":
        return write_outline(brief, seed, version=_version(blocks))
    planned = _outline(blocks)
    if schema_name == "scene_text":
        return write_scene(brief, planned, _wanted(blocks), seed=seed)
    texts = _texts(blocks, "texts")
    if schema_name == "story_check":
        return check_story(brief, planned, texts)
    if schema_name == "activities":
        return write_activities(brief, planned, seed=seed, version=_version(blocks))
    raise UnanswerablePromptError(f"schema {schema_name!r} is not one the storyteller answers")


def _brief_block(blocks: Mapping[str, Any]) -> Any:
    """The brief; its tags are told no further once an answer with markup came back."""
    brief = blocks.get("brief")
    return (
        _without_tags(brief) if any("markup" in told for told in _texts(blocks, "feedback", required=False)) else brief
    )


def _without_tags(value: Any) -> Any:
    if isinstance(value, str):
        return _TAG.sub(" ", value).strip() or value
    if isinstance(value, Mapping):
        return {key: _without_tags(part) for key, part in value.items()}
    return [_without_tags(part) for part in value] if isinstance(value, list) else value


_TAG = re.compile(r"<[^<>]*>|[<>]")


def _outline(blocks: Mapping[str, Any]) -> Mapping[str, Any]:
    planned = blocks.get("outline")
    if not isinstance(planned, Mapping):
        raise UnanswerablePromptError("block <outline> is missing or not an object")
    scenes = planned.get("scenes")
    if not isinstance(scenes, list) or len(scenes) != 4 or not all(isinstance(one, Mapping) for one in scenes):
        raise UnanswerablePromptError("block <outline>: scenes is not a list of four objects")
    return planned


def _wanted(blocks: Mapping[str, Any]) -> Wanted:
    scene, targets = blocks.get("scene"), blocks.get("targets")
    number = scene.get("scene") if isinstance(scene, Mapping) else None
    if not isinstance(number, int) or not 1 <= number <= 4:
        raise UnanswerablePromptError('block <scene> is missing or not {"scene": 1 to 4}')
    words = targets.get("words") if isinstance(targets, Mapping) else None
    length = targets.get("sentenceWords") if isinstance(targets, Mapping) else None
    grade = targets.get("grade") if isinstance(targets, Mapping) else None
    if not isinstance(words, int | float) or not isinstance(length, int | float) or words <= 0 or length <= 0:
        raise UnanswerablePromptError('block <targets> is missing or not {"words": number, "sentenceWords": number}')
    return Wanted(
        scene=number,
        words=float(words),
        sentence=_long_enough(float(length), grade),
        before=tuple(_texts(blocks, "before", required=False)),
        feedback=tuple(_texts(blocks, "feedback", required=False)),
        version=_version(blocks),
    )


def _long_enough(sentence: float, grade: Any) -> float:
    """Words a sentence for a Flesch-Kincaid grade with the studio's plain words, which have 1.21 syllables; a little
    more than what was asked for at most.
    """
    needed = (grade + 15.59 - 11.8 * 1.21) / 0.39 if isinstance(grade, int | float) else 0.0
    return max(sentence, min(needed, sentence + 1.5))


def _version(blocks: Mapping[str, Any]) -> int:
    """How often this was asked for anew; 0 where nothing is said of it."""
    block = blocks.get("revision")
    if block is None:
        return 0
    version = block.get("revision") if isinstance(block, Mapping) else None
    if not isinstance(version, int) or version < 0:
        raise UnanswerablePromptError('block <revision> is not {"revision": number}')
    return version


def _texts(blocks: Mapping[str, Any], name: str, *, required: bool = True) -> list[str]:
    value = blocks.get(name)
    if value is None and not required:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UnanswerablePromptError(f"block <{name}> is missing or not a list of texts")
    return list(value)
