"""A fox that writes: an author whose answers a test lays out, and a job for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from storyloom.providers.ports import Moderation, OnText
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief, Character
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, Outline, ProviderCall, SceneText

M = TypeVar("M", bound=BaseModel)


@dataclass
class Question:
    """What the fox was asked."""

    name: str
    prompt: str
    blocks: Mapping[str, Any]


@dataclass
class FoxAuthor:
    """Answers each schema with the next of its ``answers``, the last one again and again.

    Texts that hold ``bad_word`` are flagged, the first that holds ``flags_once`` too. A text's score is that of its
    worst word in ``scores``, of a flagged one 0.9. An answer that is an exception is raised, also where moderation is
    asked.
    """

    answers: dict[str, list[Any]]
    bad_word: str = "\0"
    flags_once: str = "\0"
    moderation_fails: Exception | None = None
    scores: dict[str, float] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    moderated: list[str] = field(default_factory=list)
    closed: bool = False

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        purpose: str,
        on_text: OnText | None = None,
    ) -> tuple[M, ProviderCall]:
        self.questions.append(Question(name, prompt, dict(blocks)))
        waiting = self.answers[name]
        said = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(said, Exception):
            raise said
        text = json.dumps(said)
        if on_text:
            for end in range(1, len(text) + 1, 5):
                await on_text(text[:end])
            await on_text(text)
        number = len(self.questions)
        call = ProviderCall(provider="fox", model="fox", request_id=f"req_{number}", seconds=1, purpose=purpose)
        return answer.model_validate_json(text), call

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        if self.moderation_fails:
            raise self.moderation_fails
        self.moderated += texts
        flagged = any(self.bad_word in text for text in texts)
        if any(self.flags_once in text for text in texts):
            self.flags_once, flagged = "\0", True
        score = (
            0.9
            if flagged
            else max((self.scores[word] for word in self.scores if word in "\n".join(texts)), default=0.01)
        )
        categories = ("violence",) if flagged else ()
        return Moderation(flagged, categories, "fox", len(texts), 2, {"hate": 0.001, "violence": score})

    async def close(self) -> None:
        self.closed = True


@dataclass
class ProgressRecorder:
    """What a job reported."""

    progress: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    async def __call__(self, progress: int, text: str | None = None) -> None:
        self.progress.append(progress)
        if text is not None:
            self.texts.append(text)


MIRABEL = Character(name="Mirabel", age=5, pronouns="she/her", traits=("wheelchair_manual",))


def a_brief(**changes: Any) -> Brief:
    fields = {"storyType": "bedtime", "characters": (MIRABEL,), "age": 5, "premise": "She loves foxes."}
    return Brief.asked({**fields, **changes})


def a_picture(**changes: Any) -> dict[str, Any]:
    return {
        "what_happens": "The hero finds a bell in the grass.",
        "on_stage": ["Mirabel", "Ember"],
        "setting": "a garden",
        "time_of_day": "dusk",
        "weather": "clear",
        "props": ["bell"],
        "action": "reaching down",
        "emotion": "curious",
        "camera": "medium",
        **changes,
    }


def a_plan(**changes: Any) -> dict[str, Any]:
    """An outline as an author answers it."""
    beats = ("call", "threshold", "ordeal", "return")
    return {
        "title": "The Bell in the Grass",
        "logline": "A girl and a fox bring a bell home.",
        "motif": "a small bell",
        "palette": ["#102030", "#203040", "#304050", "#405060", "#506070"],
        "elements": {
            "want": "to hear the bell",
            "flaw": "she hurries",
            "place": "the garden",
            "object": "a bell",
            "obstacle": "the bell is still",
            "planted": "a ribbon",
            "payoff": "the ribbon is the clapper",
        },
        "companion": {"name": "Ember", "kind": "fox", "look": "small, orange"},
        "helper": None,
        "cover": a_picture(),
        "scenes": [a_picture(beat=beat) for beat in beats],
        "premise": [
            {"kind": "who", "asks": "a fox goes along", "shown_by": ["fox"], "beats": list(beats), "why_not": None},
        ],
        **changes,
    }


# 43 words in short sentences of short words: what is wanted at five.
PARAGRAPHS = [
    "Mirabel rolled down the path to the pond. A small fox sat by the gate. It had a red bell.",
    "“Is that for me?” she said. The fox gave it a soft push. Ding! The bell sang to the moon. They sat and heard it.",
]


def a_text(*paragraphs: str) -> dict[str, Any]:
    """A scene as an author answers it."""
    return {"paragraphs": list(paragraphs or PARAGRAPHS), "alt_text": "A girl and a fox by a pond at dusk."}


def a_job(asset: Asset, brief: Brief | None = None, **inputs: AnyResult) -> AssetRequested:
    return AssetRequested(
        id="job-1",
        story_id=UUID(int=1),
        tenant_id="home",
        trace="trace",
        at=datetime(2026, 8, 1, tzinfo=UTC),
        asset=asset,
        fingerprint=fingerprint("test"),
        brief=brief or a_brief(),
        inputs={Asset(name): result for name, result in inputs.items()},
    )


def an_outline(**changes: Any) -> Outline:
    return Outline.model_validate(a_plan(**changes))


def a_scene_text(scene: int, *paragraphs: str) -> SceneText:
    return SceneText.model_validate(
        {
            "scene": scene,
            **a_text(*paragraphs),
            "words": 45,
            "readability": {"grade": 1, "sentence_words": 6, "rare_share": 0},
        }
    )
