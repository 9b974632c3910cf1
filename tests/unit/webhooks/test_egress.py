"""Which URLs and addresses may be called."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from storyloom.web import egress
from storyloom.web.egress import AddressRefusedError, EgressPolicy, GuardedResolver, ThreadedLookup, check_endpoint

STRICT = EgressPolicy()


class FakeLookup(AbstractResolver):
    """Names resolve to what is given, the same for all."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                          proto=0, flags=0)
            for one in self.addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.0.1",
        "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
        "168.63.129.16",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2001:2::1", "3fff::1", "100::1", "4000::1", "5f00::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        STRICT.check_address(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8",
                "64:ff9b::808:808"],
)  # fmt: skip
def test_what_is_public_is_called(address: str) -> None:
    STRICT.check_address(address)


def test_networks_that_a_setting_names_are_called_but_link_local_never() -> None:
    policy = EgressPolicy(networks=(ip_network("127.0.0.0/8"), ip_network("169.254.0.0/16"), ip_network("fe80::/10")))
    policy.check_address("127.0.0.1")
    policy.check_address("::ffff:127.0.0.1")
    for address in ("10.0.0.1", "169.254.169.254", "fe80::1"):
        with pytest.raises(AddressRefusedError):
            policy.check_address(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/",
        "example.com", "https:///x", "https://", "", "https://user@example.com/", "https://user:pw@example.com/",
        "https://example.com/#x", "https://example.com/#", "https://example.com:22/", "https://example.com:25/",
        "https://example.com:0/", "https://example.com:6667/", "https://example.com:99999/", "https://exa mple.com/",
        "https://example.com/\n", "https://example.com\\@127.0.0.1/", "https://éxample.com/",
        "https://[::1]/", "https://127.0.0.1/", "https://169.254.169.254/latest/meta-data",
        "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/", "https://017700000001/",
        "https://[::ffff:7f00:1]/", "https://[fe80::1%25eth0]/", "https://example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_a_url_that_is_never_called_is_refused_by_itself(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        STRICT.check_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a?b=c", "https://example.com:8443/", "https://example.com:80/", "https://1.1.1.1/",
     "https://[2606:4700::1111]/x", "https://xn--xample-9ua.com/"],
)  # fmt: skip
def test_other_urls_are_taken(url: str) -> None:
    assert str(STRICT.check_url(url)) in (url, url.replace(":443", ""))


def test_plain_http_is_for_those_who_allow_it() -> None:
    assert EgressPolicy(allow_http=True).check_url("http://example.com/").scheme == "http"


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("1.1.1.1", "10.0.0.1"), ("2606:4700::1111", "::1")])
async def test_a_name_is_refused_if_any_of_its_addresses_is(addresses: Sequence[str]) -> None:
    resolver = GuardedResolver(STRICT, FakeLookup(*addresses))
    with pytest.raises(AddressRefusedError):
        await resolver.resolve("hooks.test", 443)


async def test_a_name_is_resolved_once() -> None:
    lookup = FakeLookup("1.1.1.1", "2606:4700::1111")
    found = await GuardedResolver(STRICT, lookup).resolve("hooks.test", 443)
    assert [one["host"] for one in found] == ["1.1.1.1", "2606:4700::1111"]
    assert lookup.asked == 1


async def test_a_new_endpoint_is_checked_as_far_as_its_name_resolves() -> None:
    await check_endpoint(STRICT, FakeLookup(), "https://hooks.test/")
    await check_endpoint(STRICT, FakeLookup("1.1.1.1"), "https://hooks.test/")
    with pytest.raises(AddressRefusedError):
        await check_endpoint(STRICT, FakeLookup("192.168.0.1"), "https://hooks.test/")


def test_proxies_of_the_environment_are_for_those_who_trust_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "direct.test")
    url = URL("https://hooks.test/")
    assert STRICT.proxy_of(url) is None
    trusting = EgressPolicy(trust_proxy=True)
    assert trusting.proxy_of(url) == "http://proxy.test:3128"
    assert trusting.proxy_of(URL("https://direct.test/")) is None


async def test_of_a_proxied_name_the_proxy_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    lookup = FakeLookup("10.0.0.1")
    await asyncio.wait_for(check_endpoint(EgressPolicy(trust_proxy=True), lookup, "https://hooks.test/"), 1)
    assert lookup.asked == 0


async def test_a_name_server_that_does_not_answer_is_a_name_without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """…in time, whatever the thread that asks it still does."""
    release = threading.Event()
    monkeypatch.setattr(egress, "_look_up", lambda *_: release.wait(20))
    lookup = ThreadedLookup(1, timeout=0.05)
    try:
        with pytest.raises(socket.gaierror):
            await lookup.resolve("hooks.test", 443)
        await check_endpoint(STRICT, lookup, "https://hooks.test/")
    finally:
        release.set()
        await lookup.close()


@pytest.mark.parametrize("name", ["hooks.invalid", "a" * 64 + ".test", ".test", "a..b"])
async def test_what_is_no_name_has_no_addresses(name: str) -> None:
    lookup = ThreadedLookup(1)
    try:
        with pytest.raises(socket.gaierror):
            await lookup.resolve(name, 443)
    finally:
        await lookup.close()
