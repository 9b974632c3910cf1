"""Errors as clients see them: problem+json whatever happens, and nothing internal in it."""

import ast
import asyncio
import re
from typing import Any

import asyncpg
import nats.errors
import orjson
import pytest
from structlog.testing import capture_logs

from storyloom.messaging.connection import BusUnavailableError
from storyloom.web.catalogue import CATALOGUE, TITLES, CatalogueEntry
from storyloom.web.problems import Problem
from tests.unit.api.site import problem, site
from tools.docs.pages import ROOT


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
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "7"
        body = await problem(answer)
        assert (body["retryable"], body["limit"], body["title"]) == (True, 3, "Not available now")


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.code)
def test_what_would_fail_again_is_not_called_retryable(entry: CatalogueEntry) -> None:
    body = _body(Problem(entry.status, entry.code, "Sentence."))
    assert body["title"] == TITLES[entry.status]
    if entry.status in {400, 401, 403, 404, 413, 415, 422}:
        assert body["retryable"] is False
    if entry.status in {500, 503}:
        assert body["retryable"] is True


@pytest.mark.parametrize(("status", "code"), [(404, "of_no_catalogue"), (400, "not_found")])
def test_a_code_that_is_not_in_the_catalogue_cannot_be_raised(status: int, code: str) -> None:
    with pytest.raises(ValueError, match="catalogue"):
        Problem(status, code, "Sentence.")


def test_every_code_that_is_raised_anywhere_is_in_the_catalogue_with_its_status() -> None:
    """…and every entry of the catalogue is one that something raises."""
    raised = set()
    for top in ("services", "storyloom"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in ("Problem", "LimitError")
                ):
                    raised |= _raised(node)
    named_by_status = {(404, "not_found"), (405, "method_not_allowed"), (417, "expectation_failed")}
    named_by_kind = {(422, "bad_brief"), (422, "bad_body")}
    assert raised | named_by_status | named_by_kind == {(one.status, one.code) for one in CATALOGUE.values()}


def _raised(call: ast.Call) -> set[tuple[int, str]]:
    """The status and the code of a Problem that is made; none where they are computed."""
    match call.args:
        case [ast.Constant(value=str() as code), *_]:  # a LimitError
            return {(429, code)}
        case [ast.Constant(value=int() as status), ast.Constant(value=str() as code), *_]:
            return {(status, code)}
        case _:
            return set()


async def test_the_type_of_a_problem_is_absolute_where_the_public_address_is_known() -> None:
    async with site(public_url="https://stories.example") as client, client.get("/nothing") as answer:
        assert (await answer.json(content_type=None))["type"] == "https://stories.example/docs/errors/not_found"


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("sent", "is_taken"),
    [(f"00-{TRACE}-b7ad6b7169203331-01", True), (f"00-{'0' * 32}-b7ad6b7169203331-01", False), ("<script>", False)],
)
async def test_a_problem_tells_the_trace_that_its_request_belongs_to(sent: str, is_taken: bool) -> None:
    """One of ours, where the client sent none."""
    async with site() as client, client.get("/nothing", headers={"traceparent": sent}) as answer:
        found = (await problem(answer))["traceId"]
        assert (found == TRACE) is is_taken
        assert re.fullmatch("[0-9a-f]{32}", found)


def _body(problem: Problem) -> dict[str, Any]:
    found = problem.response("/here").body
    assert isinstance(found, bytes)
    body: dict[str, Any] = orjson.loads(found)
    return body


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
