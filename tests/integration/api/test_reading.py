"""The book, its files and the links to it: what a reader gets, and what nobody gets."""

import gzip
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from services.api.reading.guests import MAX_LINKS, REQUESTS, Guests
from services.api.reading.pages import KEPT, OUTSIDE_THE_DOCUMENT, PATHS, WEB, WORKER, site, vocabulary
from services.api.reading.routes import _range, book_of
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.brief import Brief
from storyloom.web.problems import Problem
from tests.integration.core.system import BRIEF, System, running


@pytest.fixture
async def system(settings: Settings) -> AsyncIterator[System]:
    async with running(settings) as found:
        yield found


async def ask(
    system: System, method: str, path: str, secret: str | None = None, **more: Any
) -> tuple[int, Any, Mapping[str, str]]:
    """Status, body and headers; by the key of the tests, or by a link's secret."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else dict(system.headers)
    headers |= more.pop("headers", {})
    async with system.http.request(method, f"{system.api.url}{path}", headers=headers, **more) as answer:
        is_json = "json" in answer.content_type
        return answer.status, await (answer.json(content_type=None) if is_json else answer.read()), answer.headers


async def share(system: System, story_id: UUID) -> tuple[str, str]:
    """A link's id and its secret."""
    status, made, _ = await ask(system, "POST", f"/api/v1/stories/{story_id}/shares")
    assert status == 201
    assert made["url"].startswith(f"/read/{story_id}#sh_")
    return made["id"], made["url"].partition("#")[2]


async def test_a_link_opens_one_book_and_nothing_else(system: System, objects: Objects) -> None:
    """The book and its files, byte for byte and in parts; no other story, no other route, nothing of the order."""
    brief = BRIEF | {"metadata": {"orderId": "A-17"}, "premise": "a very private wish"}
    story_id, other = await system.post(brief), await system.post()
    for one in (story_id, other):
        await system.finished(one)
    base = f"/api/v1/stories/{story_id}"
    _, secret = await share(system, story_id)
    for row in await system.rows("SELECT result FROM asset_generation_jobs WHERE story_id = $1", story_id):
        for stored in (row["result"] or {}).values():
            if isinstance(stored, dict) and "sha256" in stored:
                await objects.write(stored["key"], bytes(n % 251 for n in range(stored["size"])))

    status, book, _ = await ask(system, "GET", f"{base}/book", secret)
    assert status == 200
    assert [page["scene"] for page in book["pages"]] == [1, 2, 3, 4]
    assert all(page["text"] and page["picture"] for page in book["pages"])
    assert not {"premise", "metadata", "cost", "models", "characters", "typeDetails"} & set(book)
    assert "private" not in str(book)
    assert "A-17" not in str(book)

    for url in [book["cover"]["url"], book["narration"]["url"], book["narration"]["captions"], book["printed"]]:
        status, whole, headers = await ask(system, "GET", url, secret)
        assert (status, headers["Cache-Control"], headers["Vary"]) == (
            200,
            KEPT.replace("public", "private"),
            "Authorization",
        )
        assert int(headers["Content-Length"]) == len(whole) > 0
        status, part, _ = await ask(system, "GET", url, secret, headers={"Range": "bytes=2-5"})
        assert (status, part) == (206, whole[2:6])
        status, nothing, _ = await ask(system, "GET", url, secret, headers={"If-None-Match": headers["ETag"]})
        assert (status, nothing) == (304, b"")
        status, nothing, _ = await ask(system, "HEAD", url, secret)
        assert (status, nothing) == (200, b"")

    for path in (
        f"/api/v1/stories/{other}/book",
        f"/api/v1/stories/{other}/assets/cover/file",
        f"/api/v1/stories/{uuid4()}/book",
    ):
        assert (await ask(system, "GET", path, secret))[0] == 404, path
    for method, path in (
        ("GET", base),
        ("GET", "/api/v1/stories"),
        ("GET", f"{base}/assets/cover"),
        ("GET", f"{base}/events"),
        ("GET", f"{base}/shares"),
        ("POST", f"{base}/shares"),
        ("POST", f"{base}/cancel"),
        ("POST", f"{base}/events-token"),
        ("DELETE", base),
    ):
        assert (await ask(system, method, path, secret))[0] == 401, (method, path)
    assert (await ask(system, "GET", base))[0] == 200


async def test_a_link_that_was_taken_back_paused_or_has_expired_opens_nothing(system: System) -> None:
    story_id = await system.post()
    await system.finished(story_id)
    base = f"/api/v1/stories/{story_id}"
    (revoked, first), (_, second) = await share(system, story_id), await share(system, story_id)

    async def opened() -> tuple[int, int]:
        return (await ask(system, "GET", f"{base}/book", first))[0], (await ask(system, "GET", f"{base}/book", second))[
            0
        ]

    assert await opened() == (200, 200)
    assert (await ask(system, "DELETE", f"{base}/shares/{revoked}"))[0] == 204
    assert await opened() == (401, 200)
    told = (
        "INSERT INTO webhook_endpoints (tenant_id, url, secret, event_types)"
        " SELECT tenant_id, $2, 's', $3 FROM stories WHERE id = $1"
    )
    for kinds in ([], ["story.reported"], ["story.failed"]):
        await system.pool.execute(told, story_id, "https://hooks.example/", kinds)
    assert (await ask(system, "POST", f"{base}/shares/pause", json={"scene": 5}))[0] == 422
    status, listed, _ = await ask(system, "POST", f"{base}/shares/pause", json={"scene": 2})
    reports = await system.rows("SELECT payload FROM webhook_deliveries WHERE type = 'story.reported'")
    assert [orjson.loads(row["payload"])["data"]["scene"] for row in reports] == [2, 2]
    assert (status, [one["status"] for one in listed["shares"]]) == (200, ["revoked", "paused"])
    assert await opened() == (401, 401)
    await ask(system, "POST", f"{base}/shares/resume")
    assert await opened() == (401, 200)
    await system.pool.execute("UPDATE story_shares SET expires_at = now()")
    assert await opened() == (401, 401)
    assert (await ask(system, "GET", f"{base}/assets/cover/file", second))[0] == 401
    stored = await system.rows("SELECT * FROM story_shares")
    assert not any(second in str(dict(row)) for row in stored)  # the secret is kept by nobody but who has the link
    await ask(system, "DELETE", base)
    assert not await system.rows("SELECT FROM story_shares")


async def test_nothing_is_shown_by_a_link_before_the_text_is_approved(system: System) -> None:
    story_id = await system.post(BRIEF | {"approval": "required"})
    base, path = f"/api/v1/stories/{story_id}", f"/api/v1/stories/{story_id}/book"
    _, secret = await share(system, story_id)
    async for _, event, _ in system.stream(story_id):
        if event == "approval":
            break
    assert (await ask(system, "GET", path, secret))[0] == 401
    assert (await ask(system, "GET", path))[0] == 200
    story = await system.get(story_id)
    version = story["assetGenerationStatus"]["approval"]["textVersion"]
    assert (await ask(system, "POST", f"{base}/approve", json={"textVersion": version}))[0] == 202
    await system.finished(story_id)
    assert (await ask(system, "GET", path, secret))[0] == 200


async def test_the_pages_hold_nothing_but_what_the_policy_allows(system: System) -> None:
    """No inline script, no address elsewhere, no unsafe word; files for ever under their hash, pages asked for anew."""
    for path, name in PATHS.items():
        status, body, headers = await ask(system, "GET", path.replace("{id}", str(uuid4())))
        page, policy = body.decode(), headers["Content-Security-Policy"]
        assert (status, headers["Cache-Control"], headers["Referrer-Policy"]) == (200, "no-cache", "no-referrer")
        assert "noindex" in headers["X-Robots-Tag"]
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "default-src 'none'" in policy
        assert page.encode() == site().pages[name].body
        assert "style=" not in page
        assert "{{" not in page
    assert (await ask(system, "GET", WORKER))[0] == 200
    for name in site().files:
        status, _, headers = await ask(system, "GET", f"/web/{site().version}/{name}")
        assert (status, headers["Cache-Control"]) == (200, KEPT), name
        _, _, headers = await ask(system, "GET", f"/web/another/{name}")
        assert headers["Cache-Control"] == "no-store"
    assert (await ask(system, "GET", f"/web/{site().version}/../make.html"))[0] == 404
    assert (await ask(system, "GET", f"/web/{site().version}/..%2fstoryloom%2fpy.typed"))[0] == 404


def test_a_page_is_at_most_sixty_kilobytes_of_script_and_style() -> None:
    """As it is written; all that the pages have is at most thirty-two as it is sent (ADR 0027)."""
    scripts = {name: one for name, one in site().files.items() if name.endswith(".js")}
    sheets = {name: (WEB / f"{name}.css").read_bytes() for name in ("common", "make", "read")}

    def weight(page: str, *names: str) -> int:
        return sum(len(scripts[f"{name}.js"].body) for name in names) + len(sheets["common"]) + len(sheets[page])

    assert weight("make", "elements", "common", "make", "grow", "receipt") <= 60_000
    assert weight("read", "elements", "common", "read", "narration", "worker") <= 60_000
    assert {"elements", "common", "make", "grow", "read", "narration", "worker", "receipt"} == {
        name[:-3] for name in scripts
    }
    packed = [len(one.packed or b"") for one in scripts.values()] + [len(gzip.compress(one)) for one in sheets.values()]
    assert sum(packed) <= 32_000


def test_every_word_of_the_form_is_one_that_a_brief_takes() -> None:
    words: Any = vocabulary()
    for species in words["species"]:
        Brief.asked({"storyType": "adventure", "characters": [{"name": "Mira", "species": species}]})
    for language in words["languages"]:
        Brief.asked({"storyType": "adventure", "characterName": "Mira", "language": language})
    for story_type, details in words["types"].items():
        Brief.asked({"storyType": story_type, "characterName": "Mira", "typeDetails": dict.fromkeys(details, "x")})
    for trait in words["traits"]:
        Brief.asked({"storyType": "adventure", "characters": [{"name": "Mira", "traits": [trait["id"]]}]})


def test_a_part_of_a_file_is_the_part_that_was_asked_for() -> None:
    """What is no single part is answered with the whole."""
    for header, part in (
        ("bytes=0-0", (0, 0)),
        ("bytes=2-", (2, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=5-99", (5, 9)),
        ("bytes=-99", (0, 9)),
        ("bytes=10-", None),
        ("bytes=5-2", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("x", None),
        (None, None),
    ):
        assert _range(header, 10) == part, header


def test_a_book_of_which_nothing_is_made_yet_says_so() -> None:
    row = {
        "id": uuid4(),
        "status": "generating",
        "title": None,
        "logline": None,
        "results": {},
        "audio_blocks": {"scene_1": "<p></p>"},
        "request": {"characters": [{"name": "نور"}], "age": 5, "language": "ar"},
    }
    book = book_of(row)
    assert (book["direction"], book["cover"], book["narration"], book["printed"], book["activities"]) == (
        "rtl",
        None,
        None,
        None,
        None,
    )
    assert all((page["text"], page["words"], page["picture"]) == (None, None, None) for page in book["pages"])


def test_a_link_that_goes_round_is_slowed_down_and_the_tenant_is_not() -> None:
    now = 0.0
    guests = Guests(None, clock=lambda: now)  # type: ignore[arg-type] # counting asks no database
    link = uuid4()
    for _ in range(REQUESTS):
        guests._count(link)
    with pytest.raises(Problem, match="too often") as refused:
        guests._count(link)
    assert refused.value.status == 429
    guests._count(uuid4())
    now = 61.0
    guests._count(link)
    for _ in range(MAX_LINKS + 1):
        guests._count(uuid4())
    assert len(guests._windows) == MAX_LINKS


def test_what_is_outside_of_the_document_is_for_browsers() -> None:
    assert {"/", "/story/{id}", "/read/{id}", "/worker.js"} < OUTSIDE_THE_DOCUMENT
