"""What is on the wire: each row is bytes that a client may send, and the status that they get.

None is a bug, none is quoted, and each answer is a problem with its headers.
"""

import asyncio
import resource
import socket
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.unit.web.raw import QUICK, WORD, heard, parse, site

W = WORD.encode()
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
END = b"Connection: close\r\n\r\n"

ROWS: list[tuple[str, bytes, list[int]]] = [
    ("a request", GET + END, [200]),
    ("HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", [200]),
    ("HTTP/0.9", b"GET /\r\n\r\n", [505]),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", [505]),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", [505]),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 501]),
    ("no version", b"GET / " + W + b"\r\n\r\n", [400]),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [501]),
    ("no HTTP", W + b"\r\n\r\n", [501]),
    ("NULs", b"\x00" * 20, [501]),
    ("an unknown method", b"QUILLABELLE / HTTP/1.1\r\nHost: x\r\n\r\n", [501]),
    ("a method in small letters", b"get / HTTP/1.1\r\nHost: x\r\n\r\n", [501]),
    ("a method of others", b"PROPFIND / HTTP/1.1\r\nHost: x\r\n" + END, [405]),
    ("OPTIONS", b"OPTIONS / HTTP/1.1\r\nHost: x\r\n" + END, [405]),
    ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\nX-Name: " + W + b"\r\n" + END, [405]),
    ("CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n" + END, [400, 404, 405]),
    ("HEAD", b"HEAD / HTTP/1.1\r\nHost: x\r\n" + END, [200]),
    ("absolute-form", b"GET http://" + W + b"/ HTTP/1.1\r\nHost: x\r\n" + END, [200]),
    ("absolute-form without an end", b"GET http://[" + W + b" HTTP/1.1\r\nHost: x\r\n" + END, [400]),
    ("%2e", b"GET /%2e%2e/" + W + b" HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("..", b"GET /../../" + W + b" HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("//", b"GET //" + W + b" HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("\\\\", b"GET /\\\\" + W + b" HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("%00", b"GET /" + W + b"%00 HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("NUL", b"GET /" + W + b"\x00 HTTP/1.1\r\nHost: x\r\n" + END, [400]),
    ("bytes that are not ASCII", b"GET /" + W + b"\xff\xfe HTTP/1.1\r\nHost: x\r\n" + END, [400, 404]),
    ("UTF-8", b"GET /" + W + "é".encode() + b" HTTP/1.1\r\nHost: x\r\n" + END, [400, 404]),
    ("escaped bytes that are no UTF-8", b"GET /%ff" + W + b"%zz HTTP/1.1\r\nHost: x\r\n" + END, [404]),
    ("an escaped slash", b"GET /hello/a%2fb HTTP/1.1\r\nHost: x\r\n" + END, [200, 404]),
    ("an overlong path", b"GET /" + W * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [431]),
    ("an overlong query", b"GET /?" + W * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", [431]),
    ("an overlong header", GET + b"X-Name: " + W * 2000 + b"\r\n\r\n", [431]),
    ("an overlong name", GET + W * 2000 + b": x\r\n\r\n", [431]),
    ("many headers", GET + b"".join(b"X-%d: %s\r\n" % (k, W) for k in range(100)) + b"\r\n", [431]),
    ("a large head", GET + b"".join(b"X-%d: %s\r\n" % (k, W * 70) for k in range(60)), [431]),
    ("no Host", b"GET / HTTP/1.1\r\n" + END, [200, 400]),
    ("a header without a colon", b"GET / HTTP/1.1\r\n" + W + b"\r\n\r\n", [400]),
    ("a space in a name", b"GET / HTTP/1.1\r\n" + W + b" x: y\r\n\r\n", [400]),
    ("NUL in a header", GET + b"X-Name: " + W + b"\x00\r\n\r\n", [400]),
    ("a folded header", GET + b"X-Name: a\r\n " + W + b"\r\n\r\n", [400]),
    ("a bare LF", b"GET / HTTP/1.1\nHost: x\n\n", [400, 505]),
    ("two lengths", POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", [400]),
    ("a length that is none", POST + b"Content-Length: " + W + b"\r\n\r\n", [400]),
    ("a negative length", POST + b"Content-Length: -1\r\n\r\n", [400]),
    ("a length with a sign", POST + b"Content-Length: +2\r\n\r\n{}", [400]),
    ("a length beyond all numbers", POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", [400]),
    (
        "length and chunks",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + END + b"0\r\n\r\nGET /" + W,
        [400],
    ),
    ("an unknown transfer coding", POST + b"Transfer-Encoding: " + W + b"\r\n\r\n", [400]),
    ("chunked, twice", POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", [400]),
    ("chunks", POST + b"Transfer-Encoding: chunked\r\n" + END + b"2\r\n{}\r\n0\r\n\r\n", [200]),
    ("trailers", POST + b"Transfer-Encoding: chunked\r\n" + END + b"2\r\n{}\r\n0\r\nX-Name: y\r\n\r\n", [200]),
    ("a chunk without a size", POST + b"Transfer-Encoding: chunked\r\n\r\n" + W + b"\r\n", [400]),
    ("a chunk that is longer", POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}" + W + b"\r\n", [400]),
    ("more than 64 kB, said", POST + b"Content-Length: 65537\r\n\r\n" + b"x" * 100, [413]),
    (
        "more than 64 kB, in chunks",
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n",
        [413],
    ),
    ("gzip", POST + b"Content-Encoding: gzip\r\nContent-Length: 11\r\n\r\n" + W, [415]),
    ("deflate", POST + b"Content-Encoding: deflate\r\nContent-Length: 11\r\n\r\n" + W, [415]),
    ("br", POST + b"Content-Encoding: br\r\nContent-Length: 11\r\n\r\n" + W, [415]),
    ("two codings", POST + b"Content-Encoding: gzip, gzip\r\nContent-Length: 11\r\n\r\n" + W, [415]),
    ("identity", POST + b"Content-Encoding: identity\r\nContent-Length: 2\r\n" + END + b"{}", [200]),
    ("another media type", POST.replace(b"json", W) + b"Content-Length: 2\r\n" + END + b"{}", [415]),
    (
        "another charset",
        POST.replace(b"json", b"json; charset=latin-1") + b"Content-Length: 2\r\n" + END + b"{}",
        [415],
    ),
    ("UTF-8, said", POST.replace(b"json", b'json; charset="UTF-8"') + b"Content-Length: 2\r\n" + END + b"{}", [200]),
    ("a body that does not come", POST + b"Content-Length: 900\r\n\r\n{" + W, [408]),
    ("a body on GET", GET + b"Content-Length: 2\r\n" + END + b"{}", [200]),
    ("two requests at once", GET + b"\r\n" + GET + END, [200, 200]),
    ("a request, then no HTTP", GET + b"\r\n" + W + b"\r\n\r\n", [200, 501]),
    ("Expect: 100-continue", POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n" + END + b"{}", [100, 200]),
    ("Expect: 100-continue of too much", POST + b"Expect: 100-continue\r\nContent-Length: 99999\r\n" + END, [413]),
    ("another expectation", POST + b"Expect: " + W + b"\r\nContent-Length: 2\r\n" + END + b"{}", [417]),
    ("Upgrade", GET + b"Upgrade: " + W + b"\r\nConnection: upgrade, close\r\n\r\n", [200]),
    ("Upgrade to h2c", GET + b"Upgrade: h2c\r\nConnection: upgrade, close\r\n\r\n", [200]),
]


@pytest.mark.parametrize(("data", "statuses"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_every_row_gets_its_status_and_quotes_nothing(data: bytes, statuses: list[int]) -> None:
    """More than one status in a row is one for each answer, or what parsers may differ in where there is one answer."""
    with capture_logs() as logs:
        async with site() as server:
            answers = await server.send(data)
    found = [answer.status for answer in answers]
    assert found == statuses or (len(found) == 1 and found[0] in statuses and len(statuses) > 1), found
    for answer in answers:
        assert W not in answer.raw.replace(b"Quillabelle-", b"")
        if answer.status == 100:
            continue
        assert answer.headers["server"] == "storyloom"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 32
        if answer.status >= 400 and not data.startswith(b"HEAD"):
            assert answer.problem["code"] not in ("bug", "")
    assert WORD.lower() not in repr(logs).lower()
    assert not [entry for entry in logs if entry["event"] == "http.bug"]


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"", None), (b"GET / HTTP/1.1\r\nHost: x\r\nX-Name: ", 408), (GET + b"\r\n", 200), (GET + b"\r\nGET /", 200)],
    ids=["nothing", "half a head", "kept alive", "kept alive, then half a head"],
)
async def test_a_client_that_sends_no_more_loses_its_connection(head: bytes, status: int | None) -> None:
    async with site() as server:
        answers = await server.send(head, within=3)
    assert (answers[0].status if answers else None) == status


async def test_a_head_that_comes_byte_by_byte_is_cut_off() -> None:
    """Slowloris: no byte of it restarts the clock."""
    async with site() as server:
        reader, writer = await server.connect()
        end = asyncio.ensure_future(reader.read())
        for byte in GET + b"X-Name: " + b"x" * 1000:
            writer.write(bytes([byte]))
            done, _ = await asyncio.wait({end}, timeout=0.02)
            if done:
                break
        assert parse(await asyncio.wait_for(end, 3))[0].status == 408
        writer.close()


async def test_a_client_that_takes_nothing_loses_its_connection() -> None:
    """32 MB are ready for it; neither they nor its place are kept for it."""
    async with site() as server:
        reader, writer = await server.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it reads, too
        with heard("http.client_too_slow") as too_slow:
            writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.wait_for(too_slow.wait(), 5)
        writer.transport.resume_reading()  # type: ignore[attr-defined] # it reads, too
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(_all_of(reader), 5)
        writer.close()


async def _all_of(reader: asyncio.StreamReader) -> None:
    taken = 0
    while chunk := await reader.read(1 << 20):
        taken += len(chunk)
    if taken < 32_000_000:
        raise ConnectionResetError


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such option")
async def test_a_client_that_is_gone_without_a_word_is_noticed_by_the_system() -> None:
    """Its milliseconds; a cut cable cannot be had here."""
    async with site() as server:
        (answer,) = await server.send(GET.replace(b"/ ", b"/socket ") + END)
    assert answer.body == b"300"


async def test_a_server_has_as_many_sockets_as_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], before[1]) - 1, before[1]))
    async with site():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


async def test_one_address_has_so_many_connections_and_no_more() -> None:
    async with site(replace(QUICK, client_connections=2, idle_seconds=30)) as server:
        held = [await server.connect() for _ in range(2)]
        (refused,) = await server.send(GET + END)
        assert (refused.status, refused.problem["code"]) == (429, "too_many_connections")
        held[0][1].close()
        await held[0][1].wait_closed()
        (answer,) = await server.send(GET + END)
        assert answer.status == 200
        held[1][1].close()


async def test_a_client_that_is_gone_in_the_midst_of_an_answer_is_no_bug() -> None:
    with capture_logs() as logs:
        async with site() as server:
            reader, writer = await server.connect()
            writer.write(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readexactly(10_000)
            writer.transport.abort()
            assert [answer.status for answer in await server.send(GET + END)] == [200]
    assert [entry["event"] for entry in logs if entry["log_level"] in {"error", "critical"}] == []
    assert "http.refused" not in {entry["event"] for entry in logs}
