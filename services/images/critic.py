"""The picture check: a vision model looks at every picture before a child does."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import ClassVar, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from services.images.naming import flatten
from services.images.prompts import STYLE, Prompt
from storyloom.providers.ports import VisionModel
from storyloom.story.errors import PermanentError
from storyloom.story.model_text import ModelAnswer
from storyloom.story.results import ProviderCall

MIN_CONFIDENCE = 0.6
"""The confidence from which "not visible" means missing; below it nobody knows."""
MIN_WRONG = 2
"""So many parts of the moment other than the place are to be otherwise before it is another one."""
_PROMPT = files(__package__).joinpath("picture_check.md").read_text("utf-8")
_PLACE = "setting"
_HARMLESS = "a calm, wholly harmless picture"

log = structlog.get_logger()


class Seen(BaseModel):
    """Something that was looked for: a must-show by its id, somebody by role, or a part of the moment by its label."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    visible: Literal["visible", "not_visible", "unsure"]
    confidence: float = Field(ge=0, le=1)

    @property
    def missing(self) -> bool:
        """Whether it is surely not there."""
        return self.visible == "not_visible" and self.confidence >= MIN_CONFIDENCE


class PictureCheck(ModelAnswer):
    """What the vision model answers (docs/providers.md, picture_check)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    longest: ClassVar = dict.fromkeys(("reasons", "suggested_fix", "alt_text"), 1000)

    safe: bool
    reasons: tuple[str, ...]
    suggested_fix: str
    traits: tuple[Seen, ...]
    characters: tuple[Seen, ...]
    cast_count: int
    moment: tuple[Seen, ...]
    text_artefacts: bool
    style_ok: bool
    alt_text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check. ``findings`` are sentences that tell an illustrator what to fix; none: all is well."""

    safe: bool
    findings: tuple[str, ...]
    alt_text: str = ""
    call: ProviderCall | None = None


class Critic:
    """Checks pictures. For safety it fails closed: what nobody could judge is not safe."""

    def __init__(self, model: VisionModel) -> None:
        self._model = model

    async def check(self, png: bytes, prompt: Prompt, *, purpose: str) -> Verdict:
        """Look at a picture. Raises RetryableError, and PermanentError where the provider would not look at any
        picture at all.
        """
        try:
            # The picture as it is, not scaled down: small devices would be lost.
            answer, call = await self._model.parse(
                PictureCheck,
                name="picture_check",
                prompt=_PROMPT,
                blocks={"checklist": prompt.checklist()},
                images=(png,),
                purpose=purpose,
            )
        except PermanentError as failure:
            if failure.code not in {"content_refused", "bad_answer"}:
                raise
            log.warning("picture.not_judged", code=failure.code, request_id=failure.request_id)
            return Verdict(safe=False, findings=(_HARMLESS,))
        return Verdict(
            safe=answer.safe,
            findings=tuple(_findings(answer, prompt)),
            alt_text=flatten(answer.alt_text, 300),
            call=call,
        )


def _findings(answer: PictureCheck, prompt: Prompt) -> list[str]:
    findings = [] if answer.safe else [flatten(answer.suggested_fix, 240) or _HARMLESS]
    lacking = _missing(answer.traits)
    findings += [item.fix for item in prompt.must_show if item.id in lacking]
    away = _missing(answer.characters)
    findings += [one.fix for one in prompt.characters if one.role in away]
    if answer.cast_count != len(prompt.cast):
        cast = ", ".join(prompt.cast)
        findings.append(f"draw exactly {len(prompt.cast)} characters, not {answer.cast_count}: {cast}")
    findings += _find_other_moment(answer, prompt)
    if answer.text_artefacts:
        findings.append("no letters, numbers or signs of writing anywhere")
    if not answer.style_ok:
        findings.append(f"keep the style: {STYLE}")
    return findings


def _missing(answers: Iterable[Seen]) -> frozenset[str]:
    return frozenset(one.id for one in answers if one.missing)


def _find_other_moment(answer: PictureCheck, prompt: Prompt) -> list[str]:
    """What to ask for where the picture is of another moment: in another place, or otherwise in two things at least.

    One thing alone may be a matter of taste: another drawing for every cloud would cost more than it is worth.
    """
    other = _missing(answer.moment)
    wrong = [(label.lower(), words) for label, words in prompt.moment if label.lower() in other]
    if len(wrong) < MIN_WRONG and not any(label == _PLACE for label, _ in wrong):
        return []
    told = [f"{label}: {words}" for label, words in wrong]
    told += [words for label, words in prompt.moment if label.lower() == "scene"]
    return [f"draw this moment of the story and no other; {'; '.join(told)}"]
