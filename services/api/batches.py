"""Many stories by one request: each brief is judged, counted and answered by itself.

All of them are moderated at once and written in one transaction, so that a hundred take little longer than one.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from services.api import repository
from services.api.auth import authenticated_routes
from services.api.commands import Commands, CreatedStory
from services.api.limits import QUOTAS, LimitError, RequestLimiter
from services.api.openapi import FULL_BRIEF, IDEMPOTENCY_KEY, SHORT_BRIEF, TRACEPARENT, CreateStories
from services.api.repository import NewStory
from services.api.resources import BatchedStory, StoryBatch
from services.api.routes import STORIES, read_idempotency_key
from services.api.schemas import parse_brief
from services.api.sequels import carry_on
from services.api.serializers import json_response, story_reference
from storyloom.messaging.connection import BusUnavailableError
from storyloom.story.brief import Brief
from storyloom.story.events import story_requested
from storyloom.story.fingerprint import canonical
from storyloom.story.journey import begin
from storyloom.web.authentication import Authenticator
from storyloom.web.bodies import read_json, validate
from storyloom.web.exchange import EXCHANGE, read_trace
from storyloom.web.keys import Caller
from storyloom.web.openapi import Answer, Body, operation
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

PATH = f"{STORIES}/batch"
MAX_BATCH_BYTES = 512 * 1024
"""A hundred briefs of 5 kB each."""
SCREENINGS = 16
"""Briefs of a batch in moderation at once."""
SCREENING_SECONDS = 2.0
"""For the moderation of all of them, of the seconds that an answer may take. What is not judged by then passes, like a
single brief without an answer: its outline is moderated in any case."""
PUBLICATIONS = 16
"""Stories of a batch that are published at once."""

Outcome = CreatedStory | Problem


class BatchBody(BaseModel):
    """The body; its briefs are read one by one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stories: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A brief that can be read, and what it is known by."""

    brief: Brief
    key: str | None
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class BatchRoutes:
    """``POST /stories/batch``."""

    keys: Authenticator
    limiter: RequestLimiter
    commands: Commands

    def table(self) -> list[web.RouteDef]:
        """The routes, behind their authentication."""
        return authenticated_routes(self, self.keys, self.limiter)

    @operation(
        "POST",
        PATH,
        "createStories",
        tag="Stories",
        scope="stories:write",
        parameters=[IDEMPOTENCY_KEY, TRACEPARENT],
        body=Body(CreateStories, {"two": {"stories": [SHORT_BRIEF, FULL_BRIEF]}}),
        answers=[Answer(200, "What became of each brief.", StoryBatch)],
        problems=["bad_idempotency_key", "bad_body"],
    )
    async def create(self, request: web.Request, caller: Caller) -> web.Response:
        """Create up to 100 stories.

        Each brief has an outcome of its own, in their order: `202` with the story, or a problem. Limits count each of
        them. With an `Idempotency-Key` the same batch again is the same stories: each brief has a key of its own, made
        of the request's and of its place. The body is up to 512 kB.
        """
        key = read_idempotency_key(request)
        body = validate(BatchBody, await read_json(request, required=True, most=MAX_BATCH_BYTES))
        trace = read_trace(request)
        outcomes = await create_all(self.commands, caller, body.stories, trace=trace, key=key)
        limit = next((one for one in outcomes if isinstance(one, LimitError)), None)
        if limit is not None:
            request[QUOTAS].append(limit.quota)
        ids = [one.id for one in outcomes if isinstance(one, CreatedStory)]
        rows = await repository.get_rows(self.commands.pool, caller, ids) if ids else {}
        exchange = request[EXCHANGE]
        answer: StoryBatch = {"stories": []}
        for outcome in outcomes:
            row = rows.get(outcome.id) if isinstance(outcome, CreatedStory) else None
            if isinstance(outcome, CreatedStory) and row is not None:
                story: BatchedStory = {"status": 202, "story": story_reference(row), "replayed": outcome.replayed}
                answer["stories"].append(story)
                continue
            found = outcome if isinstance(outcome, Problem) else not_found("story")  # erased meanwhile
            problem: Any = found.body(exchange.instance, exchange.trace_id, public_url=exchange.public_url)
            answer["stories"].append({"status": found.status, "problem": problem})
        return json_response(answer)


async def create_all(
    commands: Commands, caller: Caller, bodies: Sequence[dict[str, Any]], *, trace: str, key: str | None
) -> list[Outcome]:
    """Create stories; what became of each, in their order. Raises a 401 Problem where the tenant was deleted."""
    outcomes: dict[int, Outcome] = {}
    wanted: dict[int, Wanted] = {}
    for place, body in enumerate(bodies):
        try:
            brief = parse_brief(body)
        except Problem as problem:
            outcomes[place] = _pointing_into(place, problem)
            continue
        # No header holds a line feed: no request's own key is like these.
        own_key = None if key is None else f"{key}\n{place}"
        wanted[place] = Wanted(brief, own_key, hashlib.sha256(canonical(brief.wire())).digest())
        await asyncio.sleep(0)  # others are served between two briefs
    if key is not None:
        outcomes |= await _created_before(commands, caller, wanted)
    new = {place: one for place, one in wanted.items() if place not in outcomes}
    outcomes |= await _flagged(commands, new)
    new = {place: one for place, one in new.items() if place not in outcomes}
    briefs, lost = await _carry_on(commands, caller, new)
    outcomes |= lost
    new = {place: one for place, one in new.items() if place in briefs}
    outcomes |= await _create(commands, caller, new, briefs, trace=trace)
    return [outcomes[place] for place in range(len(bodies))]


async def _created_before(commands: Commands, caller: Caller, wanted: dict[int, Wanted]) -> dict[int, Outcome]:
    """What the same batch has created before, and the briefs that are others now."""
    hashes = {one.key: one.request_hash for one in wanted.values() if one.key is not None}
    created = await repository.find_all_created(commands.pool, caller, hashes)
    return {
        place: found if isinstance(found, Problem) else CreatedStory(found, replayed=True)
        for place, one in wanted.items()
        if one.key is not None and (found := created.get(one.key)) is not None
    }


async def _flagged(commands: Commands, wanted: dict[int, Wanted]) -> dict[int, Outcome]:
    """The briefs that moderation flags; the same brief is asked about once."""
    room = asyncio.Semaphore(SCREENINGS)

    async def flaw(brief: Brief) -> Problem | None:
        async with room:
            try:
                await commands.screening.check_brief(brief)
            except Problem as problem:
                return problem
            return None

    asked = {
        request_hash: asyncio.create_task(flaw(brief))
        for request_hash, brief in {one.request_hash: one.brief for one in wanted.values()}.items()
    }
    if not asked:
        return {}
    try:
        _, late = await asyncio.wait(asked.values(), timeout=SCREENING_SECONDS)
        if late:
            log.warning("batch.not_screened", briefs=len(late))
    finally:
        for task in asked.values():
            task.cancel()
    found: dict[int, Outcome] = {}
    for place, one in wanted.items():
        task = asked[one.request_hash]
        if task.done() and not task.cancelled() and (problem := task.result()) is not None:
            found[place] = _pointing_into(place, problem)
    return found


async def _carry_on(
    commands: Commands, caller: Caller, wanted: dict[int, Wanted]
) -> tuple[dict[int, Brief], dict[int, Outcome]]:
    """The briefs with what came before them, and the problems of those whose earlier story there is not."""
    found: dict[int, Brief] = {}
    lost: dict[int, Outcome] = {}
    for place, one in wanted.items():
        try:
            found[place] = await carry_on(commands.pool, caller, one.brief)
        except Problem as problem:
            lost[place] = _pointing_into(place, problem)
    return found, lost


async def _create(
    commands: Commands, caller: Caller, wanted: dict[int, Wanted], briefs: dict[int, Brief], *, trace: str
) -> dict[int, Outcome]:
    new = {
        place: NewStory(begin(uuid4(), caller.tenant_id, trace, briefs[place]), one.key, one.request_hash)
        for place, one in wanted.items()
    }
    if not new:
        return {}
    try:
        admitted = await commands.create_stories(caller, list(new.values()))
    except LimitError as limit:
        return dict.fromkeys(new, limit)
    found: dict[int, Outcome] = {}
    begun: list[UUID] = []
    for (place, story), outcome in zip(new.items(), admitted, strict=True):
        if isinstance(outcome, Problem):
            found[place] = outcome
        elif outcome is None:  # the same batch is being created elsewhere, at this instant
            found[place] = await _create_alone(commands, caller, wanted[place], trace=trace)
        else:
            found[place] = CreatedStory(story.journey.story_id)
            begun += [story.journey.story_id] if outcome else []
    await _publish(commands, caller, begun, trace=trace)
    log.info("batch.created", stories=len(wanted), begun=len(begun))
    return found


async def _create_alone(commands: Commands, caller: Caller, one: Wanted, *, trace: str) -> Outcome:
    try:
        return await commands.create(caller, one.brief, trace=trace, idempotency_key=one.key)
    except Problem as problem:
        return problem


async def _publish(commands: Commands, caller: Caller, ids: Sequence[UUID], *, trace: str) -> None:
    room = asyncio.Semaphore(PUBLICATIONS)

    async def publish(story_id: UUID) -> None:
        async with room:
            await commands.events.publish(story_requested(story_id, caller.tenant_id, trace, datetime.now(UTC)))

    try:
        async with asyncio.TaskGroup() as group:
            for story_id in ids:
                group.create_task(publish(story_id))
    except* BusUnavailableError:
        log.warning("batch.not_published")  # the reconciler will publish them


def _pointing_into(place: int, problem: Problem) -> Problem:
    """A brief's problem, with its pointers into the body of the batch."""
    errors = [{**one, "pointer": f"/stories/{place}{one['pointer']}"} for one in problem.errors]
    return Problem(problem.status, problem.code, problem.detail, errors=errors, **problem.members)
