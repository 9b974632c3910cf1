"""Briefs for the storyteller's tests, and a whole story told from one."""

from dataclasses import dataclass
from typing import Any

from studio.storyteller.answers import answer_prompt
from studio.storyteller.language.grammar import count_sentences, count_words

# Words of a whole story and of a sentence by age, as the product asks for them.
TARGETS = {3: (75, 5), 4: (125, 6), 5: (175, 8), 6: (225, 9), 7: (300, 10), 8: (375, 11), 9: (500, 12)}

NOTHING_FOUND = {
    "consistent": True,
    "payoff": True,
    "findings": [],
    "premise_honoured": None,
    "premise_missing": [],
}
"""What a check says of a story that is well, where the brief has no premise."""

DETAILS: dict[str, dict[str, Any]] = {
    "adventure": {},
    "bedtime": {},
    "birthday": {"to": "Nora", "from": "Aunt Bea", "age_turning": 6, "message": "You are our sunshine!"},
    "educational": {"subject": "volcanoes"},
    "financial_literacy": {"concept": "saving"},
    "language_learning": {"target_language": "Spanish", "proficiency": "beginner"},
    "medical_bravery": {"challenge": "blood test"},
    "mental_health": {"emotion": "worry"},
    "milestones": {"milestone": "first day of school"},
    "new_chapter_sequel": {"previousStoryId": "5f0c2c1e-0000-4000-8000-000000000000"},
    "tech_readiness": {"concept": "passwords"},
}


def brief(story_type: str = "adventure", *, age: int = 5, **more: Any) -> dict[str, Any]:
    """A create body with Mira, unless `characters` says otherwise."""
    return {
        "storyType": story_type,
        "age": age,
        "language": "en",
        "characters": [character()],
        "typeDetails": DETAILS[story_type],
        **more,
    }


def character(name: str = "Mira", pronouns: str = "she/her", **more: Any) -> dict[str, Any]:
    """One character of a create body."""
    return {"name": name, "species": "human", "pronouns": pronouns, **more}


@dataclass(frozen=True)
class Story:
    """An outline and its four texts."""

    brief: dict[str, Any]
    outline: dict[str, Any]
    texts: list[str]

    @property
    def whole(self) -> str:
        """All four texts."""
        return " ".join(self.texts)

    @property
    def words(self) -> int:
        """Words in all four texts."""
        return count_words(self.whole)

    @property
    def sentence(self) -> float:
        """Words in a sentence, on average."""
        return self.words / sum(count_sentences(text) for text in self.texts)


def outline_of(asked: dict[str, Any], seed: int = 1) -> dict[str, Any]:
    """The outline for a brief."""
    words, sentence = TARGETS[asked["age"]]
    return answer_prompt("outline", {"brief": asked, "targets": {"words": words, "sentenceWords": sentence}}, seed=seed)


def scene_of(
    asked: dict[str, Any], outline: dict[str, Any], scene: int, seed: int = 1, **blocks: Any
) -> dict[str, Any]:
    """The answer for one scene; `blocks` adds before, feedback or other targets."""
    words, sentence = TARGETS[asked["age"]]
    return answer_prompt(
        "scene_text",
        {
            "brief": asked,
            "outline": outline,
            "scene": {"scene": scene},
            "targets": {"words": round(words / 4), "sentenceWords": sentence},
            **blocks,
        },
        seed=seed,
    )


def story_of(asked: dict[str, Any], seed: int = 1, outline: dict[str, Any] | None = None) -> Story:
    """A whole story, every scene told with those before it at hand."""
    planned = outline or outline_of(asked, seed)
    texts: list[str] = []
    for scene in range(1, 5):
        told = scene_of(asked, planned, scene, seed, before=list(texts))
        texts.append(" ".join(told["paragraphs"]))
    return Story(asked, planned, texts)
