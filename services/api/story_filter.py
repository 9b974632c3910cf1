"""Which stories a list holds: the query's ``status``, ``type`` and ``since``."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from aiohttp import web

from services.api.resources import StoryStatus
from storyloom.story.brief import StoryType
from storyloom.web.problems import Problem

STATUSES: tuple[str, ...] = get_args(StoryStatus)
TYPES: tuple[str, ...] = get_args(StoryType)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
"""RFC 3339, section 5.6."""


@dataclass(frozen=True, slots=True)
class StoryFilter:
    """``statuses``: any of these; ``story_type``; created at ``since`` or later. None: it does not matter."""

    statuses: tuple[str, ...] | None = None
    story_type: str | None = None
    since: datetime | None = None

    @property
    def statuses_to_search(self) -> tuple[str, ...] | None:
        """The statuses by which the list is put together; None where it is read as a whole."""
        return self.statuses or (None if self.story_type is None else STATUSES)


def read_story_filter(request: web.Request) -> StoryFilter:
    """The filter that the query names. Raises a 400 Problem that names the parameter."""
    statuses = tuple(dict.fromkeys(request.query.getall("status", ())))
    for status in statuses:
        _require(status, STATUSES, "status")
    story_type = request.query.get("type")
    if story_type is not None:
        _require(story_type, TYPES, "type")
    since = request.query.get("since")
    return StoryFilter(statuses or None, story_type, None if since is None else _read_time(since))


def _require(value: str, known: Sequence[str], name: str) -> None:
    if value not in known:
        raise Problem(400, "bad_filter", f"{name} is one of {', '.join(known)}.")


def _read_time(text: str) -> datetime:
    """A time in UTC; what lies before or after all that a clock can say is the first or the last of these."""
    at = None
    if _TIME.fullmatch(text):
        with suppress(ValueError):
            # Digits beyond the microsecond say nothing here.
            at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()))
    if at is None:
        detail = "since is a time with its offset from UTC, such as 2026-01-31T12:00:00Z."
        raise Problem(400, "bad_filter", detail)
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if at.year == 1 else datetime.max.replace(tzinfo=UTC)
