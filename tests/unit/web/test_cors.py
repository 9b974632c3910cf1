"""Pages of other origins: whom a browser lets call the public port, and what it lets them read."""

import pytest
from pydantic import ValidationError

from storyloom.runtime.settings import HttpSettings
from tests.unit.web.raw import Answer, site

PAGE = "https://app.example"
ALLOWED = "access-control-allow-origin"


def ask(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")).encode()


async def answered(data: bytes, *origins: str) -> Answer:
    """The answer of a server that lets pages of these origins in."""
    async with site(cors_origins=origins) as server:
        (answer,) = await server.send(data)
        return answer


async def test_a_preflight_is_answered_before_anything_else_is_looked_at() -> None:
    """No key, no route, no body: a browser asks before it sends the request."""
    headers = (f"Origin: {PAGE}", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization")
    for path in ("/hello/1", "/no/such/route"):
        answer = await answered(ask("OPTIONS", path, *headers), PAGE)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers[ALLOWED] == PAGE
        assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(
            answer.headers["access-control-allow-methods"].split(", ")
        )
        assert {"Authorization", "Idempotency-Key", "If-Match", "Last-Event-ID", "traceparent"} <= set(
            answer.headers["access-control-allow-headers"].split(", ")
        )
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://other.example", "http://app.example", f"{PAGE}:8443", "null", f"{PAGE}.evil"]
)
async def test_a_page_of_another_origin_may_read_nothing(origin: str) -> None:
    preflight = ask("OPTIONS", "/hello/1", f"Origin: {origin}", "Access-Control-Request-Method: GET")
    for data in (preflight, ask("GET", "/hello/1", f"Origin: {origin}")):
        answer = await answered(data, PAGE)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["vary"] == "Origin"  # no cache gives this answer to the page that may


async def test_answers_and_problems_may_be_read_with_the_headers_that_the_api_explains() -> None:
    for path, status in (("/hello/1", 200), ("/no/such/route", 404)):
        answer = await answered(ask("GET", path, f"Origin: {PAGE}"), "https://one.example", PAGE)
        assert (answer.status, answer.headers[ALLOWED]) == (status, PAGE)
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"} <= exposed
        assert answer.headers["vary"] == "Origin"
    (none,) = (await answered(ask("GET", "/hello/1"), PAGE),)
    assert (none.headers["vary"], ALLOWED in none.headers) == ("Origin", False)


async def test_without_the_setting_nothing_is_said_of_origins() -> None:
    answer = await answered(ask("GET", "/hello/1", f"Origin: {PAGE}"))
    assert not {name for name in answer.headers if name == "vary" or name.startswith("access-control-")}
    refused = await answered(ask("OPTIONS", "/hello/1", f"Origin: {PAGE}", "Access-Control-Request-Method: GET"))
    assert refused.status == 405


async def test_any_origin_is_let_in_only_where_that_is_said() -> None:
    answer = await answered(ask("GET", "/hello/1", f"Origin: {PAGE}"), "*")
    assert answer.headers[ALLOWED] == "*"
    assert "vary" not in answer.headers


async def test_options_that_is_no_preflight_is_a_method_like_any_other() -> None:
    answer = await answered(ask("OPTIONS", "/hello/1", f"Origin: {PAGE}"), PAGE)
    assert (answer.status, answer.headers[ALLOWED]) == (405, PAGE)


@pytest.mark.parametrize("wrong", ["app.example", "https://app.example/", "", "null", "https://a,https://b"])
def test_what_is_no_origin_stops_the_start(wrong: str) -> None:
    with pytest.raises(ValidationError):
        HttpSettings(cors_origins=(wrong,))
