"""The public API over HTTP, on real servers: every refusal is a problem, and another tenant's story does not exist."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientResponse

from local.keys import ensure_local_key
from services.content import app as content
from storyloom.jobs import worker
from storyloom.jobs.definition import WorkerDefinition
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.jobs import AssetRequested
from storyloom.story.screening import Verdict
from storyloom.web.keys import add_key, digest
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.makers import making_everything_of
from tests.unit.api.site import problem

NO_WORKERS: tuple[Service, ...] = ()


def address(system: System, path: str = "") -> str:
    return f"{system.api.url}/api/v1/stories{path}"


async def refused(system: System, answer: ClientResponse, status: int) -> dict[str, Any]:
    """The problem in an answer."""
    assert answer.status == status, await answer.text()
    return await problem(answer)


async def test_a_new_story_is_answered_with_all_that_a_client_needs_to_go_on(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        async with system.http.post(address(system), json=BRIEF, headers=system.headers) as answer:
            body = await answer.json()
            assert answer.status == 202
            base = f"/api/v1/stories/{body['id']}"
            assert answer.headers["Location"] == base
        assert body["status"] == body["assetGenerationStatus"]["overall"] == "generating"
        assert body["realtimeChannel"] == f"stories:id={body['id']}"
        assert body["links"] == {"self": base, "events": f"{base}/events", "cancel": f"{base}/cancel"}
        assert set(body) == {"id", "status", "realtimeChannel", "assetGenerationStatus", "links", "estimate"}


ROUTES = ["", "/{id}", "/{id}/events", "/{id}/assets/cover", "/{id}/assets/nothing"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "key_missing"),
        ("Basic abc", "key_missing"),
        ("Bearer ", "key_missing"),
        ("Bearer sk_unknown", "key_unknown"),
        ("Bearer nokey", "key_unknown"),
        ("Bearer sk_" + "x" * 5000, "key_unknown"),
    ],
)
async def test_without_a_valid_key_every_route_is_a_401(settings: Settings, header: str | None, code: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with running(settings, workers=NO_WORKERS) as system:
        for route in ROUTES:
            path = route.format(id=uuid4())
            async with system.http.get(address(system, path), headers=headers) as answer:
                assert (await refused(system, answer, 401))["code"] == code
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        async with system.http.post(address(system), json=BRIEF, headers=headers) as answer:
            assert (await refused(system, answer, 401))["code"] == code
        assert not await system.rows("SELECT FROM stories")


async def test_a_key_does_what_its_scopes_say(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        await system.pool.execute("UPDATE api_keys SET scopes = '{stories:read}'")
        async with system.http.post(address(system), json=BRIEF, headers=system.headers) as answer:
            assert (await refused(system, answer, 403))["code"] == "scope_missing"
        async with system.http.get(address(system), headers=system.headers) as answer:
            assert answer.status == 200
        await system.pool.execute("UPDATE api_keys SET scopes = '{stories:write}'")
        for route in ROUTES:
            path = route.format(id=uuid4())
            async with system.http.get(address(system, path), headers=system.headers) as answer:
                assert (await refused(system, answer, 403))["code"] == "scope_missing"
        await system.pool.execute("UPDATE api_keys SET scopes = '{admin}'")
        await system.post()


async def test_another_tenants_story_does_not_exist(settings: Settings) -> None:
    """On every route the answer is the same as for an id that no story has."""
    async with running(settings, workers=NO_WORKERS) as system:
        story_id = await system.post()
        stranger = {"Authorization": f"Bearer {await add_key(system.pool, 'stranger', 'x')}"}
        for route in ROUTES[1:]:
            found = []
            for some_id in (story_id, uuid4()):
                async with system.http.get(address(system, route.format(id=some_id)), headers=stranger) as answer:
                    body = await refused(system, answer, 404)
                    found.append({key: value for key, value in body.items() if key not in ("instance", "traceId")})
            assert found[0] == found[1]
        async with system.http.get(address(system), headers=stranger) as answer:
            assert (await answer.json())["stories"] == []


async def test_a_key_is_hashed_at_rest_and_a_revoked_one_is_refused(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        rows = await system.rows("SELECT * FROM api_keys")
        assert [row["secret_hash"] for row in rows] == [digest(system.key)]
        assert system.key not in str([tuple(row.values()) for row in rows])
        await system.pool.execute("UPDATE api_keys SET revoked_at = now()")
        async with system.http.get(address(system), headers=system.headers) as answer:
            assert (await refused(system, answer, 401))["code"] == "key_unknown"


async def test_this_machines_key_is_made_once_and_for_its_owner_alone(settings: Settings, tmp_path: Path) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        path = tmp_path / "folder" / "key"
        key = await ensure_local_key(system.pool, path)
        assert await ensure_local_key(system.pool, path) == key
        assert path.stat().st_mode & 0o777 == 0o600
        await system.pool.execute("UPDATE api_keys SET revoked_at = now()")
        assert await ensure_local_key(system.pool, path) != key


async def test_a_wrong_request_leaves_no_row(settings: Settings) -> None:
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"json": {**BRIEF, "age": 99}}, 422, "bad_brief"),
        ({"data": "{", "headers": {"Content-Type": "application/json"}}, 400, "bad_json"),
        ({"data": "{}", "headers": {"Content-Type": "text/plain"}}, 415, "not_json"),
        ({"json": {**BRIEF, "premise": "x" * 70_000}}, 413, "body_too_large"),
        ({"json": BRIEF, "headers": {"Idempotency-Key": "k" * 201}}, 400, "bad_idempotency_key"),
    ]
    async with running(settings, workers=NO_WORKERS) as system:
        for request, status, code in wrong:
            headers = {**system.headers, **request.get("headers", {})}
            async with system.http.post(address(system), **{**request, "headers": headers}) as answer:
                assert (await refused(system, answer, status))["code"] == code
        async with system.http.delete(address(system), headers=system.headers) as answer:
            assert (await refused(system, answer, 405))["code"] == "method_not_allowed"
            assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}
        assert not await system.rows("SELECT FROM stories")


@pytest.mark.parametrize(
    ("header", "status"), [(b"Authorization: Bearer sk_\xff\xfe", 401), (b"Idempotency-Key: \xff\xfe", 400)]
)
async def test_headers_of_any_bytes_are_no_bug(settings: Settings, header: bytes, status: int) -> None:
    """By hand: no client library lets them through."""
    async with running(settings, workers=NO_WORKERS) as system:
        host, port = system.api.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        known = f"Authorization: Bearer {system.key}".encode()
        body = json.dumps(BRIEF).encode()
        lines = [b"POST /api/v1/stories HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Type: application/json"]
        lines += [header, b"Content-Length: %d" % len(body), *([] if status == 401 else [known])]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        assert (await reader.readline()).split()[1] == str(status).encode()
        writer.close()


async def test_the_same_key_with_the_same_brief_is_the_same_story(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:

        async def post(brief: dict[str, Any], key: str, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
            sent = {**headers, "Idempotency-Key": key}
            async with system.http.post(address(system), json=brief, headers=sent) as answer:
                return answer.status, await answer.json(content_type=None)

        answers = await asyncio.gather(*(post(BRIEF, "order-1", system.headers) for _ in range(8)))
        assert {status for status, _ in answers} == {202}
        (story_id,) = {body["id"] for _, body in answers}
        # The same brief in other words: defaults spelled out.
        assert (await post({**BRIEF, "age": 5}, "order-1", system.headers))[1]["id"] == story_id
        status, body = await post({**BRIEF, "age": 6}, "order-1", system.headers)
        assert (status, body["code"]) == (422, "key_reused")
        assert (await post(BRIEF, "order-2", system.headers))[1]["id"] != story_id
        other = {"Authorization": f"Bearer {await add_key(system.pool, 'other', 'x')}"}
        assert (await post(BRIEF, "order-1", other))[1]["id"] != story_id
        assert len(await system.rows("SELECT FROM stories")) == 3


async def test_pages_stay_stable_while_stories_are_being_added(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        ids = [str(await system.post()) for _ in range(7)]
        # Several of the same time, which only their ids distinguish.
        await system.pool.execute(
            "UPDATE stories SET created_at = (SELECT min(created_at) FROM stories) WHERE id = ANY($1)", ids[:3]
        )
        seen: list[str] = []
        cursor: str | None = None
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            async with system.http.get(address(system), params=query, headers=system.headers) as answer:
                page = await answer.json()
            seen += [story["id"] for story in page["stories"]]
            cursor = page["nextCursor"]
            if cursor is None:
                break
            await system.post()
    assert len(seen) == len(set(seen))
    assert set(seen) == set(ids)
    assert seen[:4] == ids[:2:-1]


async def test_a_story_that_has_not_changed_is_a_304(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=NO_WORKERS) as system:
        story_id = await system.post()
        await until(lambda: _started(system))
        url = address(system, f"/{story_id}")
        async with system.http.get(url, headers=system.headers) as answer:
            tag = answer.headers["ETag"]
        have = {**system.headers, "If-None-Match": tag}
        async with system.http.get(url, headers=have) as answer:
            assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, tag, b"")
        await system.work(Service.CONTENT)
        await system.work(Service.IMAGES)
        await until(lambda: _has_title(system))
        async with system.http.get(url, headers=have) as answer:
            assert answer.status == 200
            assert answer.headers["ETag"] != tag
            assert (await answer.json())["title"] == "The Lost Lantern"


async def _started(system: System) -> bool:
    return bool(await system.rows("SELECT FROM stories WHERE seq > 0"))


async def _has_title(system: System) -> bool:
    return bool(await system.rows("SELECT FROM stories WHERE title IS NOT NULL"))


class StoringMakers:
    """Makes what QuickMakers makes, with real bytes behind pictures and sound."""

    def __init__(self, objects: Objects, system: System) -> None:
        self._objects = objects
        self._system = system

    async def make(self, job: AssetRequested, report: Any) -> Any:
        result = await self._system.makers.make(job, report)
        kept = {}
        for name in ("image", "audio", "vtt", "pdf"):
            stored = getattr(result, name, None)
            if stored is not None:
                data = name.encode() * 1000
                kept[name] = await self._objects.put(job.story_id, job.asset, data, stored.content_type)
        return result.model_copy(update=kept)


async def _serve_storing_makers(system: System) -> None:
    objects = Objects(system.settings)
    system.stack.push_async_callback(objects.close)
    makers = StoringMakers(objects, system)
    for service in Service:
        found = await worker.serve(making_everything_of(service, makers.make), system.settings)
        system.stack.push_async_callback(found.stop)


async def test_every_asset_of_a_finished_story_can_be_fetched(settings: Settings) -> None:
    """302 to the store, where Range works; the JSON of what is text; captions as a part of the audio."""
    async with running(settings, workers=NO_WORKERS) as system:
        await _serve_storing_makers(system)
        story_id = await system.post()
        story = await system.finished(story_id)
        for name, shown in story["assetGenerationStatus"]["assets"].items():
            async with system.http.get(
                system.api.url + shown["url"], headers=system.headers, allow_redirects=False
            ) as answer:
                if name in ("content", "activities"):
                    assert answer.status == 200
                    continue
                assert (answer.status, answer.headers["Cache-Control"]) == (302, "private, no-store")
                place = answer.headers["Location"]
            word = {"audio": b"audio", "pdf": b"pdf", "epub": b"pdf"}.get(name, b"image")
            async with system.http.get(place, headers={"Range": "bytes=0-9"}) as answer:
                assert answer.status == 206
                assert await answer.read() == (word * 10)[:10]
            assert f'filename="{name}.' in unquote(place)
        url = address(system, f"/{story_id}/assets/")
        async with system.http.get(url + "audio?part=vtt", headers=system.headers) as answer:
            assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/vtt")
        for wrong in ("cover?part=vtt", "audio?part=mp4", "lamp", "outline", "text_1", "portrait"):
            async with system.http.get(url + wrong, headers=system.headers) as answer:
                await refused(system, answer, 404)
        async with system.http.get(url + "activities", headers=system.headers) as answer:
            assert len(await answer.json()) == 4
        async with system.http.get(url + "content", headers=system.headers) as answer:
            assert [scene["scene"] for scene in (await answer.json())["scenes"]] == [1, 2, 3, 4]


async def test_an_asset_that_is_not_ready_is_a_409_that_says_why(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        story_id = await system.post({**BRIEF, "assets": ["cover"]})
        url = address(system, f"/{story_id}/assets/cover")
        async with system.http.get(url, headers=system.headers) as answer:
            body = await refused(system, answer, 409)
            assert (body["code"], body["retryable"]) == ("asset_not_ready", True)
        async with system.http.get(address(system, f"/{story_id}/assets/pdf"), headers=system.headers) as answer:
            await refused(system, answer, 404)


async def answer_briefs(system: System, verdict: Callable[[Brief], Awaitable[Verdict]]) -> None:
    """Start a content service that answers the api's question about briefs by ``verdict``."""

    async def no_edits(edit: SceneEdit) -> EditVerdict:
        raise NotImplementedError

    def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
        return WorkerDefinition(Service.CONTENT, {}, content.jobs(settings, {}), content.questions(verdict, no_edits))

    found = await worker.serve(compose, system.settings)
    system.stack.push_async_callback(found.stop)


async def test_a_flagged_brief_is_a_422_with_its_category_and_no_row(settings: Settings) -> None:
    async def flag(brief: Brief) -> Verdict:
        flagged = "knife" in (brief.premise or "")
        return Verdict(flagged=flagged, categories=("violence",) if flagged else ())

    slow_moderation = settings.model_copy(update={"screening_seconds": 10})
    async with running(slow_moderation, workers=NO_WORKERS) as system:
        await answer_briefs(system, flag)
        sent = {**BRIEF, "premise": "a knife"}
        async with system.http.post(address(system), json=sent, headers=system.headers) as answer:
            body = await refused(system, answer, 422)
        assert (body["code"], body["categories"]) == ("brief_flagged", ["violence"])
        assert "violence" in body["detail"]
        assert not await system.rows("SELECT FROM stories")
        await system.post({**BRIEF, "premise": "a lantern"})


async def _raises(brief: Brief) -> Verdict:
    raise RuntimeError("no moderation today")


async def _answers_nonsense(brief: Brief) -> Any:
    return b"yes?"


@pytest.mark.parametrize("answering", [None, _raises, _answers_nonsense])
async def test_without_an_answer_from_moderation_a_brief_is_accepted(
    settings: Settings, answering: Callable[[Brief], Awaitable[Verdict]] | None
) -> None:
    """The outline is moderated again in any case."""
    async with running(settings, workers=NO_WORKERS) as system:
        if answering is not None:
            await answer_briefs(system, answering)
        assert isinstance(await system.post(), UUID)


async def test_a_failed_asset_is_a_409_that_says_so(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        story_id = await system.post({**BRIEF, "assets": ["cover"]})
        await system.pool.execute(
            "UPDATE asset_generation_jobs SET status = 'failed' WHERE asset_type = $1", Asset.COVER.value
        )
        async with system.http.get(address(system, f"/{story_id}/assets/cover"), headers=system.headers) as answer:
            assert "it is failed" in (await refused(system, answer, 409))["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "limit=101"])
async def test_a_wrong_page_is_a_400(settings: Settings, query: str) -> None:
    async with (
        running(settings, workers=NO_WORKERS) as system,
        system.http.get(address(system, f"?{query}"), headers=system.headers) as answer,
    ):
        await refused(system, answer, 400)
