"""Egress: which addresses of clients' choosing are called from here, and how it is made sure that no other is.

An endpoint's URL is whatever a client writes, and its name resolves to whatever its owner says, at every moment anew
(server-side request forgery, DNS rebinding). So a name is resolved once for a connection, every address that it has is
checked, and the connection goes to what was checked: see OWASP's Server Side Request Forgery Prevention Cheat Sheet.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.request import getproxies, proxy_bypass

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from storyloom.runtime.settings import WebhookSettings

MAX_URL_LENGTH = 2000
LOOKUP_TIMEOUT_SECONDS = 5.0

Network = IPv4Network | IPv6Network

_NEVER = (
    ip_network("169.254.0.0/16"),  # link-local: clouds answer with an instance's credentials there
    ip_network("fe80::/10"),
    ip_network("fd00:ec2::254/128"),  # AWS, the same by IPv6
    ip_network("168.63.129.16/32"),  # Azure's, a public address by its number
    ip_network("0.0.0.0/8"),  # this very host, on some systems
    ip_network("::/128"),
)
"""Allowed by no setting."""
_NOT_PUBLIC = (
    ip_network("192.0.0.0/24"),  # IETF protocols: which of them are global depends on Python's version
    ip_network("192.88.99.0/24"),  # 6to4 relays
    ip_network("2001::/23"),  # IETF protocols, among them Teredo and benchmarks
    ip_network("2002::/16"),  # 6to4: an IPv4 address in disguise
    ip_network("3fff::/20"),  # documentation (RFC 9637), unknown to older Pythons
)
_NAT64 = ip_network("64:ff9b::/96")
"""What DNS64 makes of every IPv4 address (RFC 6052): as good as the address inside."""
_GLOBAL_UNICAST = ip_network("2000::/3")
"""All of IPv6 that is routed as of now (RFC 4291)."""
_BAD_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
"""Ports from 1024 on of other protocols, which browsers do not call either (the Fetch Standard's bad ports)."""


class AddressRefusedError(Exception):
    """A URL or an address that is not called from here. The message is a sentence for the client."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may be called. ``networks`` are allowed although they are not public; ``trust_proxy``: see ``proxy_of``."""

    allow_http: bool = False
    networks: tuple[Network, ...] = ()
    trust_proxy: bool = False

    @classmethod
    def of(cls, settings: WebhookSettings) -> "EgressPolicy":
        """What the settings say."""
        return cls(settings.webhook_allow_http, settings.webhook_allowed_networks, settings.webhook_trust_proxy)

    def check_url(self, text: str) -> URL:
        """The URL, as it will be called. Raises AddressRefusedError for one that never is, whatever its name means."""
        if not (text.isascii() and text.isprintable() and " " not in text and "\\" not in text):
            raise AddressRefusedError("It holds characters that a URL has to encode.")
        if len(text) > MAX_URL_LENGTH:
            raise AddressRefusedError(f"It is longer than {MAX_URL_LENGTH} characters.")
        try:
            url = URL(text)
            host, port = url.host, url.port
        except ValueError:
            raise AddressRefusedError("It is no URL.") from None
        schemes = ("https", "http") if self.allow_http else ("https",)
        if url.scheme not in schemes or not host or port is None:
            raise AddressRefusedError(f"It must be an absolute URL that begins with {' or '.join(schemes)}://.")
        if url.user is not None or url.password is not None:
            raise AddressRefusedError("It must not hold a user or a password.")
        if url.fragment or "#" in text:
            raise AddressRefusedError("It must not have a fragment.")
        if (port < 1024 and port not in (80, 443)) or port in _BAD_PORTS:
            raise AddressRefusedError("Its port is not one that webhooks are sent to.")
        # Names are for the resolver. What is an address already never gets to it.
        if (address := _parse(host)) is not None:
            self._check(address)
        elif _is_legacy_number(host):
            raise AddressRefusedError("Its address must be written as four decimal numbers.")
        return url

    def check_address(self, host: str) -> None:
        """Raise AddressRefusedError unless a numeric address may be called."""
        address = _parse(host)
        if address is None:
            raise AddressRefusedError("Its name resolves to something that is no address.")
        self._check(address)

    def proxy_of(self, url: URL) -> str | None:
        """The environment's proxy for a URL, where the setting trusts it: then the proxy decides what is called.

        By HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as urllib reads them.
        """
        if not self.trust_proxy or proxy_bypass(url.host or ""):
            return None
        return getproxies().get(url.scheme)

    def _check(self, address: IPv4Address | IPv6Address) -> None:
        if _within(address, _NEVER) or not (_within(address, self.networks) or _is_public(address)):
            raise AddressRefusedError("Its address is not a public one.")


class GuardedResolver(AbstractResolver):
    """A resolver for aiohttp's connector that gives only names all of whose addresses may be called.

    Raises AddressRefusedError for others, OSError for what cannot be resolved. Without a cache: each connection asks.
    """

    def __init__(self, policy: EgressPolicy, lookup: AbstractResolver) -> None:
        self._policy = policy
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name, each of them checked."""
        found = await self._lookup.resolve(host, port, family)
        for one in found:
            self._policy.check_address(one["host"])
        return found

    async def close(self) -> None:
        """Close what looks names up."""
        await self._lookup.close()


class ThreadedLookup(AbstractResolver):
    """The system's resolver in threads of its own: names that take long are in nobody else's way."""

    def __init__(self, threads: int, *, timeout: float = LOOKUP_TIMEOUT_SECONDS) -> None:
        """``timeout``: seconds for a name's addresses."""
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="names")
        self._timeout = timeout

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name. Raises socket.gaierror, also where they are not there in time."""
        work = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port, family)
        try:
            async with asyncio.timeout(self._timeout):
                found = await work
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer in time") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, address in found
        ]

    async def close(self) -> None:
        """Begin nothing more; look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def check_endpoint(policy: EgressPolicy, lookup: AbstractResolver, text: str) -> None:
    """Check a URL, and the addresses that its name has now. Raises AddressRefusedError.

    A name that cannot be resolved passes: it may be registered later, and is checked at every attempt.
    """
    url = policy.check_url(text)
    if _parse(url.host or "") is not None or policy.proxy_of(url) is not None:
        return
    try:
        await GuardedResolver(policy, lookup).resolve(url.host or "", url.port or 443)
    except OSError:
        return


def _look_up(
    host: str, port: int, family: socket.AddressFamily
) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]:
    try:
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:  # a label that is empty or too long for IDNA
        raise socket.gaierror(socket.EAI_NONAME, "not a name") from error


def _parse(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is; IPv6 in any of its forms of an IPv4 address as that address. None for a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_legacy_number(host: str) -> bool:
    """Whether a host is an IPv4 address in one of its old forms (``127.1``, ``0x7f000001``), as sockets read them."""
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not _within(address, _NOT_PUBLIC)


def _within(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
