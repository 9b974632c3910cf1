"""Books in many scripts, for tests: scripts.toml as the documents service is given it."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from services.documents.book.pages import Contents
from tests.unit.documents import stories


@dataclass(frozen=True)
class Sample:
    """Texts in one language."""

    name: str
    title: str
    logline: str
    paragraphs: tuple[str, str]
    step: str


SAMPLES = {
    language: Sample(**{**row, "paragraphs": tuple(row["paragraphs"])})
    for language, row in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}


def contents(language: str, *, story_type: str = "birthday") -> Contents:
    """A whole book in a language: all its texts but the labels are the sample's."""
    sample = SAMPLES[language]
    story = stories.content((sample.paragraphs,) * 4)
    details = {"to": sample.name, "from": "محمد", "age_turning": 5, "message": sample.logline}
    step = sample.step
    acts = stories.activities().model_copy(
        update={
            "activities": stories.four(
                title=sample.title,
                description=sample.logline,
                materials=(step, sample.name),
                instructions=(step, step, step),
                learning_objectives=(step,),
                story_connection=sample.logline,
                safety_notes=(step,),
                parent_tips=(step,),
                age_range="4-6",
                duration="20",
                adaptations={"younger": step, "older": step, "access_needs": step},
            )
        }
    )
    return Contents(
        brief=stories.brief(
            language=language, characters=[{"name": sample.name}], storyType=story_type, typeDetails=details
        ),
        story=story.model_copy(update={"title": sample.title, "logline": sample.logline}),
        made_on=date(2026, 11, 22),
        outline=stories.outline(),
        activities=acts,
        pictures=stories.pictures(),
        images=stories.images(),
    )
