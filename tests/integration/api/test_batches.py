"""POST /stories/batch: every brief for itself, in one answer."""

import asyncio
import json
from typing import Any

from services.api import app as api
from storyloom.runtime.settings import Settings
from storyloom.story.brief import Brief
from storyloom.story.screening import ASK_SCREENING, Verdict
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.unit.api.site import problem


async def post(system: System, stories: Any, *, key: str | None = None, url: str = "") -> list[dict[str, Any]]:
    headers = system.headers | ({} if key is None else {"Idempotency-Key": key})
    address = f"{url or system.api.url}/api/v1/stories/batch"
    async with system.http.post(address, json={"stories": stories}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        found: list[dict[str, Any]] = (await answer.json())["stories"]
        return found


def ids(outcomes: list[dict[str, Any]]) -> list[str]:
    return [outcome["story"]["id"] for outcome in outcomes if "story" in outcome]


async def moderated(system: System) -> list[Brief]:
    """Flag the knives of briefs; the list of those that were asked about."""
    asked: list[Brief] = []

    async def judge(message: Any) -> None:
        brief = Brief.model_validate_json(message.data)
        asked.append(brief)
        flagged = "knife" in (brief.premise or "")
        verdict = Verdict(flagged=flagged, categories=("violence",) if flagged else ())
        await message.respond(verdict.model_dump_json().encode())

    await system.bus.client.subscribe(system.bus.names.subject(ASK_SCREENING), cb=judge)
    await system.bus.client.flush()
    return asked


async def test_every_brief_has_its_own_outcome_in_order(settings: Settings) -> None:
    """A wrong one and a flagged one spoil none of the others; pointers lead into the body that was sent."""
    patient = settings.model_copy(update={"screening_seconds": 10})
    async with running(patient, reconciler=BY_HAND, workers=()) as system:
        asked = await moderated(system)
        knife = {**BRIEF, "premise": "a knife"}
        outcomes = await post(system, [BRIEF, {**BRIEF, "age": 99, "colour": 1}, knife, {}, {**BRIEF, "age": 6}])
        assert [one["status"] for one in outcomes] == [202, 422, 422, 422, 202]
        wrong = outcomes[1]["problem"]
        assert {error["pointer"] for error in wrong["errors"]} == {"/stories/1/age", "/stories/1/colour"}
        assert (outcomes[2]["problem"]["code"], outcomes[2]["problem"]["categories"]) == ("brief_flagged", ["violence"])
        assert len(asked) == 3
        assert ids(outcomes) == [outcomes[0]["story"]["id"], outcomes[4]["story"]["id"]]
        assert (await system.get(outcomes[4]["story"]["id"]))["age"] == 6

        async def started() -> bool:
            return not await system.rows("SELECT FROM stories WHERE seq = 0")

        await until(started)


async def test_the_same_batch_again_is_the_same_stories_on_any_replica(settings: Settings) -> None:
    """…also at the same instant. Each place has a key of its own; none is a single request's."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        other = await api.serve(settings.model_copy(update={"status_url": system.status.url}))
        system.stack.push_async_callback(other.stop)
        batch = [BRIEF, BRIEF, {"storyType": "none"}, {**BRIEF, "age": 7}]
        answers = await asyncio.gather(
            *(post(system, batch, key="order", url=one.url) for one in (system.api, other, system.api, other))
        )
        assert len({tuple(ids(answer)) for answer in answers}) == 1
        assert len(set(ids(answers[0]))) == 3
        replays = [one["replayed"] for answer in answers for one in answer if "story" in one]
        assert replays.count(False) == 3
        again = await post(system, [BRIEF, {**BRIEF, "age": 8}, BRIEF], key="order")
        assert [one["status"] for one in again] == [202, 422, 202]
        assert (again[0]["replayed"], again[1]["problem"]["code"], again[2]["replayed"]) == (True, "key_reused", False)
        headers = {**system.headers, "Idempotency-Key": "order"}
        async with system.http.post(f"{other.url}/api/v1/stories", json=BRIEF, headers=headers) as answer:
            assert (await answer.json())["id"] not in ids(again)
        assert len(await system.rows("SELECT FROM stories")) == 5
        assert [row["stories"] for row in await system.rows("SELECT stories FROM tenant_story_counts")] == [5]


async def test_limits_count_every_brief(settings: Settings) -> None:
    """Beyond the concurrent stories they wait; beyond those of the day they are refused, and then the money is."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.pool.execute("UPDATE tenants SET concurrent_stories = 2, stories_per_day = 4")
        outcomes = await post(system, [BRIEF] * 5)
        assert [one["status"] for one in outcomes] == [202, 202, 202, 202, 429]
        assert [one["story"].get("queuePosition") for one in outcomes[:4]] == [None, None, 1, 2]
        assert outcomes[4]["problem"]["code"] == "stories_of_the_day_spent"
        await system.pool.execute("UPDATE tenants SET usd_per_day = 0")
        assert [one["problem"]["code"] for one in await post(system, [BRIEF] * 2)] == ["money_cap_reached"] * 2


async def test_a_hundred_are_answered_while_nobody_moderates(settings: Settings) -> None:
    """Within the time of one request: here moderation hears every question and answers none."""
    async with running(settings.model_copy(update={"screening_seconds": 30}), reconciler=BY_HAND, workers=()) as system:

        async def ignore(message: Any) -> None:
            return

        await system.bus.client.subscribe(system.bus.names.subject(ASK_SCREENING), cb=ignore)
        await system.bus.client.flush()
        outcomes = await post(system, [{**BRIEF, "characterName": f"Mira {n}"} for n in range(100)])
        assert [one["status"] for one in outcomes] == [202] * 100


async def test_a_batch_holds_1_to_100_briefs_and_512_kb(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        url = f"{system.api.url}/api/v1/stories/batch"
        for stories in ([], [BRIEF] * 101, [1], "x", None):
            async with system.http.post(url, json={"stories": stories}, headers=system.headers) as answer:
                assert answer.status == 422
                assert (await problem(answer))["errors"][0]["pointer"].startswith("/stories")
        whole = json.dumps({"stories": [{**BRIEF, "premise": "wrong " * 800}] * 100}).encode()
        assert len(whole) < 512 * 1024
        headers = {**system.headers, "Content-Type": "application/json"}
        for size, status in ((512 * 1024, 200), (512 * 1024 + 1, 413)):
            async with system.http.post(url, data=whole.ljust(size), headers=headers) as answer:
                assert answer.status == status
        async with system.http.post(f"{system.api.url}/api/v1/stories", data=whole, headers=headers) as answer:
            assert answer.status == 413
