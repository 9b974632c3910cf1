"""What a tenant has used, by day: stories, assets and money, from what is counted by day already."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field
from typing_extensions import TypedDict

from services.api.auth import authenticated_routes
from services.api.limits import RequestLimiter
from services.api.serializers import BASE, json_response
from storyloom.db.pool import Pool
from storyloom.db.queries import load_queries
from storyloom.web.authentication import Authenticator
from storyloom.web.keys import Caller
from storyloom.web.openapi import Answer, Parameter, operation
from storyloom.web.problems import Problem

DEFAULT_DAYS = 30
MAX_DAYS = 366
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
"""A day in UTC, such as 2026-01-31."""
FROM = Parameter("from", "query", Day, "The first day (UTC); 29 days before the last if left out.", "2026-01-01")
TO = Parameter("to", "query", Day, "The last day (UTC), which is part of it; today if left out.", "2026-01-31")
Assets = Annotated[
    dict[Literal["content", "cover", "scene", "audio", "activities", "pdf", "epub"], int],
    Field(description="How many assets were made, by kind; one that was made anew counts again."),
]
Usd = Annotated[float, Field(ge=0, description="What providers were paid, in US dollars, by the price list.")]


class DayOfUsage(TypedDict):
    """What was used in a day."""

    date: Day
    stories: Annotated[int, Field(description="Stories that were created, also those that were deleted since.")]
    assets: Assets
    usd: Usd


class TotalUsage(TypedDict):
    """All days together."""

    stories: int
    assets: Assets
    usd: Usd


Usage = TypedDict("Usage", {"from": Day, "to": Day, "days": list[DayOfUsage], "total": TotalUsage})
"""What was used in some days, the first one first. The last is not over yet where it is today."""


@dataclass(frozen=True, slots=True)
class UsageRoutes:
    """``GET /usage``."""

    pool: Pool
    keys: Authenticator
    limiter: RequestLimiter

    def table(self) -> list[web.RouteDef]:
        """The routes, behind their authentication."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "GET",
        f"{BASE}/usage",
        "getUsage",
        tag="Usage",
        scope="stories:read",
        parameters=[FROM, TO],
        answers=[Answer(200, "Each of the days, and all together.", Usage)],
        problems=["bad_period"],
    )
    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """Read what was made by day, and what it cost.

        Days are UTC's; at most 366 of them.
        """
        first, last = read_period(request)
        rows = load_queries("services.api").usage(
            self.pool, tenant_id=caller.tenant_id, first=first.toordinal(), last=last.toordinal()
        )
        days: list[DayOfUsage] = [
            {
                "date": row["day"].isoformat(),
                "stories": row["stories"],
                "assets": row["assets"],
                "usd": round(row["usd"], 6),
            }
            async for row in rows
        ]
        usage: Usage = {"from": first.isoformat(), "to": last.isoformat(), "days": days, "total": total(days)}
        return json_response(usage)


def total(days: list[DayOfUsage]) -> TotalUsage:
    """The sum of some days."""
    assets: Assets = {}
    for day in days:
        for kind, count in day["assets"].items():
            assets[kind] = assets.get(kind, 0) + count
    return {
        "stories": sum(day["stories"] for day in days),
        "assets": assets,
        "usd": round(sum(day["usd"] for day in days), 6),
    }


def read_period(request: web.Request, today: date | None = None) -> tuple[date, date]:
    """The first and the last day that the query names. Raises a 400 Problem."""
    last = _read_day(request, "to") or today or datetime.now(UTC).date()
    before = min(timedelta(days=DEFAULT_DAYS - 1), last - date.min)
    first = _read_day(request, "from") or last - before
    if first > last:
        raise Problem(400, "bad_period", f"to is {last}, which is before from, {first}.")
    if (last - first).days >= MAX_DAYS:
        raise Problem(400, "bad_period", f"from and to are at most {MAX_DAYS} days.")
    return first, last


def _read_day(request: web.Request, name: str) -> date | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise Problem(400, "bad_period", f"{name} is a day, such as 2026-01-31.") from None
