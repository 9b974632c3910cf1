"""Errors as clients see them: problem+json whatever happens, and nothing internal in it."""

import asyncio

import asyncpg
import nats.errors
import pytest
from structlog.testing import capture_logs

from storyloom.messaging.connection import BusUnavailableError
from storyloom.web.problems import TITLES, Problem
from tests.unit.api.site import problem, site


async def test_an_unknown_address_is_a_404() -> None:
    async with site() as client, client.get("/nothing/here") as answer:
        assert answer.status == 404
        body = await problem(answer)
        assert (body["code"], body["retryable"]) == ("not_found", False)
        assert body["instance"].startswith("urn:")
        assert "/here" not in await answer.text()


async def test_a_wrong_method_is_a_405_that_names_the_right_ones() -> None:
    async with site() as client, client.delete("/brief") as answer:
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await problem(answer))["code"] == "method_not_allowed"


async def test_a_bug_is_a_500_without_details_and_is_logged_without_its_message() -> None:
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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(111, "refused"), "database_away"),
        (ConnectionResetError(104, "reset"), "database_away"),
        (TimeoutError(), "database_away"),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"), "database_away"),
        (asyncpg.InterfaceError("connection is closed"), "database_away"),
        (asyncpg.InternalClientError("another operation (2) is in progress"), "database_away"),
        (asyncpg.CannotConnectNowError("the database system is starting up"), "database_away"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), "database_away"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"), "database_away"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "database_away"),
        (asyncpg.InvalidSQLStatementNameError("prepared statement does not exist"), "database_away"),
        (nats.errors.TimeoutError(), "bus_away"),
        (BusUnavailableError("NATS does not answer"), "bus_away"),
    ],
)
async def test_what_is_unavailable_is_a_503_that_says_when_to_retry(error: Exception, code: str) -> None:
    async with site(error) as client, client.get("/wrong") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
        body = await problem(answer)
        assert (body["code"], body["retryable"]) == (code, True)


@pytest.mark.parametrize(
    "error",
    [asyncpg.exceptions.UndefinedTableError("no such table"), asyncpg.ClientConfigurationError("bad"), KeyError()],
)
async def test_a_bug_is_not_called_an_outage(error: Exception) -> None:
    async with site(error) as client, client.get("/wrong") as answer:
        assert answer.status == 500
        assert (await problem(answer))["code"] == "bug"


async def test_a_client_that_disconnects_in_the_middle_of_its_brief_is_no_outage() -> None:
    disconnected = asyncio.Event()
    with capture_logs() as logs:
        async with site(done=disconnected) as client:
            _, writer = await asyncio.open_connection(client.host, client.port)
            writer.write(
                b"POST /brief HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
            )
            await writer.drain()
            writer.close()
            await asyncio.wait_for(disconnected.wait(), 5)
    assert not [entry for entry in logs if entry["event"].startswith("http.")]
