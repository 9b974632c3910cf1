"""GET /usage: what is counted by day is what was made and paid, whatever becomes of the stories."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storyloom.runtime.settings import Settings
from storyloom.web.keys import add_key
from tests.integration.core.system import BRIEF, BY_HAND, System, running
from tests.unit.api.site import problem


async def usage(system: System, **query: str) -> dict[str, Any]:
    async with system.http.get(f"{system.api.url}/api/v1/usage", params=query, headers=system.headers) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_day_holds_the_stories_assets_and_dollars_of_the_tenant(settings: Settings) -> None:
    """What was made anew counts again; a story that is deleted was made all the same."""
    today = datetime.now(UTC).date()
    async with running(settings, in_memory=True) as system:
        await system.finished(await system.post())
        short = await system.post({**BRIEF, "generateAssets": False})
        await system.finished(short)
        url = f"{system.api.url}/api/v1/stories/{short}"
        async with system.http.post(f"{url}/assets/content/regenerate", headers=system.headers) as answer:
            assert answer.status == 202
        await system.finished(short)
        async with system.http.delete(url, headers=system.headers) as answer:
            assert answer.status in (200, 202)
        found = await usage(system)
        assert (found["from"], found["to"]) == (str(today - timedelta(days=29)), str(today))
        assert [day["date"] for day in found["days"]] == [str(today - timedelta(days=29 - n)) for n in range(30)]
        *before, last = found["days"]
        assert {(day["stories"], day["usd"], str(day["assets"])) for day in before} == {(0, 0, "{}")}
        assert last["stories"] == 2
        once = dict.fromkeys(("cover", "audio", "activities", "pdf", "epub"), 1)
        assert last["assets"] == {"content": 3, "scene": 4, **once}
        (cost,) = await system.rows("SELECT sum(usd) AS usd FROM tenant_costs")
        assert last["usd"] == pytest.approx(cost["usd"] or 0)
        assert found["total"] == {name: last[name] for name in ("stories", "assets", "usd")}
        await system.pool.execute(
            "INSERT INTO tenant_costs (day, tenant_id, usd) VALUES ($1, 'tests', 1.25)", today - timedelta(days=400)
        )
        old = await usage(system, **{"from": str(today - timedelta(days=410)), "to": str(today - timedelta(days=400))})
        assert [day["usd"] for day in old["days"]] == [0] * 10 + [1.25]
        system.key = await add_key(system.pool, "other", "x")
        assert (await usage(system))["total"] == {"stories": 0, "assets": {}, "usd": 0}


async def test_a_period_that_there_is_not_is_a_400_that_names_what_is_wrong(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        for query, word in (
            ({"from": "yesterday"}, "from"),
            ({"to": "2026-02-30"}, "to"),
            ({"to": "20260131"}, "to"),
            ({"from": "2026-01-02", "to": "2026-01-01"}, "before from"),
            ({"from": "2025-01-01", "to": "2026-01-02"}, "366"),
            ({"from": "0001-01-01"}, "366"),
        ):
            async with system.http.get(
                f"{system.api.url}/api/v1/usage", params=query, headers=system.headers
            ) as answer:
                assert answer.status == 400
                body = await problem(answer)
                assert body["code"] == "bad_period"
                assert word in body["detail"]
        assert len((await usage(system, **{"from": "2024-01-01", "to": "2024-12-31"}))["days"]) == 366
        assert len((await usage(system, to="0001-01-03"))["days"]) == 3
