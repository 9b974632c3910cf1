"""Evaluating a story in the process of the evaluators: what is gone is a claim that fails, and not an error."""

from uuid import UUID

from services.documents.evaluation import Evaluator
from storyloom.evaluators import VERSION
from storyloom.storage.objects import DamagedObjectError
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.evaluation import StoryToEvaluate
from storyloom.story.results import StoredObject
from tests.makers import sample

STORY = UUID(int=7)


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
