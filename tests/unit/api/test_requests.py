"""Reading requests: a JSON pointer to whatever is wrong, and nothing that a client can send is answered as a bug."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.schemas import encode_cursor
from tests.unit.api.site import problem, site

SHORT = {"characterName": "Mira", "storyType": "adventure"}
LONG = {"characters": [{"name": "Mira"}], "storyType": "adventure"}


async def pointers(brief: Any) -> dict[str, str]:
    """The pointers of a refused brief, each with its detail."""
    async with site() as client, client.post("/brief", json=brief) as answer:
        assert answer.status == 422
        body = await problem(answer)
        assert body["code"] == "bad_brief"
        found = {error["pointer"]: error["detail"] for error in body["errors"]}
        assert len(found) == len(body["errors"])
        many = "One field of the brief is" if len(found) == 1 else f"{len(found)} fields of the brief are"
        assert body["detail"] == f"{many} wrong."
        return found


async def test_an_unknown_language_is_answered_with_the_list() -> None:
    (detail,) = (await pointers({**SHORT, "language": "tlh"})).values()
    assert "ar, az" in detail
    assert detail.endswith("zh, zh-Hant")


@pytest.mark.parametrize(
    ("brief", "pointer"),
    [
        ({**SHORT, "age": 99}, "/age"),
        ({**SHORT, "storyType": "horror"}, "/storyType"),
        ({**SHORT, "language": "english"}, "/language"),
        ({"characterName": "Mira"}, "/storyType"),
        ({"storyType": "adventure"}, "/characters"),
        ({**LONG, "characters": [{"name": "Mira"}, {"name": ""}]}, "/characters/1/name"),
        ({**LONG, "characters": [{"name": "Mira", "hat": "red"}]}, "/characters/0/hat"),
        ({**LONG, "characters": [{"age": 5}]}, "/characters/0/name"),
        ({**LONG, "characters": [{"name": "Mira", "traits": ["cape"]}]}, "/characters/0/traits"),
        ({**SHORT, "a/b~c": 1}, "/a~1b~0c"),
        ({**SHORT, "type_details": {"subject": "stars"}}, "/type_details"),
        ({**SHORT, "metadata": {"a/b": 5}}, "/metadata/a~1b"),
        ({**SHORT, "metadata": {"k" * 41: "v"}}, f"/metadata/{'k' * 41}"),
        ({**SHORT, "typeDetails": {"subject": {"deep": 1}}}, "/typeDetails/subject"),
        ({**SHORT, "typeDetails": {"subject": ["x"]}}, "/typeDetails/subject"),
        ({**SHORT, "storyType": "educational"}, "/typeDetails"),
        ({**SHORT, "assets": ["cover", "lamp"]}, "/assets/1"),
        ({"characterName": "", "storyType": "adventure"}, "/characterName"),
        ({"characterName": ["Mira"], "storyType": "adventure"}, "/characterName"),
        ({**SHORT, "characters": []}, ""),
    ],
)
async def test_a_wrong_field_is_named_by_its_pointer(brief: dict[str, Any], pointer: str) -> None:
    """RFC 6901: ``~`` and ``/`` in a key are escaped; the pointer leads to what was sent, and to nothing else."""
    assert set(await pointers(brief)) == {pointer}


async def test_every_wrong_field_is_named_at_once() -> None:
    found = await pointers({**LONG, "age": 1, "colour": "red", "characters": [{"name": "M" * 41, "age": -1}]})
    assert set(found) == {"/age", "/colour", "/characters/0/name", "/characters/0/age"}


@pytest.mark.parametrize("body", [[], "brief", 5, None, True])
async def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    headers = {"Content-Type": "application/json"}
    async with site() as client, client.post("/brief", data=json.dumps(body), headers=headers) as answer:
        assert answer.status == 422
        assert (await problem(answer))["errors"] == [{"pointer": "", "detail": "is no object"}]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 60_000, b'{"a": "\\ud800"}'])
async def test_what_is_no_json_is_a_400(body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with site() as client, client.post("/brief", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await problem(answer))["code"] == "bad_json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_another_media_type_is_a_415(kind: str) -> None:
    headers = {"Content-Type": kind}
    async with site() as client, client.post("/brief", data=json.dumps(SHORT), headers=headers) as answer:
        assert answer.status == 415
        assert (await problem(answer))["code"] == "not_json"


async def test_64_kb_are_the_end() -> None:
    async with site() as client:
        for size, status in ((64 * 1024, 422), (64 * 1024 + 1, 413)):
            body = json.dumps({**SHORT, "premise": ""})
            body = body.replace('"premise": ""', f'"premise": "{"x" * (size - len(body))}"')
            assert len(body) == size
            async with client.post("/brief", data=body, headers={"Content-Type": "application/json"}) as answer:
                assert answer.status == status
                await problem(answer)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten", "", "9" * 5000])
async def test_a_limit_is_a_number_from_1_to_100(limit: str) -> None:
    async with site() as client, client.get("/page", params={"limit": limit}) as answer:
        assert answer.status == 400
        assert (await problem(answer))["code"] == "bad_limit"


NO_ZONE = datetime(2026, 1, 2)  # noqa: DTZ001 - a time without its zone is what must be refused
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone itself
FAR = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))


@pytest.mark.parametrize(
    "wrong", ["x", "é", "=", "MjAyNi0wMS0wMg==", encode_cursor(NO_ZONE, UUID(int=1)), encode_cursor(FAR, UUID(int=1))]
)
async def test_a_cursor_is_one_that_the_api_made(wrong: str) -> None:
    async with site() as client, client.get("/page", params={"cursor": wrong}) as answer:
        assert answer.status == 400
        assert (await problem(answer))["code"] == "bad_cursor"


@settings(max_examples=25, deadline=None)
@given(at=st.datetimes(min_value=EPOCH, timezones=st.just(UTC)), key=st.uuids())
async def test_a_cursor_says_where_the_next_page_begins(at: datetime, key: UUID) -> None:
    async with site() as client, client.get("/page", params={"limit": "7", "cursor": encode_cursor(at, key)}) as answer:
        assert await answer.json() == {"limit": 7, "at": at.isoformat(), "id": str(key)}


async def test_a_callers_trace_is_continued_and_a_broken_one_is_replaced() -> None:
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with site() as client:
        for header, kept in ((sent, True), ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", False), ("x", False)):
            async with client.get("/trace", headers={"traceparent": header}) as answer:
                found = (await answer.json())["trace"]
                assert (found == header) is kept
                assert len(found) == len(sent)


@pytest.mark.parametrize("word", ["1", "cover", "%00", "00000000-0000-0000-0000-00000000000g"])
async def test_what_is_no_id_is_no_story(word: str) -> None:
    async with site() as client, client.get(f"/stories/{word}") as answer:
        assert answer.status == 404
        await problem(answer)
