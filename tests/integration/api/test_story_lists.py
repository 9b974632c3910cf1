"""Lists of stories: their filters, and pages that stay what they are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from storyloom.runtime.settings import Settings
from tests.integration.core.system import BRIEF, BY_HAND, System, running
from tests.unit.api.site import problem

BEDTIME = {**BRIEF, "storyType": "bedtime"}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    """Api and status, without workers."""
    async with running(settings, reconciler=BY_HAND, workers=()) as found:
        yield found


async def listed(system: System, *query: tuple[str, str]) -> list[str]:
    """The ids of a whole list, page by page."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        sent = [("limit", "2"), *query, *([("cursor", cursor)] if cursor else [])]
        async with system.http.get(f"{system.api.url}/api/v1/stories", params=sent, headers=system.headers) as answer:
            assert answer.status == 200, await answer.text()
            page: dict[str, Any] = await answer.json()
        seen += [story["id"] for story in page["stories"]]
        cursor = page["nextCursor"]
        if cursor is None:
            return seen


async def test_a_list_holds_the_stories_of_its_filters_newest_first(system: System) -> None:
    """Five stories, an hour between them: their types and statuses, alone and together, and their times."""
    kinds = [(BRIEF, "ready"), (BEDTIME, "ready"), (BRIEF, "failed"), (BEDTIME, "partial"), (BRIEF, "ready")]
    ids = [str(await system.post(brief)) for brief, _ in kinds]
    await system.projector_idle()
    for hour, (_, status) in enumerate(kinds):
        await system.pool.execute(
            "UPDATE stories SET status = $2, created_at = $3 WHERE id = $1",
            ids[hour], status, NOON + timedelta(hours=hour),
        )  # fmt: skip
    first, second, third, fourth, fifth = ids
    ready, failed, partial = ("status", "ready"), ("status", "failed"), ("status", "partial")
    adventure, bedtime = ("type", "adventure"), ("type", "bedtime")
    assert await listed(system) == [fifth, fourth, third, second, first]
    assert await listed(system, ready) == [fifth, second, first]
    assert await listed(system, ready, partial, ready) == [fifth, fourth, second, first]
    assert await listed(system, ("status", "cancelled")) == []
    assert await listed(system, adventure) == [fifth, third, first]
    assert await listed(system, bedtime, ready) == [second]
    assert await listed(system, adventure, failed, ready) == [fifth, third, first]
    since = NOON + timedelta(hours=2)
    for text in ("2026-01-31T14:00:00Z", since.astimezone(timezone(timedelta(hours=5.5))).isoformat()):
        assert await listed(system, ("since", text)) == [fifth, fourth, third]
        assert await listed(system, ("since", text), ready) == [fifth]
        assert await listed(system, ("since", text), bedtime) == [fourth]
    assert await listed(system, ("since", "2026-01-31T14:00:00.000001z"), adventure) == [fifth]
    assert await listed(system, ("since", "0001-01-01T00:00:00+14:00")) == [fifth, fourth, third, second, first]
    assert await listed(system, ("since", "9999-12-31T23:59:59-14:00")) == []


async def test_stories_that_wait_have_their_place_in_the_queue_in_any_list(system: System) -> None:
    await system.pool.execute("UPDATE tenants SET concurrent_stories = 1")
    ids = [str(await system.post()) for _ in range(3)]
    for query in ({}, {"status": "generating"}, {"type": "adventure"}):
        async with system.http.get(f"{system.api.url}/api/v1/stories", params=query, headers=system.headers) as answer:
            stories = (await answer.json())["stories"]
        assert [(story["id"], story["queuePosition"]) for story in stories] == [
            (ids[2], 2), (ids[1], 1), (ids[0], None),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("status", ""),
        ("status", "ready,failed"),
        ("type", "horror"),
        ("since", "yesterday"),
        ("since", "2026-01-31"),
        ("since", "2026-01-31T12:00:00"),
        ("since", "2026-02-31T12:00:00Z"),
        ("since", "1769860800"),
    ],
)
async def test_a_filter_that_there_is_not_is_a_400_that_names_it(system: System, name: str, value: str) -> None:
    async with system.http.get(
        f"{system.api.url}/api/v1/stories", params={name: value}, headers=system.headers
    ) as answer:
        assert answer.status == 400
        body = await problem(answer)
    assert body["code"] == "bad_filter"
    assert body["detail"].startswith(f"{name} is ")
