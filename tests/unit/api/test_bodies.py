"""The bodies of commands: normalized, bounded, and a pointer to whatever is wrong."""

from typing import Any

import pytest

from services.api.schemas import MAX_TEXT_LENGTH
from tests.unit.api.site import problem, site


async def read(path: str, body: Any) -> dict[str, Any]:
    async with site() as client, client.post(path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = await answer.json()
        return found


async def pointers(path: str, body: Any) -> dict[str, str]:
    async with site() as client, client.post(path, json=body) as answer:
        assert answer.status == 422
        found = await problem(answer)
        assert found["code"] == "bad_body"
        return {error["pointer"]: error["detail"] for error in found["errors"]}


@pytest.mark.parametrize(
    "body",
    [
        {"text": "One  day.\nIt rained.\n\n \t\n\nThen\tit stopped. \n"},
        {"text": "One day. It rained.\r\n\r\nThen it stopped."},
        {"paragraphs": [" One day.\n It rained.", "Then it stopped."]},
    ],
)
async def test_a_text_is_its_paragraphs_each_on_one_line(body: dict[str, Any]) -> None:
    found = await read("/edit", body)
    assert found == {"paragraphs": ["One day. It rained.", "Then it stopped."], "alt_text": None}


async def test_an_alt_text_comes_along_on_one_line() -> None:
    assert (await read("/edit", {"text": "Day.", "altText": " A\nfox. "}))["alt_text"] == "A fox."


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"text": "Day.", "paragraphs": ["Day."]}, ""),
        ({"text": ""}, "/text"),
        ({"text": " \n\n "}, "/text"),
        ({"text": "… — !"}, "/text"),
        ({"text": 5}, "/text"),
        ({"text": "Day\u202e."}, "/text"),
        ({"text": "Day\u0000."}, "/text"),
        ({"text": "a" * (MAX_TEXT_LENGTH + 1)}, "/text"),
        ({"text": "\n\n".join(["Day."] * 31)}, "/text"),
        ({"paragraphs": []}, "/paragraphs"),
        ({"paragraphs": ["Day."] * 31}, "/paragraphs"),
        ({"paragraphs": ["a" * 2000, "b" * 2000]}, "/paragraphs"),
        ({"paragraphs": ["Day.", " "]}, "/paragraphs/1"),
        ({"paragraphs": ["Day.", "x\u0007"]}, "/paragraphs/1"),
        ({"text": "Day.", "altText": ""}, "/altText"),
        ({"text": "Day.", "altText": "a" * 601}, "/altText"),
        ({"text": "Day.", "alt_text": "A fox."}, "/alt_text"),
        ({"text": "Day.", "scene": 1}, "/scene"),
    ],
)
async def test_what_is_wrong_with_an_edit_is_pointed_to(body: dict[str, Any], pointer: str) -> None:
    assert set(await pointers("/edit", body)) == {pointer}


async def test_a_text_of_the_greatest_length_is_accepted() -> None:
    half = (MAX_TEXT_LENGTH - 2) // 2
    assert len((await read("/edit", {"paragraphs": ["a" * half, "b" * half]}))["paragraphs"]) == 2


async def test_assets_to_retry_are_named_or_all_are_meant() -> None:
    bodies: list[dict[str, Any]] = [{}, {"assets": []}]
    for body in bodies:
        assert await read("/retry", body) == {"assets": []}
    assert await read("/retry", {"assets": ["cover", "pdf"]}) == {"assets": ["cover", "pdf"]}
    async with site() as client, client.post("/retry") as answer:
        assert await answer.json() == {"assets": []}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"assets": "cover"}, "/assets"),
        ({"assets": None}, "/assets"),
        ({"assets": ["cover", 5]}, "/assets/1"),
        ({"assets": ["cover"] * 21}, "/assets"),
        ({"asset": "cover"}, "/asset"),
    ],
)
async def test_what_is_wrong_with_a_retry_is_pointed_to(body: dict[str, Any], pointer: str) -> None:
    assert set(await pointers("/retry", body)) == {pointer}


async def test_a_body_that_is_no_json_is_refused_also_where_none_is_needed() -> None:
    async with site() as client:
        for kind, data, status in (("text/plain", b"cover", 415), ("application/json", b"{", 400)):
            async with client.post("/retry", data=data, headers={"Content-Type": kind}) as answer:
                assert answer.status == status
                await problem(answer)
