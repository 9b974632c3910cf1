"""What the environment says of proxies, and what of it reaches servers on this machine."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

import boto3
import httpx
import pytest
from aiohttp import ClientSession
from elevenlabs import AsyncElevenLabs
from openai import AsyncOpenAI

from local.proxies import bypass_proxies


class Answering(BaseHTTPRequestHandler):
    """Answers whoever asks, as the server or as the proxy in front of it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"data": [], "voices": []}')

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


PROXIES = ("http://127.0.0.1:9", "user:word@127.0.0.1:9", "socks5://127.0.0.1:9", "socks://127.0.0.1:9/", "")


@pytest.fixture(params=PROXIES)
def proxied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment whose proxy does not answer, or is of a kind that nobody here speaks."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, request.param)
        monkeypatch.setenv(name.lower(), request.param)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "intern.example")
    bypass_proxies(os.environ)


@pytest.mark.usefixtures("proxied")
async def test_every_client_reaches_a_server_on_this_machine(server: str) -> None:
    async with httpx.AsyncClient() as http:
        assert (await http.get(server)).status_code == 200
    async with AsyncOpenAI(base_url=f"{server}/v1", api_key="studio", max_retries=0) as openai:
        assert (await openai.models.list()).data == []
    async with httpx.AsyncClient() as http:
        elevenlabs = AsyncElevenLabs(base_url=server, api_key="studio", httpx_client=http)
        assert (await elevenlabs.voices.get_all()).voices == []
    async with ClientSession(trust_env=True) as aiohttp, aiohttp.get(server) as answer:
        assert answer.status == 200


@pytest.mark.usefixtures("proxied")
def test_so_do_those_that_block(server: str) -> None:
    with urlopen(server) as response:
        assert response.status == 200
    store = boto3.client(
        "s3", endpoint_url=server, aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
    )
    assert store.head_bucket(Bucket="storyloom")["ResponseMetadata"]["HTTPStatusCode"] == 200
    store.close()


def test_what_others_are_exempt_stays_so_and_nothing_is_said_twice() -> None:
    environment = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intern.example, 127.0.0.1", "no_proxy": "a.example"}
    bypass_proxies(environment)
    bypass_proxies(environment)
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["no_proxy"] == environment["NO_PROXY"] == "a.example,intern.example,127.0.0.1,localhost,::1"


@pytest.mark.parametrize("proxy", ["http://proxy:3128", "https://proxy", "proxy:3128", "HTTP://proxy"])
def test_a_proxy_that_can_be_used_stays(proxy: str) -> None:
    environment = {"ALL_PROXY": proxy}
    bypass_proxies(environment)
    assert environment["ALL_PROXY"] == proxy


def test_without_a_proxy_nothing_else_changes() -> None:
    environment = {"PATH": "/bin"}
    bypass_proxies(environment)
    assert set(environment) == {"PATH", "NO_PROXY", "no_proxy"}
