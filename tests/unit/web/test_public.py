"""What every answer of the public port carries, and what is noted of a request: never more than its route."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from storyloom.runtime.settings import HttpSettings, InvalidSettingError
from storyloom.web.server import forwarded_client, limits
from tests.unit.web.raw import QUICK, WORD, site

PROXY = ip_network("127.0.0.0/8")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")).encode()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("4bf92f3577b34da6a3ce929d0e0e4736", True),
        ("c0ffee00-1111-4222-8333-444455556666", True),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", True),
        (WORD, False),
        ("Mira-and-her-lantern-2", False),
        ("1" * 65, False),
        ("1234567890123456 x", False),
        ("", False),
    ],
)
async def test_a_programs_request_id_comes_back_and_a_persons_does_not(sent: str, kept: bool) -> None:
    async with site() as server:
        (answer,) = await server.send(get("/", f"X-Request-Id: {sent}"))
    found = answer.headers["x-request-id"]
    assert (found == sent) is kept
    assert len(found) >= 16


async def test_problems_name_their_request_and_their_trace() -> None:
    async with site() as server:
        (answer,) = await server.send(get("/nothing", f"traceparent: {TRACE}", f"X-Request-Id: {'0' * 32}"))
        (other,) = await server.send(get("/nothing", "traceparent: x"))
    assert answer.headers["traceparent"] == TRACE
    assert answer.problem["traceId"] == TRACE.split("-")[1]
    assert answer.problem["instance"] == f"urn:storyloom:request:{'0' * 32}"
    assert len(other.problem["traceId"]) == 32


async def test_a_request_is_one_line_with_its_routes_template_and_nothing_of_the_client() -> None:
    with capture_logs() as logs:
        async with site() as server:
            await server.send(get(f"/hello/{WORD}?name={WORD}", f"Authorization: Bearer {WORD}", f"User-Agent: {WORD}"))
            await server.send(get(f"/{WORD}"))
    lines = [line for line in logs if line["event"] == "http.request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/hello/{name}", 200),
        ("GET", "unknown", 404),
    ]
    assert WORD not in repr(logs)


async def test_requests_are_counted_by_method_template_and_status() -> None:
    def counted(method: str, route: str, status: str) -> float:
        labels = {"method": method, "route": route, "status": status}
        return REGISTRY.get_sample_value("storyloom_http_request_seconds_count", labels) or 0

    rows = (("GET", "/hello/{name}", "200"), ("GET", "unknown", "404"), ("other", "unknown", "405"))
    before = [counted(*row) for row in rows]
    async with site() as server:
        await server.send(get("/hello/1"))
        await server.send(get(f"/{WORD}/1"))
        await server.send(get("/hello/1").replace(b"GET", b"PROPFIND"))
    assert [counted(*row) for row in rows] == [one + 1 for one in before]
    assert REGISTRY.get_sample_value("storyloom_http_requests_in_flight") == 0


async def test_answers_say_that_they_are_no_page_and_nobodys_to_keep() -> None:
    async with site() as server:
        (answer,) = await server.send(get("/"))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers
    async with site(hsts_seconds=60) as server:
        (answer,) = await server.send(get("/"))
    assert answer.headers["strict-transport-security"] == "max-age=60; includeSubDomains"


@pytest.mark.parametrize(
    ("peer", "header", "client"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 127.0.0.2", "203.0.113.7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("198.51.100.1", "203.0.113.7", None),
        ("127.0.0.1", "", None),
        ("127.0.0.1", f"203.0.113.7, {WORD}", None),
    ],
)
def test_only_our_own_proxies_say_who_their_client_is(peer: str, header: str, client: str | None) -> None:
    assert forwarded_client(peer, header, (PROXY,)) == client


async def test_clients_behind_a_proxy_have_so_many_requests_in_flight_each() -> None:
    bounds = replace(QUICK, client_connections=1, trusted=(PROXY,), write_seconds=30)
    async with site(bounds) as server:
        reader, writer = await server.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it reads, too
        writer.write(b"POST /body HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nContent-Length: 9\r\n\r\n")
        await writer.drain()
        (refused,) = await server.send(get("/", "X-Forwarded-For: 203.0.113.7"))
        (other,) = await server.send(get("/", "X-Forwarded-For: 203.0.113.8"))
        (ours,) = await server.send(get("/"))
        assert (refused.status, other.status, ours.status) == (429, 200, 200)
        writer.transport.resume_reading()  # type: ignore[attr-defined] # it reads, too
        await asyncio.wait_for(reader.read(), 5)
        writer.close()


def test_what_is_no_network_stops_the_start() -> None:
    with pytest.raises(InvalidSettingError, match="TRUSTED_PROXIES"):
        limits(HttpSettings(trusted_proxies=("anywhere",)), direct=True)
    assert limits(HttpSettings(http_client_connections=5), direct=True).client_connections == 5
    assert limits(HttpSettings(http_client_connections=5), direct=False).client_connections == 0
