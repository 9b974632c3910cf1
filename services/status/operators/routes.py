"""The routes of the operators' page: what goes on, stories, one story, dead letters, findings; and replaying.

Everybody who reaches the internal port may look. Replaying takes a key with the scope ``operator``.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, get_args
from uuid import UUID

import orjson
import structlog
from aiohttp import web
from nats.js.errors import NotFoundError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.status.operators import shapes
from services.status.operators.page import HEADERS, serve_file
from storyloom.db.queries import load_queries
from storyloom.jobs.in_flight import query_workers
from storyloom.messaging.lanes import count_dead_letters, read_projector_lag
from storyloom.messaging.subjects import read_subjects
from storyloom.operations.dead_letters import Entry, Filter, Sender, get_entries, list_entries
from storyloom.operations.examination import examine
from storyloom.operations.replay import Replay, replay
from storyloom.operations.sources import Connections
from storyloom.operations.sources import queries as shared_queries
from storyloom.operations.webhooks import read_webhook_backlog
from storyloom.web.authentication import Authenticator
from storyloom.web.errors import problem_middleware
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

PATH = "/ops"
WORKER_TIMEOUT_SECONDS = 0.4
"""Seconds for workers to answer what they have in flight."""
NOW_SECONDS = 1.0
"""How old what goes on may be: so often is it asked for, however many look."""
FINDINGS_SECONDS = 10.0
"""The same of findings: an examination asks for every unfinished asset, several times where something is wrong."""
STORIES_PER_PAGE = 50
MAX_LETTERS = 200
"""Dead letters that are shown, and replayed at once."""
MAX_UPDATES = 200
BY_COMMAND = "it is an event: python -m ops dead replay publishes it again"
STATUSES = ("generating", "ready", "partial", "failed", "cancelled")
DAYS = (1, 7, 30)

T = TypeVar("T")


def queries() -> Any:
    """The named statements of queries.sql."""
    return load_queries("services.status.operators")


class Recent(Generic[T]):
    """The last answer to a question, asked again once it is older than ``seconds``; by one at a time."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._answer: tuple[float, T] | None = None

    async def get(self) -> T:
        """The answer. Raises what asking raises."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._answer is None or now - self._answer[0] >= self._seconds:
                self._answer = now, await self._ask()
            return self._answer[1]


class _ReplayBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ids: list[int] = Field(min_length=1, max_length=MAX_LETTERS)


@dataclass
class OperatorRoutes:
    """The handlers."""

    connections: Connections
    keys: Authenticator
    now_seconds: float = NOW_SECONDS
    findings_seconds: float = FINDINGS_SECONDS
    _now: Recent[shapes.Json] = field(init=False)
    _findings: Recent[shapes.Json] = field(init=False)

    def __post_init__(self) -> None:
        self._now = Recent(self._ask_now, self.now_seconds)
        self._findings = Recent(self._ask_findings, self.findings_seconds)

    def add_to(self, internal: web.Application) -> None:
        """Add the page under ``/ops`` to the application of the internal port."""
        app = web.Application(middlewares=[problem_middleware])
        app.router.add_get("/", serve_file)
        app.router.add_get("/files/{name}", serve_file)
        app.router.add_get("/api/now", self.now)
        app.router.add_get("/api/findings", self.findings)
        app.router.add_get("/api/stories", self.stories)
        app.router.add_get("/api/stories/{id}", self.story)
        app.router.add_get("/api/dead", self.dead)
        app.router.add_post("/api/dead/replay", self.replay)
        app.router.add_get("/api/operator", self.operator)
        internal.router.add_get(PATH, _to_the_page)
        internal.add_subapp(PATH, app)

    async def now(self, _request: web.Request) -> web.Response:
        """Lanes, workers, providers' gates, and what waits."""
        return _json(await self._now.get())

    async def _ask_now(self) -> shapes.Json:
        bus, pool = self.connections.bus, self.connections.pool
        lanes, lag, dead, held = await asyncio.gather(
            bus.lanes(ages=True),
            read_projector_lag(bus.js, bus.names),
            count_dead_letters(bus.js, bus.names),
            query_workers(bus, WORKER_TIMEOUT_SECONDS),
        )
        unfinished = await shared_queries().unfinished_stories(pool)
        commands = await shared_queries().unhandled_commands(pool)
        return {
            "at": shapes.iso(datetime.now(UTC)),
            "unfinished": unfinished["count"],
            "unfinishedSince": shapes.iso(unfinished["oldest"]),
            "commands": commands["count"],
            "commandsSince": shapes.iso(commands["oldest"]),
            "projector": {"pending": lag.pending, "unacked": lag.unacked},
            "deadLetters": dead,
            "lanes": [shapes.lane(one) for one in lanes],
            "workers": [shapes.worker(one) for one in sorted(held, key=lambda one: one.worker)],
            "webhooks": shapes.webhooks(await read_webhook_backlog(pool)),
        }

    async def findings(self, _request: web.Request) -> web.Response:
        """What ``doctor`` finds."""
        return _json(await self._findings.get())

    async def _ask_findings(self) -> shapes.Json:
        return shapes.report(await examine(self.connections))

    async def stories(self, request: web.Request) -> web.Response:
        """Stories by the newest, filtered by status, tenant and trouble, of so many days."""
        asked = request.query
        days = _one_of("days", asked.get("days", "7"), [str(count) for count in DAYS])
        status = _one_of("status", asked["status"], STATUSES) if asked.get("status") else None
        tenant = asked.get("tenant") or None
        if tenant is not None and not re.fullmatch(r"[a-z0-9_-]{1,40}", tenant):
            raise _bad_filter("tenant is an id: small letters, digits, - and _.")
        before = _cursor(asked["before"]) if asked.get("before") else (None, None)
        rows = [
            row
            async for row in queries().recent_stories(
                self.connections.pool,
                since=datetime.now(UTC) - timedelta(days=int(days)),
                before=before[0],
                before_id=before[1],
                status=status,
                tenant=tenant,
                troubled=asked.get("trouble") == "1",
                limit=STORIES_PER_PAGE + 1,
            )
        ]
        shown, more = rows[:STORIES_PER_PAGE], len(rows) > STORIES_PER_PAGE
        last = f"{shown[-1]['started_at'].isoformat()}~{shown[-1]['id']}" if more else None
        return _json({"stories": [shapes.listed(row) for row in shown], "next": last})

    async def story(self, request: web.Request) -> web.Response:
        """One story with its assets, and what its readers were told."""
        pool, bus, settings = self.connections.pool, self.connections.bus, self.connections.settings
        try:
            story_id = UUID(request.match_info["id"])
        except ValueError:
            raise not_found("story") from None
        # The bus before the rows: the other way round a job that has just ended would pass for a lost one.
        try:
            live = await read_subjects(bus.client, bus.names.jobs, bus.names.subject(f"job.*.*.{story_id}.>"))
        except NotFoundError:
            live = set()
        row = await queries().one_story(pool, id=story_id)
        if row is None:
            raise not_found("story")
        assets = [one async for one in queries().assets_of(pool, id=story_id)]
        updates = [one async for one in queries().updates_of(pool, id=story_id, limit=MAX_UPDATES)]
        held = await query_workers(bus, WORKER_TIMEOUT_SECONDS) if row["status"] == "generating" else []
        found = shapes.one_story(
            row,
            assets,
            live_subjects=[subject.removeprefix(bus.names.prefix) for subject in live],
            held=held,
            deadlines=shapes.Deadlines(settings.asset_deadline, settings.story_deadline),
        )
        told = [
            {**{name: one[name] for name in ("seq", "event", "asset", "status")}, "at": shapes.iso(one["at"])}
            for one in reversed(updates)
        ]
        return _json({**found, "updates": told})

    async def dead(self, request: web.Request) -> web.Response:
        """Dead letters, the newest first."""
        asked = request.query
        service = _one_of("service", asked["service"], get_args(Sender)) if asked.get("service") else None
        days = _one_of("days", asked.get("days", "7"), [str(count) for count in DAYS])
        since = datetime.now(UTC) - timedelta(days=int(days))
        filters = Filter(service, asked.get("code") or None, since)  # type: ignore[arg-type] # one of Sender's
        count, newest = 0, deque[Entry](maxlen=MAX_LETTERS)
        try:
            async for entry in list_entries(self.connections.bus, filters):
                if asked.get("story") in (None, "", entry.letter.story):
                    count += 1
                    newest.append(entry)
        except NotFoundError:
            pass  # there is no stream, hence no letter; findings say so
        return _json({"count": count, "letters": [shapes.letter(one) for one in reversed(newest)]})

    async def replay(self, request: web.Request) -> web.Response:
        """Replay dead letters, for an operator. Safe to do twice."""
        caller = await self.keys.authenticate(request.headers.get("Authorization"), scope="operator")
        try:
            body = _ReplayBody.model_validate_json(await request.read())
        except ValidationError:
            raise Problem(422, "bad_body", f"Send the ids of 1 to {MAX_LETTERS} dead letters.") from None
        entries, absent = await get_entries(self.connections.bus, sorted(set(body.ids)))
        done = await replay(self.connections, [one for one in entries if one.letter.kind != "event"])
        # An event is as good as what it says: to publish just any is the right of operators' own login alone.
        done += [Replay(one, done=False, message=BY_COMMAND) for one in entries if one.letter.kind == "event"]
        log.info("operator.replayed", key_id=str(caller.key_id), letters=len(done), done=sum(one.done for one in done))
        gone = [{"id": number, "done": False, "message": "there is no such dead letter"} for number in absent]
        return _json(
            {"replays": [{"id": one.entry.id, "done": one.done, "message": one.message} for one in done] + gone}
        )

    async def operator(self, request: web.Request) -> web.Response:
        """Whether a key is an operator's. Raises a Problem: 401, 403."""
        await self.keys.authenticate(request.headers.get("Authorization"), scope="operator")
        return _json({"operator": True})


async def _to_the_page(_request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(f"{PATH}/")


def _json(value: shapes.Json) -> web.Response:
    headers = {**HEADERS, "Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(value), content_type="application/json", headers=headers)


def _one_of(name: str, value: str, possible: Any) -> str:
    if value not in possible:
        raise _bad_filter(f"{name} is one of {', '.join(possible)}.")
    return value


def _cursor(text: str) -> tuple[datetime, UUID]:
    at, _, story_id = text.partition("~")
    try:
        return datetime.fromisoformat(at), UUID(story_id)
    except ValueError:
        raise _bad_filter("before is what a page before had as next.") from None


def _bad_filter(detail: str) -> Problem:
    return Problem(400, "bad_filter", detail)
