"""Four things to do after reading, made from this story: asked for, measured, asked for again where they fall short."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from services.documents.book.renderer import Renderer
from services.documents.suitability import Finding, examine
from storyloom.jobs.definition import Report
from storyloom.providers.ports import StructuredModel
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import (
    Activities,
    Activity,
    ActivityType,
    Moderated,
    Outline,
    ProviderCall,
    StoryContent,
)
from storyloom.story.text_language import language_fault

log = structlog.get_logger()

MAX_ATTEMPTS = 3
PROMPT = files(__package__).joinpath("prompts/activities.md").read_text("utf-8")
ANOTHER_VERSION = files(__package__).joinpath("prompts/another_version.md").read_text("utf-8")
HINTED = files(__package__).joinpath("prompts/hint.md").read_text("utf-8")
"""What follows the prompt where the four are asked for anew."""


class _Wanted(BaseModel):
    """What is asked for: the shape alone. Bounds are measured afterwards, so that they can be named as feedback."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IdeaAdaptations(_Wanted):
    younger: str
    older: str
    access_needs: str


class Idea(_Wanted):
    """An activity as the model answers it (docs/providers.md)."""

    id: str
    title: str
    description: str
    type: ActivityType
    age_range: str
    duration: str
    materials: list[str]
    instructions: list[str]
    learning_objectives: list[str]
    story_connection: str
    adaptations: IdeaAdaptations
    safety_notes: list[str]
    parent_tips: list[str]


class Ideas(ModelAnswer):
    model_config = ConfigDict(extra="forbid", frozen=True)
    # Far more than a page has room for: what is merely too long is told so, and may stay.
    longest: ClassVar = dict.fromkeys((*Idea.model_fields, *IdeaAdaptations.model_fields), 1200)

    activities: list[Idea]


@dataclass(frozen=True, slots=True)
class _Attempt:
    activities: tuple[Activity, ...]
    findings: tuple[Finding, ...]
    moderated: Moderated | None = None

    @property
    def fit(self) -> bool:
        """Whether a reader may have them, perhaps with a weakness left."""
        return all(finding.weight == "weak" for finding in self.findings)


class Designer:
    """Makes activities."""

    def __init__(self, model: StructuredModel, renderer: Renderer) -> None:
        self._model = model
        self._renderer = renderer

    async def devise(self, job: AssetRequested, report: Report) -> Activities:
        """Four activities of four types, safe for the age.

        Raises PermanentError(code="unsafe") when no attempt was safe, PermanentError(code="bad_answer") when none was
        usable, and what
        the author raises. A weakness that is left at the end (a text too long, a tie to the story too loose) stays.
        """
        self._renderer.warm_up()  # a book follows soon after its activities
        blocks = _blocks(job)
        prompt = "\n".join([PROMPT, *([ANOTHER_VERSION] if job.revision else []), *([HINTED] if job.hint else [])])
        calls: list[ProviderCall] = []
        attempts: list[_Attempt] = []
        for number in range(1, MAX_ATTEMPTS + 1):
            await report(10 + 30 * (number - 1))
            try:
                ideas, call = await self._model.parse(
                    Ideas, name="activities", prompt=prompt, blocks=blocks, purpose="activities"
                )
            except PermanentError as error:
                if error.code not in {"bad_answer", "content_refused"} or not any(one.fit for one in attempts):
                    raise
                log.warning("activities.not_rewritten", attempt=number, code=error.code, request_id=error.request_id)
                break
            calls.append(call)
            attempts.append(await self._judge(ideas, job))
            found = attempts[-1].findings
            log.info("activities.judged", attempt=number, findings=len(found), fit=attempts[-1].fit)
            if not found:
                break
            blocks = {**blocks, "feedback": [finding.text for finding in found]}
        best = _best(attempts)
        made = {"activities": best.activities, "attempts": len(attempts), "calls": calls, "moderated": best.moderated}
        return Activities.model_validate(made)

    async def _judge(self, ideas: Ideas, job: AssetRequested) -> _Attempt:
        try:
            activities = tuple(_read(idea) for idea in ideas.activities)
        except ValidationError as error:
            return _Attempt((), tuple(Finding("unusable", _say_what_is_wrong(each)) for each in error.errors()))
        spoken = "\n".join(text for one in activities for text in (one.title, one.description, *one.instructions))
        if fault := language_fault(spoken, job.brief.language):
            return _Attempt(activities, (Finding("unusable", fault),))
        findings = examine(activities, job.brief, job.required(Asset.OUTLINE, Outline))
        verdict = await self._model.moderate([_as_text(activity) for activity in activities])
        if verdict.flagged:
            about = ", ".join(verdict.categories)
            findings.append(Finding("unsafe", f"Moderation finds them unfit for children ({about})."))
        return _Attempt(activities, tuple(findings), verdict.record())


def _blocks(job: AssetRequested) -> dict[str, Any]:
    outline = job.required(Asset.OUTLINE, Outline)
    content = job.required(Asset.CONTENT, StoryContent)
    return {
        "brief": job.brief.for_prompts(),
        "outline": outline.model_dump(mode="json", exclude={"kind", "calls", "moderated"}),
        "texts": [scene.text for scene in content.scenes],
        **({"revision": {"revision": job.revision}} if job.revision else {}),
        **({"hint": {"hint": job.hint}} if job.hint else {}),
    }


def _read(idea: Idea) -> Activity:
    return Activity.model_validate(idea.model_dump())


def _say_what_is_wrong(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    return f"{place}: {error['msg']}."


def _as_text(activity: Activity) -> str:
    """All words of an activity, as moderation reads them."""
    ways = activity.adaptations
    lists = (activity.materials, activity.instructions, activity.learning_objectives, activity.safety_notes)
    lines = [activity.title, activity.description, *(line for each in lists for line in each), *activity.parent_tips]
    return "\n".join([*lines, activity.story_connection, ways.younger, ways.older, ways.access_needs])


def _best(attempts: Sequence[_Attempt]) -> _Attempt:
    """The fit attempt with the fewest weaknesses."""
    fit = [attempt for attempt in attempts if attempt.fit]
    if fit:
        return min(fit, key=lambda attempt: len(attempt.findings))
    if any(finding.weight == "unsafe" for finding in attempts[-1].findings):
        raise PermanentError(f"No safe activities came out of {len(attempts)} attempts", code="unsafe")
    raise PermanentError(f"No usable activities came out of {len(attempts)} attempts", code="bad_answer")
