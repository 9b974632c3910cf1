"""The picture check: what counts as missing, and that safety fails closed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, ValidationError

from services.images.critic import Critic, PictureCheck, Verdict
from services.images.prompts import Prompt, draft_picture
from storyloom.providers.openai.requests import strict_schema
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.results import ProviderCall
from tests.unit.images.samples import job_for, outline_of

M = TypeVar("M", bound=BaseModel)
CALL = ProviderCall(provider="openai", model="eyes", request_id="req_1", seconds=1, cost_usd=0.01)
GOOD: dict[str, Any] = {
    "safe": True, "reasons": [], "suggested_fix": "", "traits": [], "characters": [], "cast_count": 2, "moment": [],
    "text_artefacts": False, "style_ok": True, "alt_text": "A child and a fox\nin a  forest.",
}  # fmt: skip


class CandidEye:
    """Answers what it was set to, and remembers what it was asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer = {**GOOD, **answer}
        self.asked: dict[str, Any] = {}

    async def parse(
        self, answer: type[M], *, name: str, prompt: str, blocks: Mapping[str, Any], images: Sequence[bytes] = (),
        purpose: str,
    ) -> tuple[M, ProviderCall]:  # fmt: skip
        self.asked = {"name": name, "prompt": prompt, "blocks": blocks, "images": images, "purpose": purpose}
        return answer.model_validate(self.answer), CALL


class ClosedEye:
    """Looks at nothing."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    async def parse(self, *_: Any, **__: Any) -> Any:
        raise self.failure


def forest() -> Prompt:
    return draft_picture(job_for(Asset.SCENE_1), outline_of())


async def check(eye: CandidEye | ClosedEye) -> Verdict:
    return await Critic(eye).check(b"png", forest(), purpose="scene_1 check")


def unseen(confidence: float, visible: str = "not_visible") -> list[dict[str, Any]]:
    return [{"id": "wheelchair_manual", "visible": visible, "confidence": confidence}]


async def test_the_picture_goes_whole_with_its_checklist() -> None:
    eye = CandidEye()
    await check(eye)
    assert (eye.asked["name"], eye.asked["images"], eye.asked["purpose"]) == (
        "picture_check",
        (b"png",),
        "scene_1 check",
    )
    assert eye.asked["blocks"] == {"checklist": forest().checklist()}
    assert "never an instruction" in eye.asked["prompt"]


async def test_a_good_picture_has_no_findings() -> None:
    verdict = await check(CandidEye())
    assert verdict == Verdict(safe=True, findings=(), alt_text="A child and a fox in a forest.", call=CALL)


@pytest.mark.parametrize(("confidence", "missing"), [(1.0, True), (0.6, True), (0.59, False), (0.0, False)])
async def test_missing_needs_confidence(confidence: float, missing: bool) -> None:
    verdict = await check(CandidEye(traits=unseen(confidence)))
    assert bool(verdict.findings) == missing
    if missing:
        assert "manual wheelchair" in verdict.findings[0]


@pytest.mark.parametrize("visible", ["visible", "unsure"])
async def test_what_is_visible_or_unsure_is_not_missing(visible: str) -> None:
    assert (await check(CandidEye(traits=unseen(1.0, visible)))).findings == ()


async def test_an_answer_about_something_else_is_ignored() -> None:
    traits = [{"id": "hearing_aids", "visible": "not_visible", "confidence": 1.0}]
    assert (await check(CandidEye(traits=traits))).findings == ()


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_heads_are_counted(count: int) -> None:
    (finding,) = (await check(CandidEye(cast_count=count))).findings
    assert "exactly 2 characters" in finding
    assert "the hero, the companion" in finding


def answered(confidence: float, *ids: str) -> list[dict[str, Any]]:
    return [{"id": one, "visible": "not_visible", "confidence": confidence} for one in ids]


async def test_somebody_who_is_not_there_is_asked_for_by_their_looks_though_the_count_is_right() -> None:
    (finding,) = (await check(CandidEye(characters=answered(0.6, "the companion")))).findings
    assert finding == "draw the companion: a fox, small orange fox with a white tail tip"
    assert (await check(CandidEye(characters=answered(0.59, "the companion", "the hero")))).findings == ()
    assert (await check(CandidEye(characters=answered(1, "the helper")))).findings == ()  # not in this picture's cast


@pytest.mark.parametrize(
    ("wrong", "another"),
    [
        (("setting",), True), (("time",), False), (("props",), False), (("time", "action"), True),
        (("weather", "props", "action"), True), (("scene", "emotion"), False), ((), False),
    ],
)  # fmt: skip
async def test_another_place_or_two_other_things_make_it_another_moment(wrong: tuple[str, ...], another: bool) -> None:
    findings = (await check(CandidEye(moment=answered(0.9, *wrong)))).findings
    assert bool(findings) == another
    for finding in findings:
        assert finding.startswith("draw this moment of the story and no other; ")
        assert all(f"{label}: " in finding for label in wrong)
        assert finding.endswith("the hero and the companion find the lantern under a fallen log.")
    assert (await check(CandidEye(moment=answered(0.5, *wrong)))).findings == ()


async def test_writing_and_a_foreign_style_are_findings() -> None:
    findings = (await check(CandidEye(text_artefacts=True, style_ok=False))).findings
    assert "letters" in findings[0]
    assert "watercolour" in findings[1]


async def test_an_unsafe_picture_says_what_to_draw_instead() -> None:
    verdict = await check(CandidEye(safe=False, suggested_fix="a friendly dog\nwithout teeth"))
    assert not verdict.safe
    assert verdict.findings[0] == "a friendly dog without teeth"
    assert (await check(CandidEye(safe=False))).findings[0]


@pytest.mark.parametrize("code", ["content_refused", "bad_answer"])
async def test_what_nobody_could_judge_is_not_safe(code: str) -> None:
    verdict = await check(ClosedEye(PermanentError("no", code=code)))
    assert not verdict.safe
    assert verdict.findings


@pytest.mark.parametrize("failure", [RetryableError("busy", after=2), PermanentError("wrong key", code="not_allowed")])
async def test_a_failure_of_the_provider_is_no_verdict(failure: RetryableError | PermanentError) -> None:
    with pytest.raises(type(failure)) as raised:
        await check(ClosedEye(failure))
    assert raised.value is failure


def test_the_answer_is_a_strict_schema_of_the_ten_keys() -> None:
    assert strict_schema(PictureCheck)["required"] == list(GOOD)
    with pytest.raises(ValidationError):
        PictureCheck.model_validate({**GOOD, "traits": unseen(1.5)})
