"""Evaluation: the question "what is true of this story?", which the api asks the documents service over core NATS."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.results import AnyResult, Value

ASK_EVALUATION = "ask.documents.evaluation"
"""The subject; the message is a StoryToEvaluate's JSON, the answer an Evaluation's."""


class StoryToEvaluate(Value):
    """A story as far as it is made: what was asked for, and the results that are ready. The files are in the store."""

    story_id: UUID
    brief: Brief
    results: dict[Asset, AnyResult]


class MeasuredError(Value):
    """How often an evaluator erred when it was tried on stories without a defect, and on known defects."""

    defects: int = Field(ge=0)
    found: int = Field(ge=0)
    sound: int = Field(ge=0)
    false_alarms: int = Field(ge=0)


class EvaluatedClaim(Value):
    """One claim, as an evaluator found it (storyloom/evaluators/claims.py)."""

    claim: str
    title: str
    outcome: Literal["pass", "fail", "not_checked"]
    value: float | None = None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    reason: str = ""
    evaluator: str
    version: int
    independent: bool
    error: MeasuredError | None = None


class Evaluation(Value):
    """All claims, and the version of the evaluators together."""

    claims: tuple[EvaluatedClaim, ...]
    version: int
