"""Evaluating a story in the process of the evaluators: what is gone is a claim that fails, and not an error."""

from uuid import UUID

from services.documents.evaluation import Evaluator
from storyloom.evaluators import VERSION
from storyloom.storage.objects import DamagedObjectError
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.evaluation import StoryToEvaluate
from storyloom.story.results import Moderated, StoredObject, StoryContent
from tests.makers import sample

STORY = UUID(int=7)
RECORD = Moderated(model="omni-moderation-latest", texts=4, score=0.02, category="violence", categories=13)


class EmptyStore:
    """Has lost everything."""

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        raise NotImplementedError

    async def get(self, stored: StoredObject) -> bytes:
        raise DamagedObjectError(f"store: object {stored.key} is missing or damaged")


async def test_a_story_whose_files_are_gone_is_evaluated_and_says_so() -> None:
    evaluator = Evaluator(EmptyStore())
    brief = Brief.asked({"characterName": "Mira", "storyType": "adventure"})
    results = {asset: sample(asset, STORY) for asset in (Asset.COVER, Asset.AUDIO, Asset.PDF, Asset.CONTENT)}
    try:
        evaluation = await evaluator.evaluate(StoryToEvaluate(story_id=STORY, brief=brief, results=results))
    finally:
        await evaluator.close()
    outcomes = {claim.claim: claim.outcome for claim in evaluation.claims}
    assert evaluation.version == VERSION
    assert (outcomes["files_whole"], outcomes["pdf"], outcomes["words_timed"]) == ("fail", "fail", "fail")
    assert "not_checked" not in (outcomes["level"], outcomes["language"])
    assert "evaluator_broken" not in outcomes
    assert all(claim.reason for claim in evaluation.claims if claim.outcome == "not_checked")


async def test_what_moderation_said_of_a_stored_story_reaches_its_claim() -> None:
    evaluator = Evaluator(EmptyStore())
    brief = Brief.asked({"characterName": "Mira", "storyType": "adventure"})
    outline, activities = (
        sample(asset, STORY).model_copy(update={"moderated": RECORD}) for asset in (Asset.OUTLINE, Asset.ACTIVITIES)
    )
    content = sample(Asset.CONTENT, STORY)
    assert isinstance(content, StoryContent)
    scenes = tuple(scene.model_copy(update={"moderated": RECORD}) for scene in content.scenes)
    results = {
        "outline": outline.model_dump(mode="json"),
        "content": content.model_copy(update={"scenes": scenes}).model_dump(mode="json"),
        "activities": activities.model_dump(mode="json"),
    }
    asked = {"story_id": STORY, "brief": brief.stored(), "results": results}
    try:
        evaluation = await evaluator.evaluate(StoryToEvaluate.model_validate(asked))
    finally:
        await evaluator.close()
    claim = next(one for one in evaluation.claims if one.claim == "text_safety")
    assert (claim.outcome, claim.value, claim.independent) == ("pass", 1, False)
    assert claim.reason == "13 texts by omni-moderation-latest; the highest score was 0.02, violence."
