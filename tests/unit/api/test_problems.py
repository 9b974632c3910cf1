"""Errors as clients see them: problem+json whatever happens, and nothing of our inside in it."""

import pytest
from structlog.testing import capture_logs

from storyloom.problems import TITLES, Problem
from tests.unit.api.site import problem, site


async def test_an_unknown_address_is_a_404() -> None:
    async with site() as client, client.get("/nothing/here") as answer:
        assert answer.status == 404
        body = await problem(answer)
        assert (body["code"], body["instance"], body["retryable"]) == ("not_found", "/nothing/here", False)


async def test_a_wrong_method_is_a_405_that_names_the_right_ones() -> None:
    async with site() as client, client.delete("/brief") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await problem(answer))["code"] == "method_not_allowed"


async def test_a_bug_is_a_500_that_tells_nothing_and_is_logged_without_its_message() -> None:
    with capture_logs() as logs:
        async with site() as client, client.get("/bug") as answer:
            assert answer.status == 500
            body = await problem(answer)
            assert body["code"] == "bug"
            assert "Esmeralda" not in await answer.text()
    assert [entry["event"] for entry in logs] == ["http.bug"]


async def test_a_problem_carries_its_headers_and_members() -> None:
    async with site() as client, client.get("/busy") as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "7"
        body = await problem(answer)
        assert (body["retryable"], body["limit"], body["title"]) == (True, 3, "Too many requests")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422])
def test_what_would_fail_again_is_not_called_retryable(status: int) -> None:
    found = Problem(status, "word", "Sentence.").response("/here")
    assert b'"retryable":false' in bytes(found.body or b"")  # type: ignore[arg-type] # our bodies are bytes
    assert TITLES[status].encode() in bytes(found.body or b"")  # type: ignore[arg-type]
