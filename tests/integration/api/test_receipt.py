"""A story's receipt over HTTP: made when it is asked for, kept, made anew once the story is another, nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from client.receipts import is_signed_with
from storyloom.evaluators import VERSION
from storyloom.messaging.broker import Broker, Router, question
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.story.evaluation import ASK_EVALUATION, EvaluatedClaim, Evaluation, StoryToEvaluate
from storyloom.web.keys import add_key
from tests.integration.core.system import System, running, until

KEY = "a key of thirty-two characters!!"


class CountingEvaluator:
    """Answers what it is asked, and counts."""

    def __init__(self) -> None:
        self.asked: list[StoryToEvaluate] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def evaluate(self, story: StoryToEvaluate) -> Evaluation:
        self.asked.append(story)
        await self.may_answer.wait()
        claim = EvaluatedClaim(
            claim="pdf", title="It is whole", outcome="pass", value=0, evaluator="x", version=1, independent=True
        )
        return Evaluation(claims=(claim,), version=VERSION)


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    async with running(settings.model_copy(update={"receipt_key": SecretStr(KEY)})) as found:
        yield found


@pytest.fixture
async def evaluator(system: System) -> AsyncIterator[CountingEvaluator]:
    """In the place of the documents service's."""
    found, router = CountingEvaluator(), Router()

    @router.subscriber(ASK_EVALUATION, **question(StoryToEvaluate, queue="documents"))
    async def evaluation(story: StoryToEvaluate) -> Evaluation:
        return await found.evaluate(story)

    broker = Broker(system.settings, "evaluator", routers=[router])
    await broker.connect()
    await broker.start()
    yield found
    found.may_answer.set()
    await broker.stop()


async def ask(system: System, story_id: object, key: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key or system.key}"}
    async with system.http.get(f"{system.api.url}/api/v1/stories/{story_id}/receipt", headers=headers) as answer:
        return answer.status, await answer.json()


async def finished(system: System) -> object:
    story_id = await system.post()

    async def ended() -> bool:
        return bool((await system.get(story_id))["status"] == "ready")

    await until(ended)
    return story_id


async def test_a_receipt_is_made_once_kept_and_made_anew_when_the_story_is_another(
    system: System, evaluator: CountingEvaluator
) -> None:
    story_id = await finished(system)
    status, first = await ask(system, story_id)
    assert (status, first["claims"][0]["outcome"]) == (200, "pass")
    assert is_signed_with(first, KEY)  # type: ignore[arg-type]  # a document
    assert await ask(system, story_id) == (200, first)
    assert len(evaluator.asked) == 1
    assert {Asset.OUTLINE, Asset.CONTENT, Asset.ACTIVITIES, Asset.COVER} < set(evaluator.asked[0].results)
    await system.pool.execute(
        "UPDATE asset_generation_jobs SET result = jsonb_set(result, '{image,sha256}', to_jsonb($1::text))"
        " WHERE asset_type = 'cover'",
        "0" * 64,
    )
    _, second = await ask(system, story_id)
    assert second["signature"] != first["signature"]
    assert len(evaluator.asked) == 2


async def test_while_a_story_is_checked_others_are_told_to_ask_again_and_it_is_checked_once(
    system: System, evaluator: CountingEvaluator
) -> None:
    story_id = await finished(system)
    evaluator.may_answer.clear()
    answers = await asyncio.gather(ask(system, story_id), ask(system, story_id))
    assert [(status, body["code"]) for status, body in answers] == [(503, "receipt_being_made")] * 2
    evaluator.may_answer.set()

    async def made() -> bool:
        return (await ask(system, story_id))[0] == 200

    await until(made)
    assert len(evaluator.asked) == 1


async def test_nobody_gets_another_tenants_receipt_or_one_of_a_story_that_is_being_made(system: System) -> None:
    """Nor one while nobody can check."""
    story_id = await finished(system)
    stranger = await add_key(system.pool, "stranger", "x")
    status, body = await ask(system, story_id, stranger)
    assert (status, body["code"]) == (404, "not_found")
    status, body = await ask(system, story_id)
    assert (status, body["code"]) == (503, "evaluation_away")
    await system.pool.execute("UPDATE stories SET status = 'generating'")
    status, body = await ask(system, story_id)
    assert (status, body["code"]) == (409, "receipt_not_ready")
