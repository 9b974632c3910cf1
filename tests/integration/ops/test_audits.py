"""The doctor beside the store and the ledger: what is missing, what lies about, what was paid and is in no row."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from aiohttp import web

from ops import audits
from ops.audits import PaidCall, read_ledger
from ops.connections import UnavailableError, open_connections
from storyloom.jobs.manifest import Manifest, write_manifest
from storyloom.operations.sources import Connections
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.brief import Brief
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.results import Picture
from storyloom.web.server import listen
from tests.makers import sample

MARK = Fingerprint("c" * 64)


@pytest.fixture
async def connections(settings: Settings) -> AsyncIterator[Connections]:
    """A bus without streams, an empty database and a store: nothing runs."""
    async with open_connections(settings) as found:
        await found.pool.execute("INSERT INTO tenants (id) VALUES ('t')")
        yield found


async def add_story(connections: Connections, *, status: str = "ready") -> UUID:
    story_id = uuid4()
    await connections.pool.execute(
        "INSERT INTO stories (id, tenant_id, request, status, asset_generation_status) VALUES ($1, 't', $2, $3, '{}')",
        story_id, Brief.asked({"characterName": "Mira", "storyType": "adventure"}).wire(), status,
    )  # fmt: skip
    return story_id


async def add_asset(
    connections: Connections, story_id: UUID, asset: Asset, result: Any = None, *, status: str = "ready", **columns: Any
) -> None:
    values = {"fingerprint": MARK, "revision": 0, "metadata": None, "queued_at": None} | columns
    await connections.pool.execute(
        "INSERT INTO asset_generation_jobs"
        " (story_id, asset_type, status, result, fingerprint, revision, metadata, queued_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        story_id, asset.value, status, result, *values.values(),
    )  # fmt: skip


async def add_cover(connections: Connections, objects: Objects) -> tuple[UUID, Picture]:
    """A story with a cover, as a worker leaves it: bytes, manifest, row."""
    story_id = await add_story(connections)
    image = await objects.put(story_id, Asset.COVER, b"a picture", "image/png")
    drawn = sample(Asset.COVER, story_id)
    assert isinstance(drawn, Picture)
    picture = drawn.model_copy(update={"image": image})
    await write_manifest(objects, story_id, Manifest(asset=Asset.COVER, fingerprint=MARK, result=picture))
    await add_asset(connections, story_id, Asset.COVER, picture.model_dump(mode="json"))
    return story_id, picture


async def findings(connections: Connections, *stories: UUID) -> set[tuple[str, str]]:
    """What is found about some stories: other tests share the store."""
    named = {str(story_id) for story_id in stories}
    found = await audits.compare_store(connections, recheck_delay=0.05)
    return {(finding.code, finding.about) for finding in found if finding.about.split(".")[0] in named}


async def test_a_store_that_holds_what_the_rows_say_is_well(connections: Connections, objects: Objects) -> None:
    story_id, _ = await add_cover(connections, objects)
    assert await findings(connections, story_id) == set()


async def test_a_missing_object_is_found(connections: Connections, objects: Objects) -> None:
    story_id, picture = await add_cover(connections, objects)
    await objects._call("delete_object", Key=picture.image.key)
    assert await findings(connections, story_id) == {("object_missing", f"{story_id}.cover.{picture.image.key}")}


async def test_an_object_of_another_size_is_found(connections: Connections, objects: Objects) -> None:
    story_id, picture = await add_cover(connections, objects)
    await objects._call("put_object", Key=picture.image.key, Body=b"cut")
    assert await findings(connections, story_id) == {("object_size_mismatch", f"{story_id}.cover.{picture.image.key}")}


async def test_a_missing_manifest_is_found(connections: Connections, objects: Objects) -> None:
    """…but a text that a client has written over never had one."""
    story_id, _ = await add_cover(connections, objects)
    text = sample(Asset.TEXT_1, story_id).model_dump(mode="json")
    await add_asset(connections, story_id, Asset.TEXT_1, text, revision=1, fingerprint="d" * 64)
    assert await findings(connections, story_id) == set()
    await objects._call("delete_object", Key=f"stories/{story_id}/cover/{MARK}/result.json")
    assert await findings(connections, story_id) == {("manifest_missing", f"{story_id}.cover")}


async def test_what_lies_in_the_store_without_a_story_is_found_unless_it_is_being_erased(
    connections: Connections, objects: Objects
) -> None:
    orphan, erased = uuid4(), uuid4()
    for story_id in (orphan, erased):
        await objects.put(story_id, Asset.COVER, b"left behind", "image/png")
    await connections.pool.execute(
        "INSERT INTO erasures (story_id, tenant_id, receipt, due_at) VALUES ($1, 't', '{}', now())", erased
    )
    assert await findings(connections, orphan, erased) == {("objects_orphaned", str(orphan))}
    await connections.pool.execute("UPDATE erasures SET due_at = NULL")
    assert await findings(connections, erased) == {("objects_orphaned", str(erased))}


async def test_stories_of_several_pages_are_all_looked_at(
    connections: Connections, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.audits.STORIES_PER_PAGE", 2)
    stories = [await add_cover(connections, objects) for _ in range(5)]
    for _, picture in stories:
        await objects._call("delete_object", Key=picture.image.key)
    found = await audits.compare_store(connections, recheck_delay=0.05)
    lacking = {finding.about.split(".")[0] for finding in found if finding.code == "object_missing"}
    assert lacking == {str(story_id) for story_id, _ in stories}


async def test_an_unreachable_store_is_one_sentence(settings: Settings, connections: Connections) -> None:
    unreachable = Connections(
        settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:1"}), connections.bus, connections.pool
    )
    with pytest.raises(UnavailableError, match=r"^The store is unavailable: "):
        await audits.compare_store(unreachable)


NOW = datetime.now(UTC)


def paid(request_id: str, *, mark: str | None = None, cost: float = 0.04, ago: float = 60) -> PaidCall:
    at = NOW - timedelta(seconds=ago)
    return PaidCall(request_id=request_id, at=at, endpoint="images.generate", cost_usd=cost, mark=mark)


def call(request_id: str) -> dict[str, Any]:
    return {"provider": "openai", "model": "m", "request_id": request_id, "seconds": 1, "cost_usd": 0.04}


async def unknown(connections: Connections, *calls: PaidCall) -> tuple[list[str], str]:
    found, said = await audits.compare_ledger(connections, calls)
    assert all(finding.code == "call_unrecorded" for finding in found)
    return [finding.about for finding in found], said


async def test_a_paid_call_that_no_row_knows_is_found(connections: Connections) -> None:
    """Rows know the calls of results, and what was spent before and in vain."""
    story_id = await add_story(connections)
    metadata = {"calls": [call("req_result")], "spent": [call("req_spent")]}
    await add_asset(connections, story_id, Asset.COVER, metadata=metadata)
    await add_asset(connections, story_id, Asset.SCENE_1, status="failed", metadata={"spent": [call("req_failed")]})
    calls = [paid(name) for name in ("req_result", "req_spent", "req_failed", "req_lost")]
    about, said = await unknown(connections, *calls)
    assert about == ["req_lost"]
    assert said == "4 paid calls for 0.16 US$ in the ledger: 1 that no row records."


async def test_calls_of_jobs_in_flight_are_recognised_by_their_marks(connections: Connections) -> None:
    story_id = await add_story(connections, status="generating")
    await add_asset(connections, story_id, Asset.COVER, status="queued", queued_at=NOW)
    mine, other = f"{MARK[:16]}-1", f"{'9' * 16}-1"
    about, said = await unknown(connections, paid("req_now", mark=mine), paid("req_lost", mark=other, ago=-5))
    assert about == ["req_lost"]
    assert "1 of jobs in flight" in said


async def test_without_marks_calls_are_recognised_by_their_time(connections: Connections) -> None:
    story_id = await add_story(connections, status="generating")
    await add_asset(connections, story_id, Asset.COVER, status="queued", queued_at=NOW - timedelta(seconds=30))
    about, _ = await unknown(connections, paid("req_now", ago=20), paid("req_lost", ago=40))
    assert about == ["req_lost"]


ROWS = [
    {"seq": 1, "at": "2026-05-01T03:00:00+00:00", "endpoint": "responses", "request_id": "a", "cost_usd": 0.1},
    {"seq": 2, "at": "2026-05-01T03:00:01+00:00", "endpoint": "moderations", "request_id": "b", "cost_usd": 0.0},
]


async def test_a_ledger_is_read_from_a_file_from_a_url_and_from_a_studio(tmp_path: Path) -> None:
    """What cost nothing is left out."""

    async def ledger(_request: web.Request) -> web.Response:
        return web.json_response(ROWS)

    app = web.Application()
    app.router.add_get("/studio/ledger", ledger)
    app.router.add_get("/elsewhere.json", ledger)
    runner, url = await listen(app, "127.0.0.1", 0)
    file, wrapped = tmp_path / "ledger.json", tmp_path / "wrapped.json"
    file.write_bytes(orjson.dumps(ROWS))
    wrapped.write_bytes(orjson.dumps({"calls": ROWS}))
    found = [await read_ledger(one) for one in (url, f"{url}/elsewhere.json", str(file), str(wrapped))]
    await runner.cleanup()
    assert [[one.request_id for one in calls] for calls in found] == [["a"]] * 4


@pytest.mark.parametrize("text", [None, "no JSON", "{}", '[{"request_id": "a"}]'])
async def test_a_ledger_that_cannot_be_read_is_one_sentence(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UnavailableError, match=r"^The ledger "):
        await read_ledger(str(file))


def test_every_asset_is_looked_at_for_objects() -> None:
    """Whatever a result is called, the objects in it are found."""
    story_id = uuid4()
    with_objects = {asset for asset in GRAPH if list(audits._objects(sample(asset, story_id).model_dump(mode="json")))}
    assert with_objects == {asset for asset in GRAPH if '"sha256"' in sample(asset, story_id).model_dump_json()}
    assert len(list(audits._objects(sample(Asset.AUDIO, story_id).model_dump(mode="json")))) == 2
